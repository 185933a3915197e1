"""The addresses of Services: clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, which must agree and stay.

Source: ValidateServiceClusterIPsRelatedFields, validateUpgradeDowngradeClusterIPs, validateUpgradeDowngradeIPFamilies
(pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation import addresses
from rulekube.facts.validation.checks import Errors, Raw, among, items
from rulekube.selectors.field_error import DUPLICATE, FieldError, invalid, required

FIXED: Final = "may not change once set"
_FAMILIES: Final = ("IPv4", "IPv6")
_FAMILY_POLICIES: Final = ("PreferDualStack", "RequireDualStack", "SingleStack")


def headless(spec: Raw) -> bool:
    """Whether the Service has no address of its own."""
    return (spec.get("clusterIPs") or []) == ["None"]


def agreeing(spec: Raw, before: Raw) -> Errors:
    """The addresses of a Service fit each other; those of `before` may be written loosely."""
    if spec.get("type") == "ExternalName":
        return
    first, texts, path = spec.get("clusterIP") or "", spec.get("clusterIPs") or [], "spec.clusterIPs"
    if first and not texts:
        yield required(path)
    elif first and texts[0] != first:
        yield invalid(path, texts, "first value must match `clusterIP`")
    elif texts and not first:
        yield invalid(path, texts, "must be empty when `clusterIP` is not specified")
    yield from _families(spec)
    faults = list(_each_address(texts, path, before.get("clusterIPs") or []))
    yield from faults
    if len(texts) > 2:
        yield invalid(path, texts, "may only hold up to 2 values")
    if faults:
        return
    if len(texts) > 1 and {addresses.version(text) for text in texts} != {4, 6}:
        yield invalid(path, texts, "may specify no more than one IP for each IP family")
    if not headless(spec):
        for index, (text, family) in enumerate(zip(texts, spec.get("ipFamilies") or [], strict=False)):
            if family in _FAMILIES and (addresses.version(text) == 6) != (family == "IPv6"):
                said = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                yield invalid(f"{path}[{index}]", text, said)


def kept(spec: Raw, before: Raw) -> Errors:
    """What was allocated stays, unless the Service turns from or to ExternalName."""
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        yield from _addresses_kept(spec, before)
        yield from _families_kept(spec, before)


def _families(spec: Raw) -> Errors:
    seen: set[str] = set()
    for at, family in items(spec, "ipFamilies", "spec"):
        yield from among(at, family, _FAMILIES)
        if family in seen:
            yield FieldError(DUPLICATE, at, family)
        seen.add(family)
    if spec.get("ipFamilyPolicy") is not None:
        yield from among("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], _FAMILY_POLICIES)


def _each_address(texts: list[str], path: str, kept: list[str]) -> Errors:
    for index, text in enumerate(texts):
        if index == 0 and text == "None":
            if len(texts) > 1:
                yield invalid(path, texts, "'None' must be the first and only value")
            continue
        yield from addresses.address(f"{path}[{index}]", text, kept)


def _addresses_kept(spec: Raw, before: Raw) -> Errors:
    new, old, path = spec.get("clusterIPs") or [], before.get("clusterIPs") or [], "spec.clusterIPs"
    if headless(spec) and headless(before):
        return
    if len(new) == len(old):
        for index, text in enumerate(old):
            if text != new[index]:
                yield invalid(f"{path}[{index}]", new, FIXED)
        return
    if old and not new:
        yield invalid(f"{path}[0]", spec.get("clusterIPs"), "primary clusterIP can not be unset")
    if old and new and new[0] != old[0]:
        yield invalid(f"{path}[0]", new, FIXED)
    if len(old) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        said = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), said)


def _families_kept(spec: Raw, before: Raw) -> Errors:
    new, old, path = spec.get("ipFamilies") or [], before.get("ipFamilies") or [], "spec.ipFamilies[0]"
    if headless(spec) or headless(before):
        return
    if len(new) == len(old):
        for index, family in enumerate(old):
            if family != new[index]:
                yield invalid(path, new, FIXED)
        return
    if len(old) > len(new) and not spec.get("clusterIPs"):
        yield invalid(path, new or None, "primary ipFamily can not be unset")
    if old and new and new[0] != old[0]:
        yield invalid(path, spec.get("clusterIPs"), FIXED)
    if len(old) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        said = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        yield invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), said)
