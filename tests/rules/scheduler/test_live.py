"""The scheduler in the whole control plane: store, writer, every rule, the actuator of objects; no node agents."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rulekube import rules
from rulekube.actuators.objects import Objects
from rulekube.facts import resources
from rulekube.facts.store import MemoryStore
from rulekube.facts.writer import Writer
from rulekube.reconciler import Reconciler

GUESTBOOK = Path(__file__).parents[3] / "examples" / "01-guestbook" / "kept-for-database.dl"
SETTINGS = {"service-cluster-ip-range": "10.96.0.0/16", "service-node-port-range": "30000-32767"}


class ControlPlane:
    """A control plane whose clock stands still."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.reconciler = Reconciler(rules.control_plane(), self.store, self.clock, SETTINGS)
        uids = (f"00000000-0000-0000-0000-{number:012}" for number in itertools.count())
        self.writer = Writer(self.store, self.clock, lambda: next(uids), self.reconciler.admit)
        self.reconciler.attach_inline(Objects(self.writer, self.clock))
        self.settle()

    @staticmethod
    def clock() -> int:
        return 1_767_225_600_000_000

    def create(self, kind: str, name: str, **fields: Any) -> None:
        row = resources.by_kind("v1", kind)
        raw = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}
        self.writer.create(row, "default" if row.namespaced else "", raw)
        self.settle()

    def node(self, name: str, cpu: str = "4") -> None:
        """A node that a kubelet reports ready."""
        self.create("Node", name)
        status = {
            "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        }
        row = resources.row("nodes")
        self.writer.patch(row, "", name, lambda live: {**live, "status": status}, "status")
        self.settle()

    def settle(self) -> None:
        for _ in range(200):
            if not self.reconciler.step():
                return
        raise AssertionError("the control plane does not come to rest")

    def scale(self, name: str, replicas: int) -> None:
        def change(live: dict[str, Any]) -> dict[str, Any]:
            return {**live, "spec": {**live["spec"], "replicas": replicas}}

        self.writer.patch(resources.row("replicationcontrollers"), "default", name, change)
        self.settle()

    def pods(self) -> list[dict[str, Any]]:
        return self.store.list("pods", "default")

    def by_node(self) -> Counter[str]:
        return Counter(pod["spec"].get("nodeName", "") for pod in self.pods())

    def events(self, reason: str) -> list[dict[str, Any]]:
        return [event for event in self.store.list("events", "default") if event["reason"] == reason]


def replicas(count: int, image: str = "nginx", cpu: str = "100m") -> dict[str, Any]:
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": cpu}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {"spec": {"replicas": count, "selector": {"app": "web"}, "template": template}}


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


@pytest.mark.slow
def test_replicas_are_spread_and_the_bindings_are_told(plane: ControlPlane) -> None:
    plane.node("n1")
    plane.node("n2")
    plane.create("ReplicationController", "web", **replicas(4))
    assert plane.by_node() == {"n1": 2, "n2": 2}
    for pod in plane.pods():
        (condition,) = pod["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    texts = {event["message"] for event in plane.events("Scheduled")}
    named = {f"Successfully assigned default/{p['metadata']['name']} to {p['spec']['nodeName']}" for p in plane.pods()}
    assert texts == named
    assert {(e["reportingComponent"], e["action"]) for e in plane.events("Scheduled")} == {
        ("default-scheduler", "Binding")
    }


@pytest.mark.slow
def test_a_pod_that_fits_nowhere_is_told_and_placed_when_a_node_comes(plane: ControlPlane) -> None:
    plane.node("small", cpu="1")
    plane.create("ReplicationController", "web", **replicas(1, cpu="2"))
    (pod,) = plane.pods()
    (condition,) = pod["status"]["conditions"]
    text = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
        "available: 1 Preemption is not helpful for scheduling."
    )
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Unschedulable", text)
    assert [event["message"] for event in plane.events("FailedScheduling")] == [text]
    plane.node("large")
    (pod,) = plane.pods()
    assert pod["spec"]["nodeName"] == "large"
    assert [c["status"] for c in pod["status"]["conditions"]] == ["True"]


@pytest.mark.slow
def test_a_policy_loaded_live_changes_the_next_placements(plane: ControlPlane) -> None:
    plane.node("n1")
    plane.node("n2")
    plane.create("ReplicationController", "web", **replicas(2, image="kubeguide/guestbook-frontend"))
    assert plane.by_node() == {"n1": 1, "n2": 1}
    plane.reconciler.load_pack("policy", GUESTBOOK.read_text())
    plane.scale("web", 4)
    assert plane.by_node() == {"n1": 1, "n2": 3}
    plane.reconciler.unload_pack("policy")
    plane.scale("web", 6)
    assert plane.by_node() == {"n1": 3, "n2": 3}
