"""What admission makes of requests in namespaces, and of nodes."""

from __future__ import annotations

from typing import Any

import pytest

from rulekube.errors import ApiError


def configmap(namespace: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}}


def namespace(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def test_nothing_is_made_in_a_namespace_that_is_not_there(door: Any) -> None:
    answer = door.judge("CREATE", configmap("nope-ns"))
    assert answer.denials == [("NotFound", 'namespaces "nope-ns" not found', {"name": "nope-ns", "kind": "namespaces"})]
    assert door.judge("CREATE", configmap("shop")).allowed


def test_nothing_is_made_in_a_namespace_that_is_going(door: Any) -> None:
    door.cluster.apply(namespace("gone", deletionTimestamp="2026-01-01T00:00:00Z"))
    ((reason, message, details),) = door.judge("CREATE", configmap("gone")).denials
    assert reason == "Forbidden"
    assert message == (
        'configmaps "c" is forbidden: unable to create new content in namespace gone because it is being terminated'
    )
    assert details["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace gone is being terminated",
            "field": "metadata.namespace",
        }
    ]
    assert door.judge("UPDATE", configmap("gone"), configmap("gone")).allowed


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_three_namespaces_cannot_be_deleted(door: Any, name: str) -> None:
    ((reason, message, _),) = door.judge("DELETE", namespace(name)).denials
    assert (reason, message) == ("Forbidden", f'namespaces "{name}" is forbidden: this namespace may not be deleted')
    assert door.judge("DELETE", namespace("shop")).allowed


def test_a_refusal_names_group_and_plural(door: Any) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"generateName": "l-", "namespace": "gone"},
    }
    door.cluster.apply(namespace("gone", deletionTimestamp="2026-01-01T00:00:00Z"))
    ((_, message, details),) = door.judge("CREATE", lease).denials
    assert message.startswith('leases.coordination.k8s.io "l-" is forbidden: ')
    assert (details["kind"], details["group"], details["name"]) == ("leases", "coordination.k8s.io", "l-")


def test_a_new_node_is_tainted_until_it_is_found_ready(door: Any, recorded: Any) -> None:
    case = recorded["node"]
    stored = door.create(case["sent"])
    assert stored["spec"]["taints"] == case["stored"]["spec"]["taints"]


def test_a_node_that_brings_the_taint_is_not_given_it_twice(door: Any) -> None:
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": [taint]}}
    assert door.create(node)["spec"]["taints"] == [taint]


def test_what_exists_already_is_told_so(door: Any) -> None:
    door.create(configmap("shop"))
    with pytest.raises(ApiError, match="already exists"):
        door.create(configmap("shop"))
