"""The runtimes that one contract holds, each in a world of its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from pyroute2 import IPRoute

from rulekube.actuators import images
from rulekube.actuators.base import Actuator
from rulekube.actuators.docker_containers import DockerContainers
from rulekube.actuators.docker_labels import Owner
from rulekube.actuators.simulated import SimulatedContainers

from .world import World

WORKER = "rulekube/worker:1"


def clock() -> int:
    return time.time_ns() // 1000


@dataclass
class Runtime:
    """An actuator of containers, its world, and the bridge its sandboxes are plugged into."""

    actuator: Actuator
    world: World
    bridge: str
    real: bool


@pytest.fixture(scope="session")
def worker_image(docker_engine: str) -> str:
    client = docker.APIClient(docker_engine)
    files = {"/worker": images.File(images.compiled(Path(__file__).parent / "worker.c"), 0o755)}
    images.load_image(client, WORKER, {**files, "/tmp/empty": images.File(b"")}, {"Entrypoint": ["/worker"]})
    client.close()
    return WORKER


@pytest.fixture
def bridge(request: pytest.FixtureRequest) -> Iterator[str]:
    """A bridge of this test's own, 10.250.0.1/24."""
    name = "rkt" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    with IPRoute() as routes:
        routes.link("add", ifname=name, kind="bridge")
        index = routes.link_lookup(ifname=name)[0]
        routes.addr("add", index=index, address="10.250.0.1", prefixlen=24)
        routes.link("set", index=index, state="up")
    yield name
    with IPRoute() as routes:
        routes.link("del", index=index)


@pytest.fixture
def docker_runtime(
    request: pytest.FixtureRequest, docker_engine: str, worker_image: str, bridge: str
) -> Iterator[Runtime]:
    owner = Owner("test", hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8])
    actuator = DockerContainers(docker_engine, owner, pull=False, clock=clock)
    world = World()
    actuator.start(world.report)
    yield Runtime(actuator, world, bridge, real=True)
    for raw in actuator.client.containers(all=True, filters=owner.filters()):
        actuator.client.remove_container(raw["Id"], force=True)
    actuator.stop()


@pytest.fixture
def simulated_runtime() -> Iterator[Runtime]:
    actuator = SimulatedContainers(Owner("test", "n1"), clock=clock)
    world = World()
    actuator.start(world.report)
    yield Runtime(actuator, world, "none", real=False)
    actuator.stop()


@pytest.fixture(params=["simulated", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow])])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Each runtime in turn."""
    chosen: Runtime = request.getfixturevalue(f"{request.param}_runtime")
    return chosen
