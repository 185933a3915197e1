"""Services: types, ports, policies, and what may not change.

Source: ValidateService, ValidateServiceUpdate (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation import addresses, metadata, service_addresses
from rulekube.facts.validation.checks import (
    PROTOCOLS,
    Errors,
    Raw,
    among,
    items,
    named,
    one_of,
    port,
    port_or_name,
)
from rulekube.selectors import metadata as maps
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, not_supported, required

_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES: Final = ("ClientIP", "None")
_TRAFFIC: Final = ("Cluster", "Local")
_DISTRIBUTIONS: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
_MOST_AFFINITY_SECONDS: Final = 86400
_ONLY_BALANCED: Final = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL: Final = "may not be set for ExternalName services"


def create(new: Raw) -> Errors:
    """A new Service."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_label)
    yield from _whole(new, {})


def _whole(new: Raw, old: Raw) -> Errors:
    """All of a Service but its name; on updates, `old` may keep addresses that are written loosely."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    kind = spec.get("type") or ""
    if not spec.get("ports") and not service_addresses.headless(spec) and kind != "ExternalName":
        yield required("spec.ports")
    yield from _by_type(spec, kind)
    yield from _ports(spec)
    yield from maps.label_errors(spec.get("selector") or {}, "spec.selector")
    yield from _affinity(spec)
    yield from service_addresses.agreeing(spec, before)
    for at, text in items(spec, "externalIPs", "spec"):
        faults = list(addresses.address(at, text, before.get("externalIPs") or ()))
        yield from faults or addresses.ordinary(at, text)
    yield from one_of("spec.type", kind, _TYPES)
    yield from _distinct_ports(spec, kind)
    yield from _balancing(new, spec, before, kind)
    yield from _traffic(spec, kind)


def update(new: Raw, old: Raw) -> Errors:
    """A changed Service: what was allocated stays, unless it turns from or to ExternalName."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from service_addresses.kept(spec, before)
    balanced, wanted = spec.get("type") == before.get("type") == "LoadBalancer", spec.get("loadBalancerClass")
    if balanced and wanted != before.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", wanted, service_addresses.FIXED)
    yield from _balancer_class(spec, spec.get("type") or "")
    checked = _needs_health_check(spec) and _needs_health_check(before)
    if checked and (spec.get("healthCheckNodePort") or 0) != (before.get("healthCheckNodePort") or 0):
        yield forbidden("spec.healthCheckNodePort", "field is immutable")
    yield from _whole(new, old)


def _by_type(spec: Raw, kind: str) -> Errors:
    if kind in ("LoadBalancer", "NodePort") and service_addresses.headless(spec):
        yield invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind != "ExternalName":
        return
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            yield forbidden(f"spec.{field}", _NOT_EXTERNAL)
    name = (spec.get("externalName") or "").removesuffix(".")
    yield from named("spec.externalName", name, syntax.dns1123_subdomain) if name else (required("spec.externalName"),)


def _ports(spec: Raw) -> Errors:
    several, seen = len(spec.get("ports") or ()) > 1, set[str]()
    for at, entry in items(spec, "ports", "spec"):
        name = entry.get("name") or ""
        if several and not name:
            yield required(f"{at}.name")
        elif name:
            yield from named(f"{at}.name", name, syntax.dns1123_label)
            if name in seen:
                yield FieldError(DUPLICATE, f"{at}.name", name)
            seen.add(name)
        yield from port(f"{at}.port", entry.get("port") or 0)
        yield from one_of(f"{at}.protocol", entry.get("protocol") or "", PROTOCOLS)
        yield from port_or_name(f"{at}.targetPort", entry.get("targetPort", 0))
        if entry.get("appProtocol") is not None:
            yield from named(f"{at}.appProtocol", entry["appProtocol"], syntax.qualified_name)


