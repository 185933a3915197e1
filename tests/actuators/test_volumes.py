"""Volumes on disk: replaced at once, remembered across a restart, removed without a trace."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from rulekube.actuators.volumes import Token, Volumes, replace_files
from rulekube.engine import Json, Ref
from rulekube.errors import ActuatorError

from .world import World, action

POD = Ref("pod/shop/cart", "uid-1")


def issue(pod: Ref, account: str, audience: str, seconds: int) -> Token:
    return Token(f"{account}@{pod.uid} for {audience or 'everyone'}", 7_000_000)


def started(folder: Path) -> tuple[Volumes, World]:
    volumes, world = Volumes(folder, issue), World()
    volumes.start(world.report)
    return volumes, world


def write(volumes: Volumes, name: str, digest: str, content: dict[str, Any]) -> None:
    volumes.apply([action("write_volume", POD, name, digest, Json(content))])


def files(**texts: str) -> dict[str, Any]:
    return {"type": "files", "files": {name: {"text": text, "mode": 0o640} for name, text in texts.items()}}


def test_files_are_shown_through_one_link(tmp_path: Path) -> None:
    volumes, world = started(tmp_path)
    content = files(a="one") | {"tokens": []}
    content["files"]["deep/b"] = {"base64": base64.b64encode(b"\x00two").decode(), "mode": 0o600}
    write(volumes, "settings", "d1", content)
    home = tmp_path / POD.uid / "volumes" / "settings"
    assert (home / "a").read_text() == "one"
    assert (home / "deep" / "b").read_bytes() == b"\x00two"
    assert (home / "a").stat().st_mode & 0o777 == 0o640
    assert (home / "a").readlink() == Path("..data/a")
    assert world.of("volume") == [(POD, "settings", "d1", 0)]
    assert world.of("pod_folder") == [(POD,)]


def test_a_new_set_replaces_the_old_one_whole(tmp_path: Path) -> None:
    volumes, world = started(tmp_path)
    write(volumes, "settings", "d1", files(a="one", b="two"))
    home = tmp_path / POD.uid / "volumes" / "settings"
    before = (home / "..data").readlink()
    write(volumes, "settings", "d2", files(a="three", c="four"))
    assert sorted(path.name for path in home.iterdir() if not path.name.startswith("..")) == ["a", "c"]
    assert (home / "a").read_text() == "three"
    assert (home / "..data").readlink() != before
    assert not (home / before).exists()
    assert world.of("volume") == [(POD, "settings", "d2", 0)]


def test_tokens_are_issued_and_say_when_to_renew(tmp_path: Path) -> None:
    volumes, world = started(tmp_path)
    token = {"path": "token", "account": "default", "expirationSeconds": 3607, "mode": 0o644}
    write(volumes, "api", "d1", {"type": "files", "files": {}, "tokens": [token]})
    assert (tmp_path / POD.uid / "volumes" / "api" / "token").read_text() == "default@uid-1 for everyone"
    assert world.of("volume") == [(POD, "api", "d1", 7_000_000)]


def test_a_restart_remembers_and_removal_forgets(tmp_path: Path) -> None:
    volumes, world = started(tmp_path)
    write(volumes, "scratch", "d1", {"type": "empty"})
    (tmp_path / POD.uid / "volumes" / "scratch" / "kept").write_text("data")
    again, remembered = started(tmp_path)
    assert remembered.facts == world.facts
    write(again, "scratch", "d1", {"type": "empty"})
    assert (tmp_path / POD.uid / "volumes" / "scratch" / "kept").exists()
    again.apply([action("remove_volumes", POD)])
    assert list(tmp_path.iterdir()) == []
    assert remembered.of("volume") == []


@pytest.mark.parametrize(
    ("check", "reason"), [("Directory", "is not a directory"), ("File", "is not a file"), ("Socket", "is not a socket")]
)
def test_a_host_path_of_the_wrong_type_is_refused(tmp_path: Path, check: str, reason: str) -> None:
    volumes, _ = started(tmp_path / "pods")
    content = {"type": "hostPath", "path": str(tmp_path / "nothing"), "check": check}
    with pytest.raises(ActuatorError, match=reason):
        write(volumes, "host", "d1", content)
    write(volumes, "host", "d1", content | {"check": "DirectoryOrCreate"})
    assert (tmp_path / "nothing").is_dir()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_no_path_leaves_its_volume(tmp_path: Path, name: str) -> None:
    with pytest.raises(ActuatorError, match="may not leave it"):
        replace_files(tmp_path / "volume", {name: (b"", 0o644)})
