"""The one door: what becomes of each kind of write."""

import itertools

import pytest

from rulekube.errors import ApiError
from rulekube.facts import resources
from rulekube.facts.admission import Denial, Invalid, Verdict
from rulekube.facts.deletion import DeleteOptions
from rulekube.facts.event import EventNote
from rulekube.facts.operation import Bind, Caller, Create, Patch
from rulekube.facts.store import Key, MemoryStore
from rulekube.facts.timestamp import parse_time
from rulekube.facts.writer import Writer

CM, POD, RC, NS, LEASE, NODE = (
    resources.row(key)
    for key in ("configmaps", "pods", "replicationcontrollers", "namespaces", "leases.coordination.k8s.io", "nodes")
)
NOW = "2026-11-23T05:12:50Z"


@pytest.fixture
def writer():
    uids = (f"uid-{n}" for n in itertools.count(1))
    made = Writer(MemoryStore(), lambda: parse_time(NOW), lambda: next(uids))
    made.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return made


def configmap(name="a", **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"k": "v"}}


def pod(name="p", node="n1", **metadata):
    spec = {"containers": [{"name": "c", "image": "nginx:1.25"}], **({"nodeName": node} if node else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def rc(name="r"):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"] | {"nodeName": ""}}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def refused(reason, operation, *arguments):
    with pytest.raises(ApiError) as caught:
        operation(*arguments)
    assert caught.value.reason == reason
    return caught.value.message


def types_since(writer, revision):
    return [change.type for change in writer.store.changes(revision)]


def test_a_new_object_is_stamped(writer):
    written = writer.create(CM, "shop", configmap(uid="mine", creationTimestamp="1999-01-01T00:00:00Z", labels={}))
    metadata = written.object["metadata"]
    assert (written.type, metadata["uid"], metadata["creationTimestamp"], metadata["namespace"]) == (
        "ADDED",
        "uid-2",
        NOW,
        "shop",
    )
    assert metadata["resourceVersion"] == "2"
    assert "generation" not in metadata
    assert "labels" not in metadata
    assert metadata["managedFields"][0]["manager"] == "rulekube"


def test_generated_names_have_five_letters_and_follow_from_the_uid(writer):
    raw = configmap()
    raw["metadata"] = {"generateName": "cart-"}
    name = writer.create(CM, "shop", raw).object["metadata"]["name"]
    assert len(name) == len("cart-") + 5
    assert set(name[5:]) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_refusals_are_in_kubernetes_words(writer):
    writer.create(CM, "shop", configmap())
    assert refused("AlreadyExists", writer.create, CM, "shop", configmap()) == 'configmaps "a" already exists'
    assert refused("NotFound", writer.create, CM, "nope", configmap()) == 'namespaces "nope" not found'
    assert refused("NotFound", writer.delete, LEASE, "shop", "b") == 'leases.coordination.k8s.io "b" not found'
    assert "should not be set" in refused("", writer.create, CM, "shop", configmap("b", resourceVersion="3"))
    assert refused("BadRequest", writer.update, CM, "shop", "a", configmap("b")) == (
        "the name of the object (b) does not match the name on the URL (a)"
    )


def test_a_stale_update_is_a_conflict(writer):
    old = writer.create(CM, "shop", configmap()).object
    writer.update(CM, "shop", "a", {**old, "data": {"k": "w"}})
    assert refused("Conflict", writer.update, CM, "shop", "a", {**old, "data": {"k": "x"}}) == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_an_update_that_changes_nothing_writes_nothing(writer):
    old = writer.create(CM, "shop", configmap()).object
    revision = writer.store.revision
    written = writer.update(CM, "shop", "a", configmap(), caller=Caller(manager="somebody-else"))
    assert (written.type, written.object, writer.store.revision) == ("", old, revision)


def test_status_is_written_only_through_its_subresource(writer):
    made = writer.create(POD, "shop", {**pod(), "status": {"phase": "Running"}}).object
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    both = {**made, "status": {"phase": "Running"}, "spec": {**made["spec"], "activeDeadlineSeconds": 7}}
    by_object = writer.update(POD, "shop", "p", both).object
    assert (
        by_object["status"]["phase"],
        by_object["spec"]["activeDeadlineSeconds"],
        by_object["metadata"]["generation"],
    ) == (
        "Pending",
        7,
        2,
    )
    both["metadata"] = {"name": "p"}
    both["spec"] = {**made["spec"], "activeDeadlineSeconds": 5}
    by_status = writer.update(POD, "shop", "p", both, "status").object
    assert (
        by_status["status"]["phase"],
        by_status["spec"]["activeDeadlineSeconds"],
        by_status["metadata"]["generation"],
    ) == (
        "Running",
        7,
        2,
    )


def test_generation_counts_spec_and_not_labels(writer):
    made = writer.create(RC, "shop", rc())
    assert made.object["metadata"]["generation"] == 1
    labelled = writer.patch(
        RC, "shop", "r", lambda live: {**live, "metadata": {**live["metadata"], "labels": {"a": "b"}}}
    )
    assert labelled.object["metadata"]["generation"] == 1
    scaled = writer.patch(RC, "shop", "r", lambda live: {**live, "spec": {**live["spec"], "replicas": 2}})
    assert scaled.object["metadata"]["generation"] == 2


def test_a_scheduled_pod_is_given_its_grace_and_then_removed_by_its_agent(writer):
    writer.create(POD, "shop", pod())
    asked = writer.delete(POD, "shop", "p")
    metadata = asked.object["metadata"]
    assert (asked.type, metadata["deletionGracePeriodSeconds"], metadata["generation"]) == ("MODIFIED", 30, 2)
    assert metadata["deletionTimestamp"] == "2026-11-23T05:13:20Z"
    assert writer.delete(POD, "shop", "p").type == ""
    assert writer.delete(POD, "shop", "p", DeleteOptions(grace=60)).type == ""
    shorter = writer.delete(POD, "shop", "p", DeleteOptions(grace=10)).object["metadata"]
    assert (shorter["deletionTimestamp"], shorter["deletionGracePeriodSeconds"]) == ("2026-11-23T05:13:00Z", 10)
    revision = writer.store.revision
    done = writer.delete(POD, "shop", "p", DeleteOptions(grace=0))
    assert (done.type, types_since(writer, revision)) == ("DELETED", ["MODIFIED", "DELETED"])
    assert done.object["metadata"]["deletionTimestamp"] == NOW


@pytest.mark.parametrize("raw", [pod(node="")], ids=["unscheduled"])
def test_a_pod_nobody_runs_goes_at_once(writer, raw):
    writer.create(POD, "shop", raw)
    assert writer.delete(POD, "shop", "p").type == "DELETED"
    assert writer.store.get(Key("pods", "shop", "p")) is None


def test_a_finalizer_holds_an_object_until_it_is_taken_away(writer):
    writer.create(CM, "shop", configmap(finalizers=["example.com/hold"]))
    held = writer.delete(CM, "shop", "a")
    assert (
        held.type,
        held.object["metadata"]["deletionTimestamp"],
        held.object["metadata"]["deletionGracePeriodSeconds"],
    ) == ("MODIFIED", NOW, 0)
    assert writer.delete(CM, "shop", "a").object == held.object
    freed = writer.patch(CM, "shop", "a", lambda live: {**live, "metadata": {**live["metadata"], "finalizers": []}})
    assert freed.type == "DELETED"
    assert "finalizers" not in freed.object["metadata"]
    assert writer.store.get(Key("configmaps", "shop", "a")) is None


@pytest.mark.parametrize(
    ("resource", "propagation", "finalizers"),
    [
        (CM, None, None),
        (CM, "Orphan", ["orphan"]),
        (CM, "Foreground", ["foregroundDeletion"]),
        (RC, None, ["orphan"]),
        (RC, "Background", None),
    ],
)
def test_propagation_becomes_a_finalizer(writer, resource, propagation, finalizers):
    writer.create(resource, "shop", rc("a") if resource is RC else configmap())
    written = writer.delete(resource, "shop", "a", DeleteOptions(propagation=propagation))
    assert written.type == ("MODIFIED" if finalizers else "DELETED")
    assert written.object["metadata"].get("finalizers") == finalizers


def test_deletion_preconditions_are_checked(writer):
    writer.create(CM, "shop", configmap())
    assert refused("Conflict", writer.delete, CM, "shop", "a", DeleteOptions(uid="x")) == (
        'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match '
        "the UID in record (uid-2). The object might have been deleted and then recreated"
    )


def test_a_namespace_terminates_until_it_is_finalized(writer):
    going = writer.delete(NS, "", "shop")
    assert (going.type, going.object["status"]["phase"]) == ("MODIFIED", "Terminating")
    assert writer.delete(NS, "", "shop").type == ""
    final = {**going.object, "spec": {}}
    assert writer.update(NS, "", "shop", final, "finalize").type == "DELETED"


def test_a_binding_sets_node_labels_and_condition_and_only_once(writer):
    writer.create(POD, "shop", pod(node=""))
    binding = {"metadata": {"name": "p", "labels": {"zone": "z1"}}, "target": {"kind": "Node", "name": "n2"}}
    bound = writer.bind("shop", "p", binding).object
    assert (bound["spec"]["nodeName"], bound["metadata"]["labels"], bound["metadata"]["generation"]) == (
        "n2",
        {"zone": "z1"},
        1,
    )
    assert bound["status"]["conditions"] == [
        {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": NOW}
    ]
    assert refused("Conflict", writer.bind, "shop", "p", binding) == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n2"'
    )


def test_a_dry_run_answers_and_writes_nothing(writer):
    revision = writer.store.revision
    dry = Caller(dry_run=True)
    written = writer.create(CM, "shop", configmap(), dry)
    assert (written.type, "resourceVersion" in written.object["metadata"]) == ("ADDED", False)
    assert writer.store.revision == revision


def test_admission_mends_warns_and_refuses(writer):
    def admit(request):
        if request.name == "bad":
            return Verdict([Denial("Forbidden", 'configmaps "bad" is forbidden: no', {"name": "bad"})], [], [])
        return Verdict([], [("metadata.labels['a.b/c']", "x"), ("data.k", None), ("data.j", "y")], ["careful"])

    writer.admit = admit
    written = writer.create(CM, "shop", configmap())
    assert (written.object["metadata"]["labels"], written.object["data"], written.warnings) == (
        {"a.b/c": "x"},
        {"j": "y"},
        ["careful"],
    )
    assert refused("Forbidden", writer.create, CM, "shop", configmap("bad")) == 'configmaps "bad" is forbidden: no'


def test_operations_of_one_transaction_see_each_other_and_fail_alone(writer):
    heard = []
    writer.store.subscribe(lambda changes: heard.append([(c.type, c.key.name) for c in changes]))
    relabel = Patch(CM, "shop", "a", lambda live: {**live, "data": {"k": "new"}})
    results = writer.transact(
        [Create(CM, "shop", configmap()), relabel, Create(CM, "shop", configmap()), Create(CM, "shop", configmap("b"))]
    )
    assert heard == [[("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b")]]
    assert isinstance(results[2], ApiError)
    assert [r.object["metadata"]["resourceVersion"] for r in results if not isinstance(r, ApiError)] == ["2", "3", "4"]


def test_a_transition_and_its_event_are_one_transaction(writer):
    owner = writer.create(RC, "shop", rc()).object
    note = EventNote(owner, "Normal", "SuccessfulCreate", "Created pod: {name}", "replication-controller")
    revision = writer.store.revision
    writer.perform(Create(POD, "shop", pod("r-x"), event=note))
    made, event = (change.object for change in writer.store.changes(revision))
    assert event["message"] == "Created pod: r-x"
    assert event["involvedObject"] == {
        "kind": "ReplicationController",
        "namespace": "shop",
        "name": "r",
        "uid": owner["metadata"]["uid"],
        "apiVersion": "v1",
        "resourceVersion": "2",
    }
    assert (event["count"], event["firstTimestamp"], event["source"]) == (
        1,
        NOW,
        {"component": "replication-controller"},
    )
    assert made["metadata"]["name"] == "r-x"


def test_the_same_event_again_is_counted(writer):
    node = writer.create(NODE, "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}).object
    writer.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    for value in "ab":
        note = EventNote(node, "Warning", "Odd", "it is odd", "node-controller")
        writer.perform(Patch(NODE, "", "n", lambda live, v=value: {**live, "spec": {"x": v}}, event=note))
    (event,) = writer.store.list("events", "default")
    assert event["count"] == 2


def test_a_bind_is_refused_for_another_pod_of_that_name(writer):
    writer.create(POD, "shop", pod(node=""))
    binding = {"target": {"name": "n"}}
    assert "UID in the precondition" in refused("Conflict", writer.perform, Bind("shop", "p", binding, uid="other"))


def test_refused_fields_are_one_invalid_answer(writer):
    refused_port = Invalid(
        "spec.ports[0].nodePort", "FieldValueInvalid", 3001, "provided port is not in the valid range."
    )
    writer.admit = lambda request: Verdict([], [], [], [refused_port])
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 3001}]},
    }
    assert refused("Invalid", writer.create, resources.row("services"), "shop", service) == (
        'Service "s" is invalid: spec.ports[0].nodePort: Invalid value: 3001: provided port is not in the valid range.'
    )


