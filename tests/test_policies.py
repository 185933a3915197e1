"""Policies that do harm: what is malformed fails alone, what breaks the rules is put aside, nobody is locked out."""

from __future__ import annotations

import pytest

from rulekube.errors import ApiError
from rulekube.facts import resources
from rulekube.facts.store.interface import Key
from rulekube.facts.store.memory import MemoryStore
from tests.test_reconciler import Cluster

CONFIGMAPS = resources.row("configmaps")


@pytest.fixture
def cluster() -> Cluster:
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
