"""Warnings: what Kubernetes accepts with a raised finger. They go back in the answer's `Warning` headers.

Source: WarningsOnCreate of pkg/registry/core/*/strategy.go, pkg/api/pod/warnings.go, pkg/api/service/warnings.go.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterator
from typing import Final

from rulekube.facts.resources import Resource
from rulekube.facts.validation import addresses
from rulekube.facts.validation.checks import Raw, items
from rulekube.selectors import syntax

Warnings = Iterator[str]

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NULL_SELECTOR: Final = "a null labelSelector results in matching no pod"


def warnings(resource: Resource, new: Raw) -> list[str]:
    """The warnings about a new object."""
    return list(_OF[resource.key](new)) if resource.key in _OF else []


def _pod(new: Raw) -> Warnings:
    yield from _hostname(new, "the Pod's hostname")
    yield from _spec(new.get("spec") or {}, "spec")


def _controller(new: Raw) -> Warnings:
    yield from _hostname(new, "Pod names and hostnames")
    template = (new.get("spec") or {}).get("template") or {}
    yield from _spec(template.get("spec") or {}, "spec.template.spec")


def _hostname(new: Raw, use: str) -> Warnings:
    if messages := syntax.dns1123_label(new["metadata"].get("name") or ""):
        why = "which can result in surprising behavior; a DNS label is recommended"
        yield f"metadata.name: this is used in {use}, {why}: [{' '.join(messages)}]"


def _spec(spec: Raw, path: str) -> Warnings:
    for at, constraint in items(spec, "topologySpreadConstraints", path):
        if constraint.get("labelSelector") is None:
            yield f"{at}.labelSelector: {_NULL_SELECTOR}"
    yield from _ports(spec, path)
    for field in ("initContainers", "containers"):
        for at, container in items(spec, field, path):
            yield from _variables(at, container)
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = (spec.get("affinity") or {}).get(kind) or {}
        for at, term in items(terms, _REQUIRED, f"{path}.affinity.{kind}"):
            yield from _term(at, term)
        for at, weighted in items(terms, _PREFERRED, f"{path}.affinity.{kind}"):
            yield from _term(f"{at}.podAffinityTerm", weighted.get("podAffinityTerm") or {})


def _term(path: str, term: Raw) -> Warnings:
    if term.get("labelSelector") is None:
        yield f"{path}.labelSelector: {_NULL_SELECTOR}"


def _ports(spec: Raw, path: str) -> Warnings:
    """Ports that are said twice, by number or by name, in whatever containers."""
    ports = [
        (place, port)
        for field in ("initContainers", "containers")
        for at, container in items(spec, field, path)
        for place, port in items(container, "ports", at)
    ]
    first: dict[object, str] = {}
    for place, port in ports:
        key = tuple(port.get(field) for field in ("containerPort", "protocol", "hostPort", "hostIP"))
        if key in first:
            yield f"{place}: duplicate port definition with {first[key]}"
        first.setdefault(key, place)
    for place, port in ports:
        name = port.get("name") or ""
        if name in first:
            use = f"services and probes that select ports by name will use {first[name]}"
            yield f'{place}: duplicate port name "{name}" with {first[name]}, {use}'
        elif name:
            first[name] = place


def _variables(path: str, container: Raw) -> Warnings:
    seen: dict[str, Raw] = {}
    for at, variable in items(container, "env", path):
        name = variable.get("name") or ""
        if name in seen:
            yield f'{at}: hides previous definition of "{name}", which may be dropped when using apply'
        seen[name] = variable


def _service(new: Raw) -> Warnings:
    spec = new.get("spec") or {}
    headless = spec.get("clusterIP") == "None"
    if spec.get("externalIPs"):
        yield (
            "spec.externalIPs is ignored for headless services"
            if headless
            else "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
        )
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _secret(new: Raw) -> Warnings:
    """A certificate that is none. (Whether the key fits it is not looked at.)"""
    if new.get("type") != "kubernetes.io/tls":
        return
    data = new.get("data") or {}
    for key, use in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN" not in _decoded(data.get(key) or ""):
            yield f"tls: failed to find any PEM data in {use} input"
            return


def _node(new: Raw) -> Warnings:
    for at, text in items(new.get("spec") or {}, "podCIDRs", "spec"):
        base, _, length = text.partition("/")
        found = addresses.sloppy(base)
        if found is None or not length.isdigit() or int(length) > found.max_prefixlen:
            continue
        masked = ipaddress.ip_network(f"{found}/{length}", strict=False).network_address
        if masked != found:
            either = f'"{masked}/{length}" or "{found}/{found.max_prefixlen}"'
            yield f'{at}: CIDR value "{text}" is ambiguous in this context (should be {either}?)'


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


_OF: Final[dict[str, Callable[[Raw], Warnings]]] = {
    "nodes": _node,
    "pods": _pod,
    "replicationcontrollers": _controller,
    "secrets": _secret,
    "services": _service,
}
