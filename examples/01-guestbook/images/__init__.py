"""The guestbook's images, built here because a closed machine cannot pull them, and tagged as the manifests name them.

`kubeguide/guestbook-redis-slave` is Debian's redis-server with the libraries it loads, `kubeguide/guestbook-frontend` a
static web server compiled from `frontend.c`. `python examples/01-guestbook/images URL` loads both into an engine.
"""

from __future__ import annotations

from pathlib import Path

import docker

from rulekube.actuators.images import File, compiled, load_image, program

HERE = Path(__file__).parent
REDIS = "kubeguide/guestbook-redis-slave"
FRONTEND = "kubeguide/guestbook-frontend"
REDIS_ARGUMENTS = ["--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/tmp"]


def load(url: str) -> list[str]:
    """Load both images into the engine at `url`; returns their tags. Raises SetupError where a part is missing."""
    client = docker.APIClient(url)
    try:
        redis = {**program("redis-server", "/redis-server"), "/tmp/.keep": File(b"")}
        load_image(client, REDIS, redis, {"Cmd": ["/redis-server", *REDIS_ARGUMENTS], "ExposedPorts": {"6379/tcp": {}}})
        frontend = {"/frontend": File(compiled(HERE / "frontend.c"), 0o755)}
        load_image(client, FRONTEND, frontend, {"Cmd": ["/frontend"], "ExposedPorts": {"80/tcp": {}}})
    finally:
        client.close()
    return [REDIS, FRONTEND]
