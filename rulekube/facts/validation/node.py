"""Nodes: taints, networks of pods, amounts.

Source: ValidateNode, ValidateNodeUpdate, validateNodeTaints (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from rulekube.facts.validation import addresses, metadata
from rulekube.facts.validation.checks import Errors, Raw, among, items, named
from rulekube.facts.validation.resource import amount
from rulekube.facts.validation.toleration import EFFECTS
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, required

_UNCHANGED = {  # what is set once, and what is said when it is set again
    "podCIDRs": 'node updates may not change podCIDR except from "" to valid',
    "providerID": 'node updates may not change providerID except from "" to valid',
}


def create(new: Raw) -> Errors:
    """A new node."""
    yield from metadata.created(new["metadata"], False, syntax.dns1123_subdomain)
    yield from _taints(new.get("spec") or {})
    yield from _amounts(new.get("status") or {})
    yield from _networks(new.get("spec") or {})


def update(new: Raw, old: Raw) -> Errors:
    """A changed node."""
    yield from create(new)
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _amounts(new.get("status") or {})
    yield from _unique_addresses(new.get("status") or {})
    kept, wanted = _pod_networks(before), _pod_networks(spec)
    if kept:
        changed = sum(a != b for a, b in zip(kept, wanted, strict=False)) if len(kept) == len(wanted) else 1
        for _ in range(changed):
            yield forbidden("spec.podCIDRs", _UNCHANGED["podCIDRs"])
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        yield forbidden("spec.providerID", _UNCHANGED["providerID"])
    yield from _taints(spec)
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        yield forbidden("spec.externalID", "may not be updated")


def _taints(spec: Raw) -> Errors:
    seen: set[tuple[str, str]] = set()
    for path, taint in items(spec, "taints", "metadata"):  # the path is Kubernetes' own slip
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        yield from named(f"{path}.key", key, syntax.qualified_name)
        if messages := syntax.label_value(value):
            yield invalid(f"{path}.value", value, ";".join(messages))
        yield from among(f"{path}.effect", effect, EFFECTS) if effect else (required(f"{path}.effect"),)
        if (key, effect) in seen:
            shaped = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            yield FieldError(DUPLICATE, path, shaped, "taints must be unique by key and effect pair")
        seen.add((key, effect))


def _amounts(status: Raw) -> Errors:
    for part in ("capacity", "allocatable"):
        for name, value in sorted((status.get(part) or {}).items()):
            yield from amount(f"status.{part}.{name}", name, value)


def _networks(spec: Raw) -> Errors:
    networks = _pod_networks(spec)
    for index, text in enumerate(networks):
        yield from addresses.network(f"spec.podCIDRs[{index}]", text)
    versions = {addresses.version(text.partition("/")[0]) for text in networks}
    if len(networks) > 2 or (len(networks) == 2 and versions != {4, 6}):
        yield invalid("spec.podCIDRs", networks, "may specify no more than one CIDR for each IP family")


def _pod_networks(spec: Raw) -> list[str]:
    """The networks of a node's pods: the singular field decides where the two disagree."""
    first, networks = spec.get("podCIDR") or "", list(spec.get("podCIDRs") or ())
    return [first] if first and networks[:1] != [first] else networks


def _unique_addresses(status: Raw) -> Errors:
    seen: set[tuple[str, str]] = set()
    for path, entry in items(status, "addresses", "status"):
        pair = (entry.get("type") or "", entry.get("address") or "")
        if pair in seen:
            yield FieldError(DUPLICATE, path, {"Type": pair[0], "Address": pair[1]})
        seen.add(pair)
