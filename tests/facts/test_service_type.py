"""What goes when a Service changes its type."""

from __future__ import annotations

from typing import Any

from rulekube.facts.service_type import without_what_only_the_old_type_had as without

OLD: dict[str, Any] = {
    "type": "NodePort",
    "clusterIP": "10.0.0.1",
    "clusterIPs": ["10.0.0.1"],
    "externalTrafficPolicy": "Cluster",
    "ports": [{"port": 80, "nodePort": 30001}],
}


def test_unchanged_fields_of_the_old_type_go() -> None:
    assert without({**OLD, "type": "ClusterIP"}, OLD) == {
        "type": "ClusterIP",
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "ports": [{"port": 80}],
    }
    assert without({**OLD, "type": "ExternalName", "externalName": "a.b"}, OLD) == {
        "type": "ExternalName",
        "externalName": "a.b",
        "ports": [{"port": 80}],
    }


def test_what_the_client_changed_stays_and_is_then_refused() -> None:
    new = {**OLD, "type": "ClusterIP", "externalTrafficPolicy": "Local", "ports": [{"port": 80, "nodePort": 30002}]}
    assert without(new, OLD) == new


def test_without_a_change_of_type_nothing_goes() -> None:
    assert without(dict(OLD), OLD) == OLD
