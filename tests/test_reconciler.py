"""The loop as a whole: converges after a crash anywhere, writes nothing twice, outlives bad policies and actuators."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rulekube import policies
from rulekube.actuators.base import Action, Report
from rulekube.actuators.objects import Objects
from rulekube.errors import ActuatorError, RuleError
from rulekube.facts import resources
from rulekube.facts.admission import SYSTEM, Request
from rulekube.facts.store.interface import Change, Key, Store, Write
from rulekube.facts.store.memory import MemoryStore
from rulekube.facts.store.sqlite import SQLiteStore
from rulekube.facts.writer import Writer
from rulekube.reconciler import Reconciler
from rulekube.rules import ADMISSION, AUTH, CONTROLLERS, paths

START = 1_767_225_600_000_000
SETTINGS = {
    "root-ca": "PEM",
    "apiserver-address": "192.0.2.1",
    "apiserver-port": 6443,
    "service-cluster-ip-range": "10.96.0.0/16",
}
WORKLOADS = (
    "controllers/bootstrap.dl",
    "controllers/replicationcontroller_status.dl",
    "controllers/garbage_collection.dl",
    "admission/contract.dl",
)
PODS, RCS, NAMESPACES = (resources.row(key) for key in ("pods", "replicationcontrollers", "namespaces"))


class Crash(BaseException):
    """The process ends here."""


class Mortal:
    """A store that stops the process before or after its k-th transaction."""

    def __init__(self, store: Store, crash_at: int, after: bool) -> None:
        self._store, self._left, self._after = store, crash_at, after

    def transact(self, writes: Sequence[Write]) -> list[Change]:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crash
        changes = self._store.transact(writes)
        if self._left == 0:
            raise Crash
        return changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Cluster:
    """A control plane without an API, over any store, with a clock that the test moves."""

    def __init__(
        self,
        store: Store,
        uids: itertools.count[int] | None = None,
        rules: Sequence[str] = (*CONTROLLERS, *ADMISSION, *AUTH),
    ) -> None:
        self.now = START
        self.store = store
        uids = uids or itertools.count()
        self.reconciler = Reconciler(paths(tuple(rules)), store, lambda: self.now, SETTINGS)
        self.writer = Writer(store, lambda: self.now, lambda: f"uid-{next(uids)}", admit=self.reconciler.admit)
        self.reconciler.attach_inline(Objects(self.writer, lambda: self.now))

    def settle(self) -> None:
        for _ in range(50):
            if not self.reconciler.step():
                return
        raise AssertionError("the cluster does not settle")

    def apply(self, name: str, replicas: int) -> None:
        key = Key("replicationcontrollers", "default", name)
        if self.store.get(key) is None:
            self.writer.create(RCS, "default", controller(name, replicas))
        else:
            self.writer.patch(RCS, "default", name, lambda raw: {**raw, "spec": {**raw["spec"], "replicas": replicas}})

    def pods(self) -> list[str]:
        return sorted(raw["metadata"]["name"] for raw in self.store.list("pods", "default"))


def controller(name: str, replicas: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"app": name}, "template": template},
    }


STEPS = (("web", 3), ("db", 2), ("web", 5), ("db", 0))


def scenario(cluster: Cluster, done: list[tuple[str, int]] | None = None) -> None:
    """Two controllers come, one grows, one shrinks to nothing. `done`: what the user need not say again."""
    done = [] if done is None else done
    cluster.settle()
    for step in STEPS[len(done) :]:
        cluster.apply(*step)
        done.append(step)
        cluster.settle()


def count_transactions() -> int:
    counter = Mortal(MemoryStore(), 10**9, after=True)
    scenario(Cluster(counter, rules=WORKLOADS))  # type: ignore[arg-type]
    return 10**9 - counter._left


@pytest.mark.parametrize("after", [False, True], ids=["write lost", "reply lost"])
@pytest.mark.parametrize("k", range(1, count_transactions() + 1))
def test_converges_after_a_crash_at_any_write(tmp_path: Path, k: int, after: bool) -> None:
    uids, done = itertools.count(), []
    durable = SQLiteStore(tmp_path / "store")
    with pytest.raises(Crash):
        scenario(Cluster(Mortal(durable, k, after), uids, WORKLOADS), done)  # type: ignore[arg-type]
    durable.close()
    reopened = SQLiteStore(tmp_path / "store")
    try:
        cluster = Cluster(reopened, uids, WORKLOADS)
        scenario(cluster, done)
        names = cluster.pods()
        assert [name.startswith("web-") for name in names] == [True] * 5
        created = [c for c in reopened.changes(0) if c.type == "ADDED" and c.key.resource == "pods"]
        assert len(created) == 7, "a pod was created twice, or never"
        status = cluster.store.get(Key("replicationcontrollers", "default", "web"))
        assert status is not None and status["status"]["replicas"] == 5
    finally:
        reopened.close()


def test_a_second_control_plane_writes_nothing() -> None:
    store = MemoryStore()
    scenario(Cluster(store))
    before = store.revision
    Cluster(store).settle()
    assert store.revision == before


def test_events_delivered_twice_or_only_the_last_change_nothing() -> None:
    store = MemoryStore()
    cluster = Cluster(store)
    scenario(cluster)
    before, facts = store.revision, {name: cluster.reconciler.db.facts(name) for name in ("pod", "rc_pod", "selects")}
    changes = store.changes(0)
    cluster.reconciler._inbox.changed(changes[-20:])
    cluster.settle()
    assert store.revision == before
    assert facts == {name: cluster.reconciler.db.facts(name) for name in facts}
    fresh = Cluster(store)
    fresh.settle()
    assert facts == {name: fresh.reconciler.db.facts(name) for name in facts}


def test_names_are_a_function_of_the_decision() -> None:
    first, second = Cluster(MemoryStore()), Cluster(MemoryStore())
    for cluster in (first, second):
        scenario(cluster)
    assert first.pods() == second.pods()


def test_a_refused_creation_does_not_hold_up_the_others() -> None:
    cluster = Cluster(MemoryStore())
    cluster.settle()
    refuse = 'request(operation: "CREATE", resource: "pods", name: Name), starts_with(Name, "bad")'
    text = f'deny("Forbidden", cat("pods \\"", Name, "\\" not today"), {{}}) :- {refuse}.'
    cluster.reconciler.load_pack("user.dl", text)
    cluster.apply("bad", 1)
    cluster.apply("good", 1)
    cluster.settle()
    assert [name[:5] for name in cluster.pods()] == ["good-"]
    (failed,) = cluster.reconciler.db.facts("failed")
    assert failed[0] == "create_object" and failed[2] == 'pods "bad-" not today', "the made-up name is not said"
    bad = Key("replicationcontrollers", "default", "bad")
    conditions = (cluster.store.get(bad) or {})["status"]["conditions"]
    assert [(c["type"], c["reason"]) for c in conditions] == [("ReplicaFailure", "FailedCreate")]
    said = [(e["reason"], e["message"]) for e in cluster.store.list("events") if e["type"] == "Warning"]
    assert said == [("FailedCreate", 'Error creating: pods "bad-" not today')]
    cluster.reconciler.unload_pack("user.dl")
    cluster.now += 200_000
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert cluster.reconciler.db.facts("failed") == []
    assert "conditions" not in (cluster.store.get(bad) or {})["status"]


def test_a_bad_pack_is_refused_and_changes_nothing() -> None:
    cluster = Cluster(MemoryStore())
    scenario(cluster)
    before = cluster.pods()
    with pytest.raises(RuleError, match="pod_nod"):
        cluster.reconciler.load_pack("user.dl", 'deny("Forbidden", "x", {}) :- pod_nod(_, _).')
    with pytest.raises(RuleError, match=r"rc_replicas.*\.input"):
        cluster.reconciler.load_pack("user.dl", "rc_replicas(Rc, 7) :- rc(rc: Rc).")
    assert cluster.reconciler.packs == {}
    cluster.settle()
    assert cluster.pods() == before


def test_a_pack_may_map_more_of_the_objects() -> None:
    cluster = Cluster(MemoryStore())
    scenario(cluster)
    pack = """.input pull_policy(pod: ref, index: int, policy: symbol from "image") from Pod "spec.containers[index]"
