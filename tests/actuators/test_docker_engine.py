"""The private engine: starts, is taken over after a crash of its starter, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import docker
import pytest

from rulekube.actuators import docker_engine as engines
from rulekube.errors import SetupError


@pytest.mark.docker
@pytest.mark.slow
def test_private_engine_answers_and_leaves_nothing_behind(tmp_path: Path, docker_engine: str) -> None:
    engine = engines.start(tmp_path / "engine")
    runtime = Path(engine.url.removeprefix("unix://")).parent
    try:
        assert engine.private
        again = engines.start(tmp_path / "engine")
        assert (again.pid, again.version) == (engine.pid, engine.version)
        client = docker.APIClient(engine.url)
        assert client.containers(all=True) == []
        client.close()
    finally:
        engine.stop(remove=True)
    assert not runtime.exists()
    assert not (tmp_path / "engine").exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/rulekube-{runtime.name}"))


@pytest.mark.docker
def test_find_prefers_an_engine_that_answers(tmp_path: Path, docker_engine: str) -> None:
    engine = engines.find(tmp_path, {"DOCKER_HOST": docker_engine})
    assert engine.url == docker_engine
    assert not engine.private
    engine.stop()
    assert engines.find(tmp_path, {"DOCKER_HOST": docker_engine}).url == docker_engine


def test_find_without_any_says_why_and_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "DEFAULT_URL", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"no Docker Engine answers at .*needs root.*To get one"):
        engines.find(tmp_path, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_engine_that_does_not_start_leaves_no_folder_for_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\necho no cgroups >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SetupError, match="no cgroups"):
        engines.start(tmp_path / "docker")
    assert not engines._runtime(tmp_path / "docker").exists()
