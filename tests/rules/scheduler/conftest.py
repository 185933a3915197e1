"""Nodes and pods of the scheduler's tests, and a cluster to put them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

RawObject = dict[str, Any]
FILTERS = (
    "named_nodes",
    "node_unschedulable",
    "node_name",
    "node_resources_fit",
    "node_affinity",
    "taint_toleration",
    "node_ports",
)
FILES = [
    *(f"scheduler/filter/{name}.dl" for name in FILTERS),
    "scheduler/score/least_allocated.dl",
    "scheduler/bind.dl",
    "scheduler/unschedulable.dl",
]


def make_node(name: str, *, labels: Any = None, spec: Any = None, status: Any = None) -> RawObject:
    """A node of 2 cpu, 2Gi and room for 3 pods."""
    room = {"allocatable": {"cpu": "2", "memory": "2Gi", "pods": "3"}}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec or {},
        "status": status or room,
    }


def make_pod(
    name: str, *, requests: Any = None, labels: Any = None, node: str = "", created: int = 0, **spec: Any
) -> RawObject:
    """A pod of one container that waits for the default scheduler, or is bound to a node."""
    container = {"name": "c", "image": "nginx", "resources": {"requests": requests or {}}}
    bound = {"nodeName": node} if node else {}
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": labels or {},
        "creationTimestamp": f"2026-01-01T00:00:{created:02}Z",
    }
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"schedulerName": "default-scheduler", "containers": [container], **bound, **spec},
        "status": {"phase": "Pending"},
    }


@pytest.fixture(scope="session")
def _scheduler(cluster_of: Any) -> Any:
    return cluster_of(FILES)


@pytest.fixture
def cluster(_scheduler: Any) -> Iterator[Any]:
    """The scheduler's rules over no objects; what a test leaves is taken away."""
    yield _scheduler
    _scheduler.delete(*list(_scheduler.objects.values()))


@pytest.fixture
def node() -> Callable[..., RawObject]:
    return make_node


@pytest.fixture
def pod() -> Callable[..., RawObject]:
    return make_pod


@pytest.fixture
def place() -> Callable[[Any], dict[str, str]]:
    """Bind what is to be bound, one pod a commit, until nothing is; answers pod → node."""

    def run(cluster: Any) -> dict[str, str]:
        placed: dict[str, str] = {}
        for _ in range(100):
            owed = cluster.facts("bind")
            if not owed:
                return placed
            ((path, name, _event),) = owed
            raw = cluster.objects[path]
            cluster.apply({**raw, "spec": {**raw["spec"], "nodeName": name}})
            placed[path.rpartition("/")[2]] = name
        raise AssertionError("the scheduler does not come to rest")

    return run
