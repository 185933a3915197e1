"""Policies that do harm: what is malformed fails alone, what breaks the rules is put aside, nobody is locked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulekube import policies
from rulekube.api.brain import ClusterBrain
from rulekube.errors import ApiError, RuleError
from rulekube.facts import resources
from rulekube.facts.store.interface import Key
from rulekube.facts.store.memory import MemoryStore
from tests.test_reconciler import Cluster

CONFIGMAPS = resources.row("configmaps")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose policies may do less work than usual, so that harm is found soon."""
    monkeypatch.setattr(policies, "WORK", 30_000)
    made = Cluster(MemoryStore())
    made.settle()
    return made


def body(**fields: str) -> str:
    """A ConfigMap in a rule, with some fields replaced."""
    given = {"apiVersion": '"v1"', "kind": '"ConfigMap"', "metadata": '{"name": "x", "namespace": "default"}', **fields}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in given.items()) + "}"


POD = body(kind='"Pod"', metadata='{"name": "odd", "namespace": "default"}', spec='{"containers": [7]}')
NUMBERED = '{"name": 7, "namespace": "default"}'
MALFORMED = {
    "body a text": 'create_object(C, "x", "oops", null) :- cluster(C).',
    "body a list": 'create_object(C, "x", [1], null) :- cluster(C).',
    "kind a number": f'create_object(C, "x", {body(kind="7")}, null) :- cluster(C).',
    "metadata a text": f"""create_object(C, "x", {body(metadata='"m"')}, null) :- cluster(C).""",
    "name a number": f'create_object(C, "x", {body(metadata=NUMBERED)}, null) :- cluster(C).',
    "data a number": f'create_object(C, "x", {body(data="7")}, null) :- cluster(C).',
    "containers of numbers": f'create_object(C, "x", {POD}, null) :- cluster(C).',
    "event a text": f'create_object(Rc, "x", {body()}, "said") :- rc(rc: Rc).',
    "patch a text": 'patch_object(Rc, "x", "oops", null) :- rc(rc: Rc).',
    "labels a number": 'patch_object(Rc, "x", {"metadata": {"labels": 7}}, null) :- rc(rc: Rc).',
    "metadata patched to a text": 'patch_object(Rc, "x", {"metadata": "m"}, null) :- rc(rc: Rc).',
    "kind patched to a list": 'patch_object(Rc, "x", {"kind": [1]}, null) :- rc(rc: Rc).',
    "status patch a text": 'patch_status(Rc, "x", "oops", null) :- rc(rc: Rc).',
    "conditions of numbers": 'patch_status(Rc, "x", {"conditions": [7]}, null) :- rc(rc: Rc).',
    "grace a text": 'delete_object(C, "soon", null, C) :- configmap_of_test(C, "mine").',
}


