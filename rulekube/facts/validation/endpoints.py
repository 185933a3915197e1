"""Endpoints and EndpointSlices.

Source: ValidateEndpoints (pkg/apis/core/validation), ValidateEndpointSlice (pkg/apis/discovery/validation).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation import addresses, metadata
from rulekube.facts.validation.checks import (
    PROTOCOLS,
    Errors,
    Raw,
    immutable,
    items,
    named,
    one_of,
    optional_name,
    port,
)
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, TOO_MANY, FieldError, required

_FAMILIES: Final = {"IPv4": 4, "IPv6": 6}
_KINDS: Final = ("FQDN", "IPv4", "IPv6")
_MOST: Final = {"endpoints": 1000, "ports": 20000, "addresses": 100}


def create(new: Raw) -> Errors:
    """New Endpoints."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    for at, subset in items(new, "subsets", ""):
        yield from _subset(at.removeprefix("."), subset)


def update(new: Raw, old: Raw) -> Errors:
    """Changed Endpoints."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from create(new)


def create_slice(new: Raw) -> Errors:
    """A new EndpointSlice."""
    kind = new.get("addressType") or ""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    yield from one_of("addressType", kind, _KINDS)
    if len(new.get("endpoints") or ()) > _MOST["endpoints"]:
        yield _too_many("endpoints", len(new["endpoints"]))
    else:
        for at, endpoint in items(new, "endpoints", ""):
            yield from _endpoint(at.removeprefix("."), endpoint, kind)
    yield from _slice_ports(new)


def update_slice(new: Raw, old: Raw) -> Errors:
    """A changed EndpointSlice."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from create_slice(new)
    yield from immutable("addressType", new.get("addressType") or "", old.get("addressType") or "")


def _subset(path: str, subset: Raw) -> Errors:
    if not subset.get("addresses") and not subset.get("notReadyAddresses"):
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for field in ("addresses", "notReadyAddresses"):
        for at, entry in items(subset, field, path):
            text = entry.get("ip") or ""
            yield from addresses.address(f"{at}.ip", text)
            yield from optional_name(f"{at}.hostname", entry.get("hostname"), syntax.dns1123_label)
            if entry.get("nodeName") is not None:
                yield from named(f"{at}.nodeName", entry["nodeName"], syntax.dns1123_subdomain)
            yield from addresses.ordinary(f"{at}.ip", text)
    several = len(subset.get("ports") or ()) > 1
    for at, entry in items(subset, "ports", path):
        if several and not entry.get("name"):
            yield required(f"{at}.name")
        yield from optional_name(f"{at}.name", entry.get("name"), syntax.dns1123_label)
        yield from port(f"{at}.port", entry.get("port") or 0)
        yield from one_of(f"{at}.protocol", entry.get("protocol") or "", PROTOCOLS)
        yield from optional_name(f"{at}.appProtocol", entry.get("appProtocol"), syntax.qualified_name)


def _endpoint(path: str, endpoint: Raw, kind: str) -> Errors:
    texts = endpoint.get("addresses") or []
    if not texts:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    elif len(texts) > _MOST["addresses"]:
        yield _too_many(f"{path}.addresses", len(texts))
    for at, text in items(endpoint, "addresses", path):
        if kind in _FAMILIES:
            yield from addresses.of_family(at, text, _FAMILIES[kind])
            yield from addresses.ordinary(at, text)
        elif kind == "FQDN":
            yield from named(at, text.removesuffix("."), syntax.dns1123_subdomain)
    if endpoint.get("nodeName") is not None:
        yield from named(f"{path}.nodeName", endpoint["nodeName"], syntax.dns1123_subdomain)
    if endpoint.get("hostname") is not None:
        yield from named(f"{path}.hostname", endpoint["hostname"], syntax.dns1123_label)


def _slice_ports(new: Raw) -> Errors:
    if len(new.get("ports") or ()) > _MOST["ports"]:
        yield _too_many("ports", len(new["ports"]))
        return
    seen: set[str] = set()
    for at, entry in items(new, "ports", ""):
        path, name = at.removeprefix("."), entry.get("name") or ""
        yield from optional_name(f"{path}.name", name, syntax.dns1123_label)
        if name in seen:
            yield FieldError(DUPLICATE, f"{path}.name", name)
        seen.add(name)
        yield from one_of(f"{path}.protocol", entry.get("protocol") or "", PROTOCOLS)
        yield from optional_name(f"{path}.appProtocol", entry.get("appProtocol"), syntax.qualified_name)


def _too_many(path: str, count: int) -> FieldError:
    most = _MOST[path.rpartition(".")[2]]
    return FieldError(TOO_MANY, path, count, f"must have at most {most} items")
