"""The cost of turning objects into facts, with the shipped schema: whole, and only what changed.

python -m pytest bench/test_flatten.py --benchmark-only
"""

from pathlib import Path

import pytest

from rulekube.engine import Database
from rulekube.facts import resources
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.flatten import Flattener

SCHEMA = Path(__file__).parents[1] / "rulekube/rules/schema.dl"


def pod(containers):
    specs = [{"name": f"c{n}", "image": "nginx:1.25", "ports": [{"containerPort": 80 + n}]} for n in range(containers)]
    metadata = {
        "name": "p",
        "namespace": "ns",
        "uid": "u",
        "labels": {"app": "x"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": specs},
        "status": {"phase": "Pending"},
    }
    apply_defaults(resources.row("pods"), made)
    return made


@pytest.fixture(scope="module")
def flattener():
    return Flattener(Database.from_files([SCHEMA]).inputs())


@pytest.mark.parametrize("containers", [1, 10])
def test_a_whole_pod(benchmark, flattener, containers):
    raw = pod(containers)
    facts = benchmark(flattener.facts, raw)
    assert len(facts["container"]) == containers


@pytest.mark.parametrize("containers", [1, 10, 100])
def test_a_changed_phase_costs_the_same_whatever_the_spec(benchmark, flattener, containers):
    old = pod(containers)
    new = {**old, "status": {**old["status"], "phase": "Running"}}
    insert, retract = benchmark(flattener.delta, old, new)
    assert set(insert) == set(retract) == {"pod_phase", "pod_status"}
