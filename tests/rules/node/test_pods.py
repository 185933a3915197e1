"""What the node's rules order, fact by fact: a pod and what is observed of it in, actions out."""

from __future__ import annotations

from typing import Any

import pytest

from rulekube import rules
from rulekube.engine import Database, Ref, from_json, to_json
from rulekube.facts.flatten import Flattener, ref_of
from rulekube.facts.functions import FUNCTIONS

Facts = dict[str, list[tuple[Any, ...]]]
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "node-1"}}
SETTINGS = {
    "cluster-name": "test",
    "node-address": "10.244.1.1",
    "pod-cidr": "10.244.1.0/29",
    "pods-directory": "/data/pods",
    "container-runtime": "docker",
}
T0 = 1_000_000_000


@pytest.fixture(scope="module")
def db() -> Database:
    db = Database.from_files(rules.paths(rules.NODE), functions=FUNCTIONS)
    settings = [(name, to_json(value)) for name, value in SETTINGS.items()]
    db.commit(insert={"setting": settings, "local_node": [("n1",)], "cluster": [(Ref("cluster"),)]})
    return db


def pod(name: str = "cart", created: str = "2026-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "shop/cart", **more.pop("container", {})}
    spec = {"nodeName": "n1", "restartPolicy": "Always", "containers": [container], **more.pop("spec", {})}
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": created, **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def joined(*parts: Facts) -> Facts:
    facts: Facts = {}
    for part in parts:
        for relation, rows in part.items():
            facts.setdefault(relation, []).extend(rows)
    return facts


class Ask:
    """What follows from objects and observations."""

    def __init__(self, db: Database, *objects: dict[str, Any], **observed: list[tuple[Any, ...]]) -> None:
        flattener = Flattener(db.inputs())
        self.inserted = db.what_if(insert=joined(*map(flattener.facts, objects), observed)).inserted

    def __call__(self, relation: str) -> list[tuple[Any, ...]]:
        return sorted((tuple(map(from_json, fact)) for fact in self.inserted.get(relation, [])), key=repr)


def sandbox(owner: dict[str, Any], state: str = "ready", id_: str = "s1") -> tuple[Any, ...]:
    return (id_, ref_of(owner), state, "10.244.1.2", T0)


def instance(owner: dict[str, Any], attempt: int = 0, state: str = "running", **more: Any) -> Facts:
    id_ = f"i{attempt}"
    facts: Facts = {
        "instance": [(id_, ref_of(owner), "main", attempt)],
        "instance_state": [(id_, state)],
        "instance_sandbox": [(id_, more.get("sandbox", "s1"))],
        "instance_backoff": [(id_, attempt)],
        "instance_image": [(id_, "shop/cart:latest", "sha256:1")],
        "instance_started": [(id_, more.get("started", T0))],
    }
    if state == "exited":
        facts["instance_exited"] = [(id_, more.get("code", 1), more.get("reason", "Error"), "", more.get("at", T0 + 5))]
    return facts


def test_the_oldest_pod_leases_the_smallest_free_address(db: Database) -> None:
    young, old = pod("young", "2026-01-01T00:00:02Z"), pod("old", "2026-01-01T00:00:01Z")
    ask = Ask(db, young, old, address_lease=[(Ref("pod/shop/other", "x"), 2), (Ref("pod/shop/another", "y"), 4)])
    assert ask("lease_address") == [(ref_of(old), 3)]
    full = [(Ref(f"pod/shop/p{index}", "x"), index) for index in range(2, 7)]
    assert Ask(db, young, address_lease=full)("lease_address") == []


def test_a_pod_with_a_lease_gets_its_sandbox_once(db: Database) -> None:
    cart = pod()
    lease = [(ref_of(cart), 2)]
    ((_, config),) = Ask(db, cart, address_lease=lease)("run_sandbox")
    assert config["hostname"] == "cart"
    assert (config["network"]["address"], config["network"]["prefix"]) == ("10.244.1.2", 29)
    assert config["network"]["gateway"] == "10.244.1.1"
    assert Ask(db, cart, address_lease=lease, sandbox=[sandbox(cart)])("run_sandbox") == []
    assert Ask(db, cart, address_lease=lease, sandbox=[sandbox(cart, "created")])("run_sandbox") != []
    assert Ask(db, cart)("run_sandbox") == []


def test_pods_of_other_nodes_and_on_the_hosts_network_need_no_address(db: Database) -> None:
    elsewhere, on_host = pod(spec={"nodeName": "n2"}), pod("host", spec={"hostNetwork": True})
    ask = Ask(db, elsewhere, on_host)
    assert ask("lease_address") == []
    assert ask("run_sandbox") == [(ref_of(on_host), {"hostname": "host", "network": {"mode": "host"}, "sysctls": {}})]


def test_a_run_waits_for_sandbox_and_image(db: Database) -> None:
    cart = pod()
    image, ready = [("shop/cart:latest", "sha256:1")], [sandbox(cart)]
    ((_, name, attempt, config),) = Ask(db, cart, sandbox=ready, image=image)("run_container")
    assert (name, attempt) == ("main", 0)
    assert (config["sandbox"], config["image"], config["backoff"]) == ("s1", "shop/cart:latest", 0)
    assert Ask(db, cart, sandbox=ready)("run_container") == []
    assert Ask(db, cart, sandbox=ready)("pull_image") == [("shop/cart:latest", 0)]
    assert Ask(db, cart, image=image)("run_container") == []


@pytest.mark.parametrize(("level", "pause"), [(0, 0), (1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (9, 300)])
def test_pauses_before_runs_double_to_five_minutes(db: Database, level: int, pause: int) -> None:
    cart = pod()
    facts = joined(instance(cart, level, "exited"), {"sandbox": [sandbox(cart)]})
    ((_, time, _),) = Ask(db, cart, **facts)("next_run")
    assert time == T0 + 5 + pause * 1_000_000


def test_a_long_run_starts_the_count_anew(db: Database) -> None:
    cart = pod()
    facts = joined(instance(cart, 4, "exited", at=T0 + 600_000_000), {"sandbox": [sandbox(cart)]})
    assert [pause for _, _, pause in Ask(db, cart, **facts)("next_run")] == [0]


def test_a_run_that_could_not_start_is_no_long_run(db: Database) -> None:
    cart, ended = pod(), T0 + 3_000_000_000
    facts = joined(instance(cart, 1, "exited", reason="StartError", started=0, at=ended), {"sandbox": [sandbox(cart)]})
    ask = Ask(db, cart, **facts)
    assert [pause for _, _, pause in ask("next_run")] == [10_000_000]
    assert [why["reason"] for *_, why in ask("waits")] == ["RunContainerError"]
    later = Ask(db, cart, **facts, elapsed=[(ended + 2_000_000,)])
    assert [why["reason"] for *_, why in later("waits")] == ["CrashLoopBackOff"]


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_the_restart_policy_decides_whether_a_run_follows(db: Database, policy: str, code: int, again: bool) -> None:
    cart = pod(spec={"restartPolicy": policy})
    assert bool(Ask(db, cart, **instance(cart, 0, "exited", code=code))("run_again")) is again


def test_only_the_last_two_runs_are_kept(db: Database) -> None:
    cart = pod()
    facts = joined(*(instance(cart, attempt, "exited") for attempt in (0, 1)), instance(cart, 2))
    assert Ask(db, cart, **facts)("remove_container") == [("i0",)]


def test_nothing_is_gone_before_the_own_node_is_known(db: Database) -> None:
    gone = pod()
    left = joined(instance(gone), {"sandbox": [sandbox(gone)], "address_lease": [(ref_of(gone), 2)]})
    assert Ask(db, **left)("remove_container") == []
    ask = Ask(db, NODE, **left)
    assert ask("remove_container") == [("i0",)]
    assert ask("remove_sandbox") == []  # while something runs in it
    assert Ask(db, NODE, sandbox=[sandbox(gone)])("remove_sandbox") == [("s1",)]
    assert Ask(db, NODE, address_lease=[(ref_of(gone), 2)])("release_address") == [(ref_of(gone), 2)]


def test_a_terminating_pod_is_asked_then_made_to_end_then_deleted(db: Database) -> None:
    cart = pod(deletionTimestamp="2026-01-01T00:00:30Z", deletionGracePeriodSeconds=30)
    running = joined(instance(cart), {"sandbox": [sandbox(cart)]})
    ask = Ask(db, cart, **running)
    assert ask("signal_container") == [("i0", "TERM")]
    assert ask("delete_object") == []
    asked = joined(running, {"signalled": [("i0", "TERM", T0)]})
    assert Ask(db, cart, **asked)("signal_container") == []
    late = joined(asked, {"elapsed": [(T0 + 30_000_000,)]})
    assert Ask(db, cart, **late)("signal_container") == [("i0", "KILL")]
    ended = joined(instance(cart, 0, "exited"), {"sandbox": [sandbox(cart)]})
    ask = Ask(db, cart, **ended)
    assert ask("delete_object") == [(ref_of(cart), 0, None, ref_of(cart))]
    assert ask("remove_sandbox") == [("s1",)]


def test_without_grace_a_pod_is_killed_at_once(db: Database) -> None:
    cart = pod(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=0)
    assert Ask(db, cart, **instance(cart), sandbox=[sandbox(cart)])("signal_container") == [("i0", "KILL")]


def test_a_run_created_in_a_sandbox_that_died_makes_room(db: Database) -> None:
    cart = pod()
    stranded = instance(cart, 0, "created", sandbox="s0")
    facts = joined(stranded, {"sandbox": [sandbox(cart)], "image": [("shop/cart:latest", "sha256:1")]})
    ask = Ask(db, cart, **facts)
    assert ask("remove_container") == [("i0",)]
    assert ask("run_container") == []


def test_no_heartbeat_lies_before_the_nodes_creation(db: Database) -> None:
    created = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z, which is a round time too
    node = {**NODE, "metadata": {**NODE["metadata"], "creationTimestamp": "2026-01-01T00:02:00Z"}}
    for seconds, told in ((130, "2026-01-01T00:02:00Z"), (310, "2026-01-01T00:05:00Z")):
        ask = Ask(db, node, heartbeat=[(created + seconds * 1_000_000,)], machine=[(to_json({}), to_json({}))])
        assert {condition["lastHeartbeatTime"] for *_, condition in ask("own_condition")} == {told}


def test_that_a_node_is_ready_is_told_once(db: Database) -> None:
    node = {**NODE, "metadata": {**NODE["metadata"], "creationTimestamp": "2026-01-01T00:02:00Z"}}
    seen = {"heartbeat": [(1_767_225_600_000_000,)], "machine": [(to_json({}), to_json({}))]}
    ready = {**node, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    reasons = [
        [event and event["reason"] for *_, event in Ask(db, raw, **seen)("patch_status")] for raw in (node, ready)
    ]
    assert reasons == [["NodeReady"], [None]]


def test_a_sandbox_that_died_is_told(db: Database) -> None:
    cart = pod()
    for state, told in (("ready", []), ("exited", [("Normal", "SandboxChanged")])):
        ask = Ask(db, cart, sandbox=[sandbox(cart, state)], heartbeat=[(T0,)])
        events = [body for owner, _, body, _ in ask("create_object") if owner is ref_of(cart)]
        assert [(event["type"], event["reason"]) for event in events] == told


def test_resources_become_dockers_amounts(db: Database) -> None:
    resources = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
    cart = pod(container={"resources": resources})
    facts: Facts = {"sandbox": [sandbox(cart)], "image": [("shop/cart:latest", "sha256:1")]}
    ((*_, config),) = Ask(db, cart, **facts)("run_container")
    assert config["resources"] == {"memory": 64 * 1024 * 1024, "cpuShares": 256, "cpuQuota": 50_000}