def _affinity(spec: Raw) -> Errors:
    kind, config, path = (
        spec.get("sessionAffinity") or "",
        spec.get("sessionAffinityConfig"),
        "spec.sessionAffinityConfig",
    )
    yield from one_of("spec.sessionAffinity", kind, _AFFINITIES)
    if kind == "None" and config is not None:
        yield forbidden(path, "must not be set when session affinity is None")
    if kind != "ClientIP":
        return
    client = (config or {}).get("clientIP")
    seconds = (client or {}).get("timeoutSeconds")
    steps = ((config, path), (client, f"{path}.clientIP"), (seconds, f"{path}.clientIP.timeoutSeconds"))
    for value, at in steps:
        if value is None:
            yield required(at, "when session affinity type is ClientIP")
            return
    if not 0 < (seconds or 0) <= _MOST_AFFINITY_SECONDS:
        said = f"must be greater than 0 and less than {_MOST_AFFINITY_SECONDS}"
        yield invalid(f"{path}.clientIP.timeoutSeconds", seconds, said)


def _distinct_ports(spec: Raw, kind: str) -> Errors:
    if kind == "ClusterIP":
        for at, entry in items(spec, "ports", "spec"):
            if entry.get("nodePort"):
                yield forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'")
    taken: set[tuple[str, int]] = set()
    for at, entry in items(spec, "ports", "spec"):
        pair = (entry.get("protocol") or "", entry.get("nodePort") or 0)
        if pair[1] and pair in taken:
            yield FieldError(DUPLICATE, f"{at}.nodePort", pair[1])
        taken.add(pair)
    taken = set()
    for at, entry in items(spec, "ports", "spec"):
        pair = (entry.get("protocol") or "", entry.get("port") or 0)
        if pair in taken:
            yield FieldError(DUPLICATE, at, _shaped_port(*pair))
        taken.add(pair)


def _shaped_port(protocol: str, number: int) -> dict[str, object]:
    """A port that only has protocol and number, as Go prints it."""
    return {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number, "TargetPort": 0, "NodePort": 0}


def _balancing(new: Raw, spec: Raw, before: Raw, kind: str) -> Errors:
    path, ranges = "spec.LoadBalancerSourceRanges", spec.get("loadBalancerSourceRanges") or []
    note = "service.beta.kubernetes.io/load-balancer-source-ranges"
    written = (new["metadata"].get("annotations") or {}).get(note)
    if ranges:
        if kind != "LoadBalancer":
            yield forbidden(path, _ONLY_BALANCED)
        for index, text in enumerate(ranges):
            yield from addresses.network(f"{path}[{index}]", text.strip(), before.get("loadBalancerSourceRanges") or ())
    elif written is not None:
        if kind != "LoadBalancer":
            yield forbidden(f"metadata.annotations[{note}]", _ONLY_BALANCED)
        for text in written.strip().split(",") if written.strip() else ():
            yield from addresses.network(f"metadata.annotations[{note}]", text.strip())
    allocates = spec.get("allocateLoadBalancerNodePorts")
    if allocates is not None and kind != "LoadBalancer":
        yield forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCED)
    if allocates is None and kind == "LoadBalancer":
        yield required("allocateLoadBalancerNodePorts")
    yield from _balancer_class(spec, kind)


def _balancer_class(spec: Raw, kind: str) -> Errors:
    wanted = spec.get("loadBalancerClass")
    if wanted is not None and kind != "LoadBalancer":
        yield forbidden("spec.loadBalancerClass", _ONLY_BALANCED)
    elif wanted is not None:
        yield from named("spec.loadBalancerClass", wanted, syntax.qualified_name)


def _traffic(spec: Raw, kind: str) -> Errors:
    """Policies of traffic from outside and inside."""
    path, outside = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy") or ""
    if _reachable(spec):
        yield from one_of(path, outside, _TRAFFIC)
    elif outside:
        yield invalid(path, outside, "may only be set for externally-accessible services")
    path, health = "spec.healthCheckNodePort", spec.get("healthCheckNodePort") or 0
    if not _needs_health_check(spec):
        if health:
            said = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            yield invalid(path, health, said)
    else:
        yield from port(path, health) if health else (required(path),)
    inside = spec.get("internalTrafficPolicy")
    if inside is None and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        yield required("spec.internalTrafficPolicy")
    elif inside is not None:
        yield from among("spec.internalTrafficPolicy", inside, _TRAFFIC)
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def _reachable(spec: Raw) -> bool:
    kind = spec.get("type")
    return kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def _needs_health_check(spec: Raw) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
