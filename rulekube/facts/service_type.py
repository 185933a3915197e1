"""A Service that changes its type: what only the old type had goes, unless the client changed it in the same breath.

Source: dropTypeDependentFields (pkg/registry/core/service/strategy.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

RawSpec = dict[str, Any]


def _has_cluster_ip(spec: RawSpec) -> bool:
    return spec.get("type") != "ExternalName"


def _is_balanced(spec: RawSpec) -> bool:
    return spec.get("type") == "LoadBalancer"


def _has_node_ports(spec: RawSpec) -> bool:
    balanced = _is_balanced(spec) and spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort" or balanced


def _is_reachable(spec: RawSpec) -> bool:
    open_inside = spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    return spec.get("type") in ("NodePort", "LoadBalancer") or open_inside


def _has_health_check(spec: RawSpec) -> bool:
    return _is_balanced(spec) and spec.get("externalTrafficPolicy") == "Local"


_NEEDED: Final[tuple[tuple[Callable[[RawSpec], bool], tuple[str, ...]], ...]] = (  # who has it, fields that go together
    (_has_cluster_ip, ("clusterIP", "clusterIPs")),
    (_has_cluster_ip, ("ipFamilies",)),
    (_has_cluster_ip, ("ipFamilyPolicy",)),
    (_has_health_check, ("healthCheckNodePort",)),
    (_is_balanced, ("allocateLoadBalancerNodePorts",)),
    (_is_balanced, ("loadBalancerClass",)),
    (_is_reachable, ("externalTrafficPolicy",)),
)


def without_what_only_the_old_type_had(spec: RawSpec, old: RawSpec) -> RawSpec:
    """`spec` without the unchanged fields that its type does not have and the old one had."""
    gone = {
        field
        for has, fields in _NEEDED
        if has(old) and not has(spec) and all(spec.get(field) == old.get(field) for field in fields)
        for field in fields
    }
    kept = {field: value for field, value in spec.items() if field not in gone}
    if (
        spec.get("ports")
        and _has_node_ports(old)
        and not _has_node_ports(spec)
        and _node_ports(spec) == _node_ports(old)
    ):
        kept["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec["ports"]]
    return kept


def _node_ports(spec: RawSpec) -> list[int]:
    return sorted(port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
