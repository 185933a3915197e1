"""Images from nothing: the same bytes each time, and they run."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import docker
import pytest

from rulekube.actuators import images
from rulekube.engine import Json, Ref
from rulekube.errors import SetupError

from .conftest import Runtime
from .test_contract import action, run_sandbox

GUESTBOOK = Path(__file__).parents[2] / "examples" / "01-guestbook" / "images"


def test_an_archive_is_a_function_of_its_files() -> None:
    files = {"/bin/a": images.File(b"a", 0o755), "/etc/b": images.File(b"b")}
    one = images.archive("x:1", files, {"Cmd": ["/bin/a"]})
    assert images.archive("x:1", dict(reversed(files.items())), {"Cmd": ["/bin/a"]}) == one
    assert images.archive("x:1", {**files, "/etc/b": images.File(b"c")}, {"Cmd": ["/bin/a"]})[0] != one[0]


def test_a_program_brings_its_libraries() -> None:
    files = images.program("cat", "/cat")
    assert files["/cat"].mode == 0o755
    assert any("libc.so" in path for path in files)


def test_a_missing_program_says_so() -> None:
    with pytest.raises(SetupError, match="no-such-program is not installed"):
        images.program("no-such-program")


@pytest.mark.skipif(
    shutil.which("gcc") is None, reason="needs a C compiler (on Debian: apt-get install gcc musl-tools)"
)
def test_pause_is_built_the_same_each_time() -> None:
    assert images.compiled(images.PAUSE_SOURCE) == images.compiled(images.PAUSE_SOURCE)


def test_without_a_compiler_busybox_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which
    monkeypatch.setattr("shutil.which", lambda name: None if "gcc" in name else found(name) or "/bin/true")
    files, command = images.pause_files()
    assert command[:2] == ["/busybox", "sleep"]
    assert "/busybox" in files
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SetupError, match=r"no C compiler for pause.c.*musl-tools.*busybox-static"):
        images.pause_files()


@pytest.fixture
def guestbook() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("guestbook_images", GUESTBOOK / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.docker
@pytest.mark.slow
def test_the_guestbooks_images_run(guestbook: ModuleType, docker_runtime: Runtime, docker_engine: str) -> None:
    assert guestbook.load(docker_engine) == [guestbook.REDIS, guestbook.FRONTEND]
    client = docker.APIClient(docker_engine)
    assert {tag for image in client.images() for tag in image["RepoTags"]} >= {
        f"{guestbook.REDIS}:latest",
        f"{guestbook.FRONTEND}:latest",
    }
    client.close()
    answers = {}
    redis = Ref("pod/shop/redis", "00000000-0000-4000-8000-00000000000a")
    web = Ref("pod/shop/web", "00000000-0000-4000-8000-00000000000b")
    env = ["REDIS_SLAVE_SERVICE_HOST=10.250.0.7", "REDIS_SLAVE_SERVICE_PORT=6379"]
    for pod, image, address, variables in (
        (redis, guestbook.REDIS, "10.250.0.7", []),
        (web, guestbook.FRONTEND, "10.250.0.8", env),
    ):
        sandbox = run_sandbox(docker_runtime, pod, address)
        config = {"sandbox": sandbox, "image": f"{image}:latest", "env": variables}
        docker_runtime.actuator.apply([action("run_container", pod, "main", 0, Json(config))])
    for address, port, request in (("10.250.0.7", 6379, b"PING\r\n"), ("10.250.0.8", 80, b"GET / HTTP/1.0\r\n\r\n")):
        docker_runtime.world.wait(
            lambda address=address, port=port: _listens(address, port), f"{address}:{port} listens"
        )
        with socket.create_connection((address, port), 5) as connection:
            connection.sendall(request)
            answers[port] = connection.makefile("rb").readline() if port == 6379 else connection.makefile("rb").read()
    assert answers[6379] == b"+PONG\r\n"
    assert answers[80].endswith(b"pod: cart\nvisits: 1\n")


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
