"""The objects actuator: one transaction a step, names from the decision, preconditions, Events beside the writes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from rulekube.actuators.base import Action
from rulekube.actuators.objects import Objects
from rulekube.engine import Ref, to_json
from rulekube.facts import resources
from rulekube.facts.flatten import ref_of
from rulekube.facts.store.interface import Key
from rulekube.facts.store.memory import MemoryStore
from rulekube.facts.writer import Writer

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
CLUSTER = Ref("cluster", "")
SAID = to_json({"type": "Normal", "reason": "Made", "message": "Made {name}", "component": "tester"})


class Bench:
    """An actuator over a store with one namespace."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        uids = itertools.count()
        self.writer = Writer(self.store, lambda: NOW, lambda: f"uid-{next(uids)}")
        self.objects = Objects(self.writer, lambda: NOW)
        self.namespace = self.make(
            "namespaces", "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        )

    def make(self, resource: str, namespace: str, raw: dict[str, Any]) -> Ref:
        return ref_of(self.writer.create(resources.row(resource), namespace, raw).object)

    def get(self, resource: str, name: str) -> dict[str, Any] | None:
        return self.store.get(Key(resource, "shop", name))

    def apply(self, *actions: tuple[str, int, tuple[Any, ...]]) -> dict[Any, str]:
        """Actions as (relation, number of key columns in front, values)."""
        made = [Action(relation, values[:keys], values, 7) for relation, keys, values in actions]
        return dict(self.objects.apply(made))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def configmap(name: str, **metadata: Any) -> Any:
    return to_json(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop", **metadata, "name": name}}
    )


def pod(**metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", **metadata}, "spec": spec}


def test_all_writes_of_a_step_are_one_transaction(bench: Bench) -> None:
    owner = bench.make("configmaps", "shop", configmap("owner").value)
    seen: list[int] = []
    bench.store.subscribe(lambda changes: seen.append(len(changes)))
    failures = bench.apply(
        ("create_object", 2, (CLUSTER, "a", configmap("a"), None)),
        ("create_object", 2, (owner, "b", configmap("b"), SAID)),
    )
    assert failures == {} and seen == [3]


def test_an_event_names_the_object_written_and_is_about_the_owner(bench: Bench) -> None:
    owner = bench.make("configmaps", "shop", configmap("owner").value)
    bench.apply(("create_object", 2, (owner, "a", configmap("made"), SAID)))
    (event,) = bench.store.list("events", "shop")
    assert event["message"] == "Made made" and event["involvedObject"]["name"] == "owner"
    assert event["source"] == {"component": "tester"} and event["count"] == 1


def test_a_generated_name_is_a_function_of_owner_revision_and_slot(bench: Bench) -> None:
    owner = bench.make("configmaps", "shop", configmap("owner").value)
    twin = Bench()
    twin_owner = twin.make("configmaps", "shop", configmap("owner").value)
    made = to_json(pod(generateName="web-"))
    for one, ref in ((bench, owner), (twin, twin_owner)):
        one.apply(("create_object", 2, (ref, "0", made, None)), ("create_object", 2, (ref, "1", made, None)))
    names = [[raw["metadata"]["name"] for raw in one.store.list("pods")] for one in (bench, twin)]
    assert names[0] == names[1] and len(set(names[0])) == 2
    bench.apply(("create_object", 2, (owner, "0", made, None)))
    assert len(bench.store.list("pods")) == 3, "a name that is taken is not taken again"


def test_one_refused_action_does_not_hold_up_the_others(bench: Bench) -> None:
    failures = bench.apply(
        ("create_object", 2, (CLUSTER, "bad", to_json({"apiVersion": "v1", "kind": "Nothing"}), None)),
        ("create_object", 2, (CLUSTER, "elsewhere", configmap("x", namespace="nowhere"), None)),
        ("create_object", 2, (CLUSTER, "good", configmap("good"), None)),
    )
    assert set(failures) == {("create_object", (CLUSTER, "bad")), ("create_object", (CLUSTER, "elsewhere"))}
    assert failures["create_object", (CLUSTER, "elsewhere")] == 'namespaces "nowhere" not found'
    assert bench.get("configmaps", "good") is not None


def test_an_object_made_anew_under_the_same_name_is_left_alone(bench: Bench) -> None:
    old = bench.make("configmaps", "shop", configmap("a").value)
    bench.writer.delete(resources.row("configmaps"), "shop", "a")
    bench.make("configmaps", "shop", configmap("a").value)
    failures = bench.apply(
        ("delete_object", 1, (old, None, None, old)),
        ("patch_object", 2, (old, "data", to_json({"data": {"k": "v"}}), None)),
    )
    assert len(failures) == 2 and all("UID" in reason for reason in failures.values())
    found = bench.get("configmaps", "a")
    assert found is not None and "data" not in found


def test_a_patch_merges_removes_and_stamps_the_time(bench: Bench) -> None:
    target = bench.make("configmaps", "shop", configmap("a", labels={"old": "x", "kept": "y"}).value)
    patch = {"metadata": {"labels": {"old": None}, "annotations": {"since": "$now"}}}
    assert bench.apply(("patch_object", 2, (target, "labels", to_json(patch), None))) == {}
    found = bench.get("configmaps", "a")
    assert found is not None and found["metadata"]["labels"] == {"kept": "y"}
    assert found["metadata"]["annotations"] == {"since": "2026-01-01T00:00:00Z"}


def test_a_patch_that_changes_nothing_writes_nothing(bench: Bench) -> None:
    target = bench.make("configmaps", "shop", configmap("a", labels={"k": "v"}).value)
    before = bench.store.revision
    bench.apply(("patch_object", 2, (target, "labels", to_json({"metadata": {"labels": {"k": "v"}}}), SAID)))
    assert bench.store.revision == before


def test_conditions_are_merged_by_type_and_keep_their_time_while_the_status_stays(bench: Bench) -> None:
    target = bench.make("pods", "shop", pod(name="a"))
    for reason in ("First", "Second"):
        conditions = [{"type": "Ready", "status": "False", "reason": reason}]
        bench.apply(("patch_status", 2, (target, "ready", to_json({"conditions": conditions}), None)))
    other = [{"type": "Initialized", "status": "True"}]
    bench.apply(("patch_status", 2, (target, "started", to_json({"conditions": other, "phase": "Running"}), None)))
    found = bench.get("pods", "a")
    assert found is not None and found["status"]["phase"] == "Running"
    assert [(c["type"], c["status"], c.get("reason")) for c in found["status"]["conditions"]] == [
        ("Ready", "False", "Second"),
        ("Initialized", "True", None),
    ]
    assert found["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_binding_and_deleting_go_by_their_own_protocols(bench: Bench) -> None:
    target = bench.make("pods", "shop", pod(name="a"))
    scheduled = to_json(
        {
            "type": "Normal",
            "reason": "Scheduled",
            "message": "ok",
            "component": "default-scheduler",
            "action": "Binding",
        }
    )
    assert bench.apply(("bind", 1, (target, "n1", scheduled))) == {}
    found = bench.get("pods", "a")
    assert found is not None and found["spec"]["nodeName"] == "n1"
    (event,) = bench.store.list("events", "shop")
    assert event["reportingComponent"] == "default-scheduler" and event["eventTime"]
    assert bench.apply(("delete_object", 1, (target, None, None, target))) == {}
    found = bench.get("pods", "a")
    assert found is not None and found["metadata"]["deletionGracePeriodSeconds"] == 30
    assert bench.apply(("delete_object", 1, (target, 0, None, target))) == {}
    assert bench.get("pods", "a") is None


def test_the_namespaces_finalizer_goes_through_its_subresource(bench: Bench) -> None:
    bench.writer.delete(resources.row("namespaces"), "", "shop")
    bench.apply(("patch_object", 2, (bench.namespace, "finalize", to_json({"spec": {"finalizers": []}}), None)))
    assert bench.store.get(Key("namespaces", "", "shop")) is None