@pytest.mark.parametrize("rule", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_action_fails_alone(cluster: Cluster, rule: str) -> None:
    pack = """.input configmap_of_test(object: ref, name: symbol) from ConfigMap "metadata.name"
"""
    cluster.reconciler.load_pack("odd", pack + rule)
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    cluster.writer.create(CONFIGMAPS, "default", raw)
    cluster.apply("web", 2)
    cluster.settle()
    assert len([name for name in cluster.pods() if name.startswith("web-")]) == 2
    owner = cluster.store.get(Key("replicationcontrollers", "default", "web")) or {}
    assert owner["status"]["replicas"] == 2 and isinstance(owner["metadata"].get("labels", {}), dict)
    failures = [reason for relation, _, reason, _ in cluster.reconciler.db.facts("failed")]
    assert failures or rule.startswith("create_object(Rc") or "kind" in rule, "the rule's author hears nothing"


@pytest.mark.parametrize("path", ["spec..[x]", "spec", "metadata.labels", "metadata"])
def test_a_field_that_cannot_be_set_is_a_refusal_that_says_so(cluster: Cluster, path: str) -> None:
    cluster.reconciler.load_pack("odd", f'set_field("{path}", 7) :- request(resource: "pods").')
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    with pytest.raises(ApiError, match="set_field") as refused:
        cluster.writer.create(resources.row("pods"), "default", raw)
    assert refused.value.reason == "BadRequest"


HARMFUL = ".decl slow(n: int)\nslow(N) :- {0}, N = range(0, 60000)."
ATTEMPT, REQUEST = "attempt(_,_,_,_,_,_,_,_)", "request(_,_,_,_,_,_,_,_)"
ADMIN = {"user": "admin", "verb": "delete", "path": "/rulekube/packs/bad"}


@pytest.mark.parametrize("goal", [ATTEMPT, REQUEST])
def test_a_policy_that_breaks_every_question_is_refused(cluster: Cluster, goal: str) -> None:
    with pytest.raises(RuleError, match="slow"):
        cluster.reconciler.load_pack("bad", HARMFUL.format(goal))
    assert not cluster.reconciler.packs
    cluster.apply("web", 1)
    cluster.settle()
    assert len(cluster.pods()) == 1


@pytest.mark.parametrize("name", ["attempt", "request"])
def test_a_policy_that_breaks_questions_later_is_put_aside(cluster: Cluster, name: str) -> None:
    goal = {"attempt": ATTEMPT, "request": REQUEST}[name]
    cluster.reconciler.load_pack("bad", HARMFUL.format(f"{goal}, rc_replicas(_, 1)"))
    cluster.apply("web", 1)
    assert cluster.reconciler.authorize(ADMIN, ["system:masters"]) == "cluster-admin"
    cluster.settle()
    assert len(cluster.pods()) == 1
    assert set(cluster.reconciler.errors) == {"bad"}


BOOM = """.input boom(object: ref, name: symbol) from ConfigMap "metadata.name"
.decl bang(n: int)
bang(N) :- boom(_, "boom"), N = range(0, 60000).
.decl heard(n: int)
heard(N) :- bang(N).
"""
SEEN = """.input seen_map(object: ref, name: symbol) from ConfigMap "metadata.name"
.decl seen(name: symbol)
seen(Name) :- seen_map(_, Name).
"""


@pytest.mark.parametrize("order", [["bad", "innocent", "other"], ["innocent", "other", "bad"]])
def test_the_guilty_policy_is_put_aside_not_the_newest(cluster: Cluster, order: list[str]) -> None:
    texts = {"bad": BOOM, "innocent": SEEN, "other": ".decl idle(n: int)\nidle(1)."}
    for name in order:
        cluster.reconciler.load_pack(name, texts[name])
    cluster.settle()
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "boom"}}
    cluster.writer.create(CONFIGMAPS, "default", raw)
    cluster.settle()
    assert sorted(cluster.reconciler.packs) == ["innocent", "other"]
    assert set(cluster.reconciler.errors) == {"bad"}
    assert ("boom",) in cluster.reconciler.db.facts("seen")
    assert ("kube-root-ca.crt",) in cluster.reconciler.db.facts("seen")


def test_two_policies_that_do_harm_are_both_put_aside(cluster: Cluster) -> None:
    cluster.reconciler.load_pack("one", BOOM)
    again = BOOM.replace("boom(", "boom2(").replace("bang", "bang2").replace("heard", "heard2")
    cluster.reconciler.load_pack("between", SEEN)
    cluster.reconciler.load_pack("two", again)
    cluster.settle()
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "boom"}}
    cluster.writer.create(CONFIGMAPS, "default", raw)
    cluster.settle()
    assert list(cluster.reconciler.packs) == ["between"] and set(cluster.reconciler.errors) == {"one", "two"}


def test_work_of_the_shipped_rules_blames_no_policy(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.reconciler.load_pack("innocent", SEEN)
    cluster.settle()
    monkeypatch.setattr(policies, "WORK", 30)
    monkeypatch.setattr(policies, "WORK_PER_FACT", 1)
    cluster.apply("web", 2)
    cluster.settle()
    assert len(cluster.pods()) == 2
    assert list(cluster.reconciler.packs) == ["innocent"]


def test_administrators_may_mend_policies_where_no_rule_can_be_asked(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuleError("out of luck")

    monkeypatch.setattr(cluster.reconciler.db, "what_if", broken)
    assert cluster.reconciler.authorize(ADMIN, ["system:masters"]) == "cluster-admin"
    for attempt, groups in ((ADMIN, ["others"]), ({**ADMIN, "path": "/version"}, ["system:masters"])):
        with pytest.raises(RuleError):
            cluster.reconciler.authorize(attempt, groups)


def test_a_policy_that_is_not_in_force_is_listed_and_can_be_taken_away(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "stale.dl").write_text("a(X) :- no_such(X).")
    brain = ClusterBrain(cluster.reconciler, tmp_path)
    brain.load_all([])
    brain.load_pack("boom", HARMFUL.format("rc_replicas(_, 1)"))
    cluster.apply("web", 1)
    cluster.settle()
    assert brain.packs() == [] and list(brain.idle()) == ["boom", "stale"]
    brain.unload_pack("stale")
    brain.unload_pack("boom")
    assert brain.idle() == {} and list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError):
        brain.unload_pack("boom")