.decl uses(image: symbol, pods: int)
uses(Image, N) :- pull_policy(policy: Image), N = count : { pull_policy(policy: Image, pod: _, index: _) }.
"""
    cluster.reconciler.load_pack("images", pack)
    assert list(cluster.reconciler.query('uses("nginx", N)')) == [(5,)]
    cluster.apply("web", 2)
    cluster.settle()
    assert list(cluster.reconciler.query('uses("nginx", N)')) == [(2,)]
    cluster.reconciler.unload_pack("images")
    cluster.reconciler.load_pack("images", pack)
    assert list(cluster.reconciler.query('uses("nginx", N)')) == [(2,)]


def test_news_is_not_lost_where_a_commit_of_the_built_in_rules_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(MemoryStore())
    cluster.settle()
    cluster.apply("web", 2)
    commit = cluster.reconciler.db.commit

    def broken(*_arguments: object, **_options: object) -> None:
        raise RuleError("out of luck")

    monkeypatch.setattr(cluster.reconciler.db, "commit", broken)
    with pytest.raises(RuleError):
        cluster.reconciler.step()
    monkeypatch.setattr(cluster.reconciler.db, "commit", commit)
    cluster.settle()
    assert len(cluster.pods()) == 2


def test_a_pack_that_breaks_a_commit_is_put_aside_and_the_facts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "WORK", 30_000)
    cluster = Cluster(MemoryStore())
    cluster.settle()
    pack = """.input wanted(rc: ref, replicas: int) from ReplicationController "spec.replicas"
