"""Validation: the table of kinds, immutability, the error a client sees. Recorded rows are the conformance tests'."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rulekube.errors import ApiError
from rulekube.facts import resources, validation
from rulekube.facts.admission import SYSTEM, Invalid, Request
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.resources import Resource
from rulekube.facts.validation.kinds import KINDS

META = {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "1"}
SPECS: dict[str, dict[str, Any]] = {
    "pods": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    "replicationcontrollers": {
        "spec": {
            "selector": {"a": "b"},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        }
    },
    "services": {"spec": {"ports": [{"port": 80}]}},
    "endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    "endpointslices.discovery.k8s.io": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
    "events": {"involvedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": "default", "name": "x"}},
}


def row(key: str) -> Resource:
    found = resources.by_key(key)
    assert found is not None
    return found


def sample(key: str) -> dict[str, Any]:
    resource = row(key)
    meta = {field: value for field, value in META.items() if resource.namespaced or field != "namespace"}
    new = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": meta,
        **copy.deepcopy(SPECS.get(key, {})),
    }
    apply_defaults(resource, new)
    return new


def texts(key: str, new: dict[str, Any], old: dict[str, Any] | None = None, subresource: str = "") -> list[str]:
    return [error.text for error in validation.validate(row(key), new, old, subresource)]


def test_every_kind_that_is_stored_is_validated() -> None:
    stored = {resource.key for resource in resources.TABLE if "list" in resource.verbs}
    assert stored <= KINDS.keys()


@pytest.mark.parametrize("key", sorted(KINDS))
def test_a_plain_object_passes_and_may_be_written_again(key: str) -> None:
    new = sample(key)
    assert texts(key, new) == []
    assert texts(key, new, copy.deepcopy(new)) == []


@pytest.mark.parametrize("key", sorted(KINDS))
def test_identity_is_fixed_and_names_are_needed(key: str) -> None:
    old, new = sample(key), sample(key)
    new["metadata"]["uid"] = "other"
    assert 'metadata.uid: Invalid value: "other": field is immutable' in texts(key, new, old)
    del new["metadata"]["name"]
    assert "metadata.name: Required value: name or generateName is required" in texts(key, new)


@pytest.mark.parametrize("key", sorted(KINDS))
def test_what_goes_may_not_be_held_by_new_finalizers(key: str) -> None:
    old = sample(key)
    old["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a.b/c"]}
    new = copy.deepcopy(old)
    new["metadata"]["finalizers"].append("a.b/d")
    (said,) = texts(key, new, old)
    assert said.endswith('found new finalizers []string{"a.b/d"}')


def test_a_pods_image_may_change_and_little_else() -> None:
    old, new = sample("pods"), sample("pods")
    new["spec"]["containers"][0]["image"] = "other"
    assert texts("pods", new, old) == []
    new["spec"]["nodeName"] = "n1"
    (said,) = texts("pods", new, old)
    assert said.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")


def test_a_gated_pod_may_be_told_more_precisely_where_to_go() -> None:
    old = sample("pods")
    old["spec"] |= {"schedulingGates": [{"name": "a.b/c"}], "nodeSelector": {"x": "y"}}
    new = copy.deepcopy(old)
    new["spec"]["nodeSelector"]["z"] = "w"
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    new["spec"]["affinity"] = {"nodeAffinity": required}
    assert texts("pods", new, old) == []
    newer = copy.deepcopy(new)
    del newer["spec"]["nodeSelector"]["x"]
    del newer["spec"]["affinity"]
    assert texts("pods", newer, new) == [
        'spec.nodeSelector: Invalid value: {"z":"w"}: only additions to spec.nodeSelector are allowed '
        "(no mutations or deletions)",
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
        "Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed",
    ]


def test_equal_amounts_are_no_change() -> None:
    old, new = sample("pods"), sample("pods")
    old["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    new["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000m"}}
    assert texts("pods", new, old) == []


def test_a_container_that_ended_for_good_stays_ended() -> None:
    old = sample("pods")
    old["spec"]["restartPolicy"] = "Never"
    old["status"] = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 0}}}]}
    new = copy.deepcopy(old)
    new["status"]["containerStatuses"][0]["state"] = {"running": {}}
    said = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
    assert texts("pods", new, old, "status") == [said]


def test_immutable_data_stays() -> None:
    old = sample("configmaps") | {"immutable": True, "data": {"a": "1"}}
    new = copy.deepcopy(old) | {"data": {"a": "2"}}
    assert texts("configmaps", new, old) == ["data: Forbidden: field is immutable when `immutable` is set"]


def test_an_event_lives_where_its_object_does() -> None:
    new = sample("events")
    new["involvedObject"]["namespace"] = "other"
    assert texts("events", new) == ['involvedObject.namespace: Invalid value: "other": does not match event.namespace']


def test_a_slice_holds_addresses_of_its_family() -> None:
    new = sample("endpointslices.discovery.k8s.io")
    new["endpoints"][0]["addresses"] = ["fd00::1"]
    assert texts("endpointslices.discovery.k8s.io", new) == [
        'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address'
    ]


def test_privileged_containers_are_a_matter_of_policy() -> None:
    new = sample("pods")
    new["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert texts("pods", new) == [
        "spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy"
    ]
    assert validation.validate(row("pods"), new, allow_privileged=True) == []


def request(new: dict[str, Any], operation: str = "CREATE", subresource: str = "") -> Request:
    return Request(operation, row("services"), subresource, "default", "a", new, None, SYSTEM, False)


def test_a_client_sees_one_message_and_every_cause() -> None:
    new = sample("services")
    new["spec"] |= {"sessionAffinity": "Foo"}
    new["spec"]["ports"][0]["port"] = 0
    refused = Invalid("spec.ports[0].nodePort", "FieldValueInvalid", 3001, "out of range")
    with pytest.raises(ApiError) as raised:
        validation.refuse(request(new), [refused])
    error = raised.value
    assert error.reason == "Invalid"
    assert error.message == (
        'Service "a" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, '
        'spec.sessionAffinity: Unsupported value: "Foo": supported values: "ClientIP", "None", '
        "spec.ports[0].nodePort: Invalid value: 3001: out of range]"
    )
    assert error.details is not None
    assert error.details["kind"] == "Service"
    assert error.details["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 0: must be between 1 and 65535, inclusive",
            "field": "spec.ports[0].port",
        },
        {
            "reason": "FieldValueNotSupported",
            "message": 'Unsupported value: "Foo": supported values: "ClientIP", "None"',
            "field": "spec.sessionAffinity",
        },
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 3001: out of range",
            "field": "spec.ports[0].nodePort",
        },
    ]


def test_a_good_request_passes_and_a_deletion_has_nothing_to_check() -> None:
    validation.refuse(request(sample("services")))
    validation.refuse(request(sample("services"))._replace(object=None, operation="DELETE"))


def test_a_binding_names_a_node() -> None:
    binding = {"metadata": {"name": "a"}, "target": {"kind": "Pod"}}
    asked = Request("CREATE", row("pods"), "binding", "default", "a", binding, None, SYSTEM, False)
    with pytest.raises(ApiError, match=r'target.kind: Unsupported value: "Pod": .*target.name: Required value'):
        validation.refuse(asked)


def test_warnings_tell_what_is_accepted_all_the_same() -> None:
    new = sample("pods")
    new["spec"]["containers"][0]["env"] = [{"name": "A"}, {"name": "A"}]
    assert validation.warnings(row("pods"), new) == [
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'
    ]
