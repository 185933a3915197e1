"""Amounts of resources: their names, that they are not negative, that requests stay within limits.

Source: validateResourceRequirements, ValidateResourceQuantityValue, validateContainerResourceName
(pkg/apis/core/validation/validation.go); pkg/apis/core/helper.
"""

from __future__ import annotations

import re
from typing import Final

from rulekube.facts import quantity
from rulekube.facts.quantity import Quantity
from rulekube.facts.validation.checks import NOT_NEGATIVE, Errors, Raw, items, named, optional_name
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, NOT_FOUND, FieldError, forbidden, invalid, required

_OBJECTS: Final = (
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "persistentvolumeclaims", "configmaps",
    "services.nodeports", "services.loadbalancers",
)  # fmt: skip
_STANDARD: Final = frozenset(
    (
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "storage", "requests.storage", *_OBJECTS,
    )
)  # fmt: skip
_OF_CONTAINERS: Final = frozenset(("cpu", "memory", "ephemeral-storage"))
_HUGE: Final = "hugepages-"
_DECIMAL_OBJECTS: Final = frozenset(_OBJECTS)


def requirements(path: str, raw: Raw, claims: frozenset[str] = frozenset()) -> Errors:
    """The requests and limits of a container."""
    limits, requests = raw.get("limits") or {}, raw.get("requests") or {}
    for name, text in sorted(limits.items()):
        yield from _entry(f"{path}.limits[{name}]", name, str(text))
    for name, text in sorted(requests.items()):
        yield from _entry(f"{path}.requests[{name}]", name, str(text), huge=False)
        yield from _within(path, name, str(text), limits)
        yield from _huge_pages(f"{path}.requests[{name}]", name, str(text))
    named_resources = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in named_resources) and not named_resources & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")
    yield from _claims(path, raw, claims)


def amount(path: str, name: str, value: str | int) -> Errors:
    """An amount is not negative, and whole where the resource comes in pieces."""
    found = quantity.parse(str(value))
    if found.sign < 0:
        yield invalid(path, str(found), NOT_NEGATIVE)
    if _comes_in_pieces(name) and found.milli % 1000:
        yield invalid(path, str(found), "must be an integer")


def container_resource(path: str, name: str) -> Errors:
    """The name of a resource that a container may ask for."""
    faults = list(named(path, name, syntax.qualified_name))
    if not faults and "/" not in name and not _is_standard(name):
        faults.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    yield from faults
    if "/" not in name:
        if name not in _OF_CONTAINERS and not name.startswith(_HUGE):
            yield invalid(path, name, "must be a standard resource for containers")
    elif not _is_native(name) and not _is_extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def _entry(path: str, name: str, text: str, huge: bool = True) -> Errors:
    yield from container_resource(path, name)
    yield from amount(path, name, text)
    if huge:
        yield from _huge_pages(path, name, text)


def _within(path: str, name: str, text: str, limits: Raw) -> Errors:
    """A request stays within its limit; what cannot be overcommitted equals it."""
    asked, limit = quantity.parse(text), limits.get(name)
    if limit is None:
        if not _may_overcommit(name):
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    most = quantity.parse(str(limit))
    if asked.nano != most.nano and not _may_overcommit(name):
        yield invalid(f"{path}.requests", str(asked), f"must be equal to {name} limit of {most}")
    elif asked.nano > most.nano:
        yield invalid(f"{path}.requests", str(asked), f"must be less than or equal to {name} limit of {most}")


def _huge_pages(path: str, name: str, text: str) -> Errors:
    """Huge pages come as whole pages."""
    if not name.startswith(_HUGE):
        return
    asked, page = quantity.parse(text), _page(name)
    if asked.sign < 0 or page is None or page.nano <= 0 or asked.nano % page.nano:
        yield invalid(path, str(asked), f"{asked} is not positive integer multiple of {name}")


def _page(name: str) -> Quantity | None:
    try:
        return quantity.parse(name.removeprefix(_HUGE))
    except quantity.QuantityError:
        return None


def _claims(path: str, raw: Raw, known: frozenset[str]) -> Errors:
    seen: set[str] = set()
    for at, claim in items(raw, "claims", path):
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            yield required(at)
            continue
        key = f"{name}/{request}" if request else name
        yield from optional_name(f"{at}.request", request, syntax.dns1123_label)
        if name in seen or key in seen or (not request and any(one.startswith(f"{name}/") for one in seen)):
            yield FieldError(DUPLICATE, at, name if name in seen or not request else key)
        seen.add(key)
        if name not in known:
            said = "must be one of the names in pod.spec.resourceClaims"
            yield FieldError(
                NOT_FOUND, at, name, f"{said}: {', '.join(sorted(known))}" if known else f"{said} which is empty"
            )


def _is_standard(name: str) -> bool:
    return name in _STANDARD or name.startswith((_HUGE, f"requests.{_HUGE}"))


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_extended(name: str) -> bool:
    return not _is_native(name) and not name.startswith("requests.") and not syntax.qualified_name(f"requests.{name}")


def _comes_in_pieces(name: str) -> bool:
    return name in _DECIMAL_OBJECTS or _is_extended(name)


def _may_overcommit(name: str) -> bool:
    return _is_native(name) and not re.match(_HUGE, name)
