"""The policy that docs/admission.md shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "admission.md"


def test_the_policy_of_the_manual_refuses_foreign_images(door: Any) -> None:
    (text,) = re.findall(r"A policy of your own.*?\n\n((?:    .*\n)+)", PAGE.read_text())
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "shop"}}
    spec = {"containers": [{"name": "c", "image": "docker.io/nginx"}]}
    assert door.judge("CREATE", {**pod, "spec": spec}).allowed
    door.cluster.db.load("images", text)
    try:
        ((reason, message, _),) = door.judge("CREATE", {**pod, "spec": spec}).denials
        assert (reason, message) == ("Forbidden", 'pods "x" is forbidden: images must come from our registry')
        own = {"containers": [{"name": "c", "image": "registry.example/nginx"}]}
        assert door.judge("CREATE", {**pod, "spec": own}).allowed
    finally:
        door.cluster.db.unload("images")