def test_a_nameless_object_is_refused(writer):
    assert refused("Invalid", writer.create, CM, "shop", configmap("")) == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )


def test_a_lease_is_only_updated_by_who_has_read_it(writer):
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    made = writer.create(LEASE, "shop", lease).object
    assert refused("Invalid", writer.update, LEASE, "shop", "l", lease) == (
        'Lease.coordination.k8s.io "l" is invalid: '
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    )
    assert writer.update(LEASE, "shop", "l", {**made, "spec": {"holderIdentity": "x"}}).type == "MODIFIED"


def test_a_binding_for_another_name_is_refused_before_the_pod_is_looked_for(writer):
    binding = {"metadata": {"name": "p"}, "target": {"name": "n"}}
    assert (
        refused("BadRequest", writer.bind, "shop", "other", binding)
        == "name in URL does not match name in Binding object"
    )


def test_the_schedulers_events_have_time_action_and_instance(writer):
    made = writer.create(POD, "shop", pod(node="")).object
    note = EventNote(made, "Normal", "Scheduled", "assigned {name}", "default-scheduler", "Binding", "host1")
    writer.perform(Bind("shop", "p", {"target": {"name": "n"}}, event=note))
    (event,) = writer.store.list("events", "shop")
    assert (event["eventTime"], event["action"], event["reportingInstance"], event["message"]) == (
        "2026-11-23T05:12:50.000000Z",
        "Binding",
        "default-scheduler-host1",
        "assigned p",
    )
    assert "count" not in event


def test_a_namespace_bears_its_name_as_a_label_also_when_it_is_generated(writer):
    made = writer.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "ns-"}}).object
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": made["metadata"]["name"]}


def test_admission_sees_a_name_that_is_not_generated_yet(writer):
    seen = []
    writer.admit = lambda request: (
        seen.append((request.name, "name" in request.object["metadata"])) or Verdict([], [], [])
    )
    raw = configmap()
    raw["metadata"] = {"generateName": "cart-"}
    writer.create(CM, "shop", raw)
    assert seen == [("", False)]
