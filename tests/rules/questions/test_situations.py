"""`why-not` on real situations, over the shipped rules: what people are told when something does not happen."""

import re

import pytest

from rulekube import rules
from rulekube.engine import Ref, to_json
from tests.rules.conftest import Cluster

CPU = "NodeResourcesFit: Insufficient cpu"
TAINT = "TaintToleration: node(s) had untolerated taint(s)"
SELECTOR = "NodeAffinity: node(s) didn't match Pod's node affinity/selector"


def cluster(files):
    made = Cluster(files)
    for path in rules.paths(rules.QUESTIONS):
        made.db.define(str(path), path.read_text())
    return made


def node(name, zone, taints=()):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "labels": {"zone": zone}},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    }


def pod(name, cpu="100m", node=None, labels=None, ready=None, **spec):
    container = {"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}
    spec = {"schedulerName": "default-scheduler", "priority": 0, "containers": [container], **spec}
    status = {"phase": "Running" if node else "Pending"}
    if node:
        spec["nodeName"] = node
        status["podIP"] = "10.0.0.9"
    if ready is not None:
        status["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"name": name, "namespace": "shop", "uid": name, "generation": 1, "labels": labels or {"app": name}}
    metadata["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def told(answer):
    """Causes by title: what each row says, by label."""
    return {cause.title: {row.label: row.detail for row in cause.rows} for cause in answer.causes}


def proposed(answer):
    return [" and ".join(text["text"] for text in repair.texts) for repair in answer.repairs]


@pytest.fixture(scope="module")
def shop():
    """Five nodes: too little cpu on n1 and n3, a taint on n2 and n4 (and too little cpu), another zone on n5."""
    gpu = [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]
    made = cluster(rules.CONTROL_PLANE)
    made.apply(node("n1", "eu-1"), node("n2", "eu-1", gpu), node("n3", "eu-1"), node("n4", "eu-1", gpu))
    made.apply(node("n5", "eu-2"))
    used = {"n1": ["3600m"], "n2": ["3100m"], "n3": ["2400m", "200m"], "n4": ["2800m"]}
    made.apply(*(pod(f"on-{n}-{i}", cpu, n) for n, cpus in used.items() for i, cpu in enumerate(cpus)))
    made.apply(pod("cart", "1500m", nodeSelector={"zone": "eu-1"}))
    return made


@pytest.fixture(scope="module")
def answer(shop):
    return shop.db.why_not("scheduled(pod/shop/cart)")


class TestPendingPod:
    def test_nodes_are_grouped_by_cause_with_need_and_have(self, answer):
        causes = told(answer)
        assert causes[CPU] == {
            "n1": "Units > Left: 1500 > 400",
            "n2": "Units > Left: 1500 > 900",
            "n3": "Units > Left: 1500 > 1400",
            "n4": "Units > Left: 1500 > 1200",
        }
        assert set(causes[TAINT]) == {"n2", "n4"}
        assert causes[TAINT]["n2"].startswith('Key "gpu", Value "true", Effect "NoSchedule"')
        assert causes[SELECTOR] == {"n5": 'no label(node/n5, "zone", "eu-1"), closest label(node/n5, "zone", "eu-2")'}

    def test_the_cheapest_to_fix_comes_first(self, answer):
        assert answer.causes[0].title == CPU
        assert "Closest: n3, 1 short." in str(answer).splitlines()[0]

    def test_every_cause_has_the_place_of_its_rule(self, answer):
        places = {cause.title: cause.place.file for cause in answer.causes}
        assert places[CPU].endswith("scheduler/filter/node_resources_fit.dl")
        assert places[TAINT].endswith("scheduler/filter/taint_toleration.dl")

    def test_the_repairs_name_fields_and_were_tried(self, answer):
        first = answer.repairs[0]
        assert proposed(answer)[0] == "pod/shop/cart: spec.containers[0].resources.requests.cpu 1500m -> 1400m"
        assert first.then == ("fits(pod/shop/cart, node/n3)",)
        assert 'node/n5: metadata.labels.zone "eu-2" -> "eu-1"' in proposed(answer)

    def test_a_repair_may_be_kept_to_some_relations(self, shop):
        answer = shop.db.why_not("scheduled(pod/shop/cart)", change=["pod_node"])
        assert proposed(answer)[0] == 'pod/shop/on-n3-0: remove spec.nodeName ("n3")'
        assert all("remove spec.nodeName" in text for text in proposed(answer))

    def test_every_change_says_which_field_it_changes(self, shop):
        shop.apply(pod("huge", "900"))
        answer = shop.db.why_not("scheduled(pod/shop/huge)", repairs=10)
        assert all(text["field"] for repair in answer.repairs for text in repair.texts)
        assert proposed(answer)[0] == "pod/shop/huge: spec.containers[0].resources.requests.cpu 900 -> 4"

    def test_a_gate_holds_a_pod(self, shop):
        shop.apply(pod("gated", schedulingGates=[{"name": "wait-for-quota"}]))
        answer = shop.db.why_not("scheduled(pod/shop/gated)")
        assert "wait-for-quota" in told(answer)
        assert proposed(answer)[0] == 'pod/shop/gated: remove spec.schedulingGates[0].name ("wait-for-quota")'


def service(name, selector, **spec):
    metadata = {"name": name, "namespace": "shop", "uid": name, "generation": 1}
    port = {"port": 80, "targetPort": 80, "protocol": "TCP"}
    spec = {"selector": selector, "type": "ClusterIP", "clusterIP": "10.96.0.7", "ports": [port], **spec}
    metadata["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def web():
    made = cluster(rules.CONTROLLERS)
    made.apply(
        service("web", {"app": "web"}),
        pod("typo", node="n1", labels={"app": "wbe"}, ready=True),
        pod("slow", node="n1", labels={"app": "web"}, ready=False),
        pod("good", node="n1", labels={"app": "web"}, ready=True),
    )
    return made


class TestMissingEndpoint:
    def test_a_label_that_is_misspelled_is_named_and_mended(self, web):
        answer = web.db.why_not("serves(service/shop/web, pod/shop/typo)")
        (row,) = told(answer)["no label_set"].values()
        assert row == 'no label_set(pod/shop/typo, {"app":"web"}), closest label_set(pod/shop/typo, {"app":"wbe"})'
        assert proposed(answer) == ['pod/shop/typo: metadata.labels {"app":"wbe"} -> {"app":"web"}']

    def test_a_pod_that_is_not_ready_is_named(self, web):
        answer = web.db.why_not("serves(service/shop/web, pod/shop/slow)")
        (row,) = told(answer)["no pod_condition"].values()
        assert '"Ready", "True"' in row
        assert 'closest pod_condition(pod/shop/slow, 0, "Ready", "False"' in row
        assert proposed(answer) == ["service/shop/web: set spec.publishNotReadyAddresses to true"]

    def test_a_selector_that_nothing_matches_is_compared_with_the_label(self, web):
        web.apply(service("api", {"app": "api"}))
        answer = web.db.why_not("serves(service/shop/api, pod/shop/good)")
        assert any("web" in row for rows in told(answer).values() for row in rows.values())
        assert proposed(answer)[0] == 'pod/shop/good: metadata.labels {"app":"web"} -> {"app":"api"}'

    def test_a_pod_that_serves_is_proved(self, web):
        assert web.db.why_not("serves(service/shop/web, pod/shop/good)").holds
        assert web.db.why("serves(service/shop/web, P)").fact[1] == Ref("pod/shop/good", "good")


class TestReplicationController:
    def test_missing_pods_and_the_refusal_are_told(self):
        made = cluster(rules.CONTROLLERS)
        template = {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        metadata = {"name": "api", "namespace": "shop", "uid": "rc", "generation": 1}
        metadata["creationTimestamp"] = "2026-01-01T00:00:00Z"
        spec = {"replicas": 2, "selector": {"app": "api"}, "template": template}
        made.apply({"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata, "spec": spec})
        key = to_json(["replicationcontroller/shop/api", "0"])
        made.db.commit(insert={"failed": [("create_object", key, "exceeded quota: pods", 1)]})
        causes = told(made.db.why_not("complete(replicationcontroller/shop/api)"))
        assert "count = 0, wanted 2" in causes
        assert "exceeded quota: pods" in causes


ROLES = """
.decl binding(role: symbol, user: symbol, namespace: symbol)
role_holder(Role, "User", User, Ns) :- binding(Role, User, Ns).
role_resource("cfg-reader", "list", "", "configmaps", "*").
role_resource("admin", "*", "*", "*", "*").
"""


class TestAuthorisation:
    def test_bindings_are_near_misses_and_a_wider_one_is_proposed(self):
        made = Cluster(("schema.dl", *rules.AUTH))
        made.db.load("roles.dl", ROLES)
        made.db.commit(insert={"binding": [("cfg-reader", "ana", "prod"), ("admin", "ana", "dev")]})
        asked = made.db.read_facts(['attempt("ana", "list", "", "secrets", "", "prod", "", "")'])
        answer = made.db.why_not("allowed(Role)", insert=asked, change=["binding"])
        rows = [row for rows in told(answer).values() for row in rows.values()]
        assert any('closest role_resource("cfg-reader", "list", "", "configmaps", "*")' in row for row in rows)
        assert any(text.startswith('binding("admin", "ana", "dev") -> ') for text in proposed(answer))


class TestAdmission:
    POLICY = """
.decl approved(registry: symbol)
.decl known(image: symbol)
known(Image) :- approved(R), request(object: O), at(O, "spec.containers[0].image", I), Image = symbol(I),
  starts_with(Image, R).
deny("Forbidden", cat("image ", Image, " is from no approved registry"), null) :-
  request(object: O), at(O, "spec.containers[0].image", I), Image = symbol(I), not known(Image).
.decl admitted(name: symbol)
admitted(Name) :- request(name: Name), not deny(_, _, _).
"""

    def test_a_denial_names_the_policy_and_what_is_wrong(self):
        made = Cluster(rules.ADMISSION)
        made.db.load("images.dl", self.POLICY)
        made.db.commit(insert={"approved": [("registry.corp/",), ("quay.io/corp/",)]})
        raw = {"spec": {"containers": [{"image": "registry.crop/nginx:1.27"}]}}
        request = ("CREATE", "pods", "", "", "web", to_json(raw), None, to_json({}))
        answer = made.db.why_not('admitted("web")', insert={"request": [request]})
        places = {(c.place.file, c.place.line): c.title for c in answer.causes}
        assert "image registry.crop/nginx:1.27 is from no approved registry" in places["images.dl", 6]


def test_why_a_node_was_chosen_names_the_runner_up():
    made = cluster(rules.CONTROL_PLANE)
    made.apply(node("n1", "eu-1"), node("n2", "eu-1"), pod("other", "1", "n1"), pod("web"))
    proof = made.db.why("best_node(_, Node)")
    assert proof.fact[1] == "n2"
    assert re.fullmatch(r'argmax = "n2" of 2, by \(\d+, 0\); next "n1" by \(\d+, 1\)', proof.notes[0])
