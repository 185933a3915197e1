"""How fast the scheduler's rules place pods, engine alone: no store, no API, no clock.

One placement is one commit: the `bind` that is derived becomes the fact `pod_node`, and the next `bind` is derived.
Sizes are parameters; nodes are empty and equal, pods ask for 100m and 128Mi and come in so many shapes. What is timed
is the placing of all pods; loading nodes and queueing pods happens before.

    python -m pytest bench/test_scheduler.py --benchmark-timer=time.process_time
"""

from __future__ import annotations

from typing import Any

import pytest

from rulekube import rules
from rulekube.engine import Database
from rulekube.facts.flatten import Flattener
from rulekube.facts.functions import FUNCTIONS

PODS = 500
SIZES = [(100, 1), (100, 10), (1000, 1), (1000, 10)]  # nodes, shapes


def node(number: int) -> dict[str, Any]:
    name = f"node-{number:05}"
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"z{number % 3}"}
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    metadata = {"name": name, "uid": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"allocatable": room}}


def pod(number: int, shapes: int) -> dict[str, Any]:
    requests = {"cpu": f"{100 + number % shapes}m", "memory": "128Mi"}
    name = f"pod-{number:05}"
    metadata = {
        "name": name,
        "namespace": "bench",
        "uid": name,
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    container = {"name": "c", "image": "nginx", "resources": {"requests": requests}}
    spec = {"schedulerName": "default-scheduler", "priority": 0, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def loaded(nodes: int, pods: int, shapes: int) -> tuple[tuple[Database, tuple[Any, ...]], dict[str, Any]]:
    """A database with the nodes and the queued pods, and the first `bind`."""
    database = Database.from_files(rules.paths(rules.SCHEDULER), functions=FUNCTIONS)
    flatten = Flattener(database.inputs())
    insert: dict[str, list[Any]] = {}
    for raw in [*(node(n) for n in range(nodes)), *(pod(n, shapes) for n in range(pods))]:
        for relation, facts in flatten.facts(raw).items():
            insert.setdefault(relation, []).extend(facts)
    (first,) = database.commit(insert=insert).inserted["bind"]
    return (database, first), {}


def place_all(database: Database, first: tuple[Any, ...]) -> int:
    """Bind until nothing is to be bound; answers how many pods were."""
    bound, owed = 0, [first]
    while owed:
        (chosen, name, _event) = owed[0]
        owed = database.commit(insert={"pod_node": [(chosen, name)]}).inserted.get("bind", [])
        bound += 1
    return bound


@pytest.mark.parametrize(("nodes", "shapes"), SIZES)
def test_placing_pods(benchmark: Any, nodes: int, shapes: int) -> None:
    placed = benchmark.pedantic(place_all, setup=lambda: loaded(nodes, PODS, shapes), rounds=2)
    assert placed == PODS
    benchmark.extra_info["pods_per_second"] = round(PODS / benchmark.stats.stats.min)


@pytest.mark.parametrize("nodes", [100, 1000])
def test_a_new_shape_meets_every_node(benchmark: Any, nodes: int) -> None:
    """The first pod of a template: its shape is filtered and scored on each node, once."""
    (database, _), _ = loaded(nodes, 1, 1)
    flatten = Flattener(database.inputs())
    fresh = (flatten.facts(pod(number, 10_000)) for number in range(1, 10_000))
    shapes = len(database.facts("shape"))
    benchmark.pedantic(lambda facts: database.commit(insert=facts), setup=lambda: ((next(fresh),), {}), rounds=10)
    assert len(database.facts("shape")) == shapes + 10
    benchmark.extra_info["microseconds_per_node"] = round(benchmark.stats.stats.median / nodes * 1e6, 1)
