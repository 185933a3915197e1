"""Fixtures that every part may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rulekube.actuators import docker_engine as engines

ONE_AT_A_TIME = ("docker", "nft", "kubectl")  # tests with these marks share one worker, and with it the machine


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send the tests that load the machine to one of the parallel workers, one after another."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ONE_AT_A_TIME):
            item.add_marker(pytest.mark.xdist_group("machine"))


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a private Docker Engine, one a session; it ends with everything that was started in it."""
    if os.geteuid() != 0 or shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        pytest.skip("needs root and dockerd (on Debian: apt-get install docker.io)")
    folder = Path(tmp_path_factory.mktemp("docker"))
    engine = engines.start(folder)
    try:
        yield engine.url
    finally:
        engine.stop(remove=True)


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of the real kubectl."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("needs kubectl")
    return found