.decl grow(n: int)
grow(0) :- wanted(_, Want), Want > 2.
grow(M) :- grow(N), M = N + 1, N < 100000000000.
"""
    cluster.reconciler.load_pack("greedy.dl", pack)
    cluster.apply("web", 3)
    cluster.settle()
    assert len(cluster.pods()) == 3
    assert cluster.reconciler.packs == {}
    assert "greedy.dl" in cluster.reconciler.errors
    with pytest.raises(RuleError, match="too many facts"):
        cluster.reconciler.load_pack("greedy.dl", pack.replace("wanted(_, Want)", "rc_replicas(_, Want)"))
    cluster.reconciler.load_pack("greedy.dl", pack)
    cluster.settle()
    assert len(cluster.pods()) == 3 and cluster.reconciler.packs == {}


def test_a_user_pack_may_not_override_a_built_in_action() -> None:
    cluster = Cluster(MemoryStore())
    cluster.settle()
    pack = """create_object(Rc, "0", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": Metadata}, null) :-
  rc(rc: Rc),
  Metadata = {"name": "mine", "namespace": "default"}."""
    cluster.reconciler.load_pack("user.dl", pack)
    cluster.apply("web", 1)
    cluster.settle()
    assert len(cluster.pods()) == 1


def test_admission_sees_every_write_before() -> None:
    cluster = Cluster(MemoryStore())
    cluster.settle()
    service = resources.row("services")
    addresses = []
    for name in ("a", "b", "c"):
        raw = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
        addresses.append(cluster.writer.create(service, "default", raw).object["spec"]["clusterIP"])
    assert len(set(addresses)) == 3
    request = Request(
        "DELETE",
        NAMESPACES,
        "",
        "",
        "default",
        None,
        cluster.store.get(Key("namespaces", "", "default")),
        SYSTEM,
        False,
    )
    (denial,) = cluster.reconciler.admit(request).denials
    assert denial.reason == "Forbidden"


def test_authorization_names_the_role() -> None:
    cluster = Cluster(MemoryStore())
    attempt = {"user": "admin", "verb": "get", "resource": "pods", "namespace": "default"}
    assert cluster.reconciler.authorize(attempt, ["system:masters"]) == "cluster-admin"
    assert cluster.reconciler.authorize(attempt, ["system:authenticated"]) is None


def test_query_and_why_speak_of_this_moment() -> None:
    cluster = Cluster(MemoryStore())
    cluster.settle()
    cluster.apply("web", 2)
    assert list(cluster.reconciler.query("rc_replicas(replicationcontroller/default/web, N)")) == [(2,)]
    cluster.settle()
    pod = cluster.pods()[0]
    proof = cluster.reconciler.why(f"rc_pod(replicationcontroller/default/web, pod/default/{pod})")
    assert "rc_controls" in str(proof)
    assert cluster.reconciler.why(f"pod_ready(pod/default/{pod})") is None


class Lamp:
    """An actuator of the test's own world: lamps that rules want lit. The first attempt at each fails."""

    name, batched = "lamps", False

    def __init__(self) -> None:
        self.lit: list[str] = []
        self.tried: list[str] = []
        self.together = 0
        self.stopped = False
        self._running = threading.Lock()

    def start(self, report: Report) -> None:
        self._report = report
        report(insert={"lamp": [("a",), ("b",)]})

    def apply(self, actions: Sequence[Action]) -> None:
        (action,) = actions
        name = action.values[0]
        self.tried.append(name)
        if self.tried.count(name) == 1:
            raise ActuatorError("the switch is stuck")
        self.lit.append(name)
        self._report(insert={"lit": [(name,)]})

    def stop(self) -> None:
        self.stopped = True


async def test_an_actuator_in_threads_fails_is_tried_again_and_reports(tmp_path: Path) -> None:
    pack = tmp_path / "lamps.dl"
    pack.write_text(
        """.decl lamp(name: symbol)
.decl lit(name: symbol)
.decl failed(relation: symbol, key: json, reason: symbol, attempt: int)
.decl setting(name: symbol, value: json)
.decl cluster(cluster: ref)
.action light(name: symbol) key(name) by lamps
light(Name) :- lamp(Name), not lit(Name).
"""
    )
    store, lamps = MemoryStore(), Lamp()
    loop = asyncio.get_running_loop()
    reconciler = Reconciler([pack], store, lambda: int(loop.time() * 1e6))
    reconciler.attach(lamps)
    running = asyncio.create_task(reconciler.run())
    try:
        async with asyncio.timeout(10):
            while len(reconciler.db.facts("lit")) < 2 or reconciler.db.facts("failed"):
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        reconciler.stop()
    assert sorted(lamps.lit) == ["a", "b"] and sorted(lamps.tried) == ["a", "a", "b", "b"]
    assert lamps.stopped


async def test_the_loop_sleeps_until_a_moment_that_a_rule_waits_for(tmp_path: Path) -> None:
    pack = tmp_path / "late.dl"
    pack.write_text(
        """.decl due(time: time)
.decl late(time: time)
.decl setting(name: symbol, value: json)
.decl cluster(cluster: ref)
late(T) :- due(T), elapsed(T).
"""
    )
    loop = asyncio.get_running_loop()

    def clock() -> int:
        return int(loop.time() * 1e6)

    reconciler = Reconciler([pack], MemoryStore(), clock)
    moment = clock() + 50_000
    running = asyncio.create_task(reconciler.run())
    reconciler.report(insert={"due": [(moment,)]})
    try:
        async with asyncio.timeout(10):
            while not reconciler.db.facts("late"):
                await asyncio.sleep(0.005)
        assert clock() >= moment
    finally:
        running.cancel()
        reconciler.stop()


async def test_moments_that_nobody_asks_for_any_more_are_forgotten(tmp_path: Path) -> None:
    pack = tmp_path / "late.dl"
    pack.write_text(
        """.decl due(time: time)
.decl late(time: time)
.decl setting(name: symbol, value: json)
.decl cluster(cluster: ref)
late(T) :- due(T), elapsed(T).
"""
    )
    reconciler = Reconciler([pack], MemoryStore(), lambda: 100)
    reconciler.report(insert={"due": [(1,), (2,)]})
    reconciler.catch_up()
    reconciler.report(insert={"due": [(3,)]}, retract={"due": [(1,)]})
    reconciler.catch_up()
    assert reconciler.db.facts("late") == [(2,), (3,)]
    reconciler.report(insert={"due": [(4,)]})
    reconciler.catch_up()
    assert reconciler.db.facts("elapsed") == [(2,), (3,), (4,)]
    reconciler.stop()
