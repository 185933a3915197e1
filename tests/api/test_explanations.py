"""`/rulekube/why-not` and `/rulekube/diff` over the shipped control plane: JSON, places, nothing left behind."""

import pytest

from rulekube import rules
from rulekube.api.brain import ClusterBrain
from rulekube.facts.store.interface import Key, Write
from rulekube.facts.store.memory import MemoryStore
from rulekube.reconciler import Reconciler

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1", "uid": "n1", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"}},
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "huge", "namespace": "shop", "uid": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {
        "schedulerName": "default-scheduler",
        "priority": 0,
        "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "3"}}}],
    },
    "status": {"phase": "Pending"},
}
POLICY = 'reject(Shape, Node, "Mine", "node(s) are mine") :- shape(Shape), node(Node, "n1").'


def brain():
    store = MemoryStore()
    store.transact([Write(Key("nodes", "", "n1"), NODE, 0), Write(Key("pods", "shop", "huge"), POD, 0)])
    reconciler = Reconciler(rules.control_plane(), store, lambda: 1_800_000_000_000_000)
    return ClusterBrain(reconciler, rules.FOLDER / "no-policies-are-written-here")


BRAIN = brain()


@pytest.mark.parametrize("server", [{"brain": BRAIN}], indirect=True)
async def test_why_a_pod_is_pending(server):
    asked = {"fact": "scheduled(pod/shop/huge)"}
    status, _, answer = await server.call("POST", "/rulekube/why-not", asked)
    assert (status, answer["holds"]) == (200, False)
    cause = answer["causes"][0]
    assert cause["title"] == "NodeResourcesFit: Insufficient cpu"
    assert cause["place"].startswith("rules/scheduler/filter/node_resources_fit.dl:")
    assert cause["rows"] == [{"label": "", "detail": "Units > Left: 3000 > 2000", "short": 1}]
    change = answer["repairs"][0]["changes"][0]
    assert (change["object"], change["op"]) == ("pod/shop/huge", "alter")
    assert change["field"] == "spec.containers[0].resources.requests.cpu"
    assert (await server.call("POST", "/rulekube/why-not", {**asked, "depth": 0}))[0] == 400
    assert (await server.call("POST", "/rulekube/why-not", asked, token="alice-token"))[0] == 403
    free = {**asked, "without": ["container_request(pod/shop/huge, _, _, _)"]}
    assert (await server.call("POST", "/rulekube/why-not", free))[2]["holds"]


@pytest.mark.parametrize("server", [{"brain": BRAIN}], indirect=True)
async def test_what_a_policy_would_change(server):
    status, _, answer = await server.call("POST", "/rulekube/diff/mine", {"text": POLICY})
    assert (status, answer["name"]) == (200, "mine")
    changed = {one["relation"]: one for one in answer["relations"]}
    assert "node(s) are mine" in changed["reject"]["inserted"][0]
    actions = [one["action"] for one in answer["relations"]]
    assert actions == sorted(actions, reverse=True)
    assert (await server.call("GET", "/rulekube/packs"))[2] == {"packs": [], "errors": {}}
    assert (await server.call("POST", "/rulekube/diff/mine", {"text": "reject(1)."}))[0] == 422
