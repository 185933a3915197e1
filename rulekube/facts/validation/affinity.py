"""Affinity of pods to nodes and to each other, and how they spread.

Source: validateAffinity, ValidateNodeSelector, validatePodAffinityTerm, validateTopologySpreadConstraints
(pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rulekube.facts.validation.checks import POSITIVE, Errors, Raw, among, items, named, present
from rulekube.selectors import label_selector, syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, required

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_WHEN: Final = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES: Final = ("Honor", "Ignore")
_VALUES: Final = {  # operator of a node selector → (how many values it takes, what is said otherwise)
    "In": (range(1, 1 << 30), "must be specified when `operator` is 'In' or 'NotIn'"),
    "NotIn": (range(1, 1 << 30), "must be specified when `operator` is 'In' or 'NotIn'"),
    "Exists": (range(1), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    "DoesNotExist": (range(1), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
    "Gt": (range(1, 2), "must be specified single value when `operator` is 'Lt' or 'Gt'"),
    "Lt": (range(1, 2), "must be specified single value when `operator` is 'Lt' or 'Gt'"),
}


def affinity(raw: Raw, path: str) -> Errors:
    """All of a pod's affinity."""
    node = raw.get("nodeAffinity") or {}
    if node.get(_REQUIRED) is not None:
        yield from node_selector(f"{path}.nodeAffinity.{_REQUIRED}", node[_REQUIRED])
    for at, preferred in items(node, _PREFERRED, f"{path}.nodeAffinity"):
        yield from _weight(at, preferred)
        yield from _node_term(f"{at}.preference", preferred.get("preference") or {}, any_value=True)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = raw.get(kind) or {}
        for at, term in items(pods, _REQUIRED, f"{path}.{kind}"):
            yield from _pod_term(at, term)
        for at, weighted in items(pods, _PREFERRED, f"{path}.{kind}"):
            yield from _weight(at, weighted)
            yield from _pod_term(f"{at}.podAffinityTerm", weighted.get("podAffinityTerm") or {})


def node_selector(path: str, raw: Raw) -> Errors:
    """A node selector: one of its terms must hold."""
    if not raw.get("nodeSelectorTerms"):
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for at, term in items(raw, "nodeSelectorTerms", path):
        yield from _node_term(at, term, any_value=False)


def narrowed(new: Raw, old: Raw, path: str) -> Errors:
    """An affinity to nodes that may only become narrower: within each required term, conditions may be added."""
    before = (old.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    after = (new.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    at = f"{path}.{_REQUIRED}.nodeSelectorTerms"
    if before and len(before) != len(after):
        yield invalid(at, after or None, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for index, (term, was) in enumerate(zip(after, before, strict=False)):
        if not _only_adds(term, was):
            yield invalid(f"{at}[{index}]", dict(term), "only additions are allowed (no mutations or deletions)")


def _only_adds(term: Raw, was: Raw) -> bool:
    fields = ("matchExpressions", "matchFields")
    if not any(was.get(field) for field in fields):
        return not any(term.get(field) for field in fields)
    return all((term.get(field) or [])[: len(was.get(field) or ())] == (was.get(field) or []) for field in fields)


def spread(spec: Raw, path: str) -> Errors:
    """topologySpreadConstraints."""
    constraints: Sequence[Raw] = spec.get("topologySpreadConstraints") or ()
    for index, (at, constraint) in enumerate(items(spec, "topologySpreadConstraints", path)):
        key, when = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
        if (constraint.get("maxSkew") or 0) <= 0:
            yield invalid(f"{at}.maxSkew", constraint.get("maxSkew") or 0, POSITIVE)
        yield from present(f"{at}.topologyKey", key, "can not be empty")
        yield from among(f"{at}.whenUnsatisfiable", when, _WHEN)
        later = [
            (other.get("topologyKey") or "", other.get("whenUnsatisfiable") or "") for other in constraints[index + 1 :]
        ]
        if (key, when) in later:
            yield FieldError(DUPLICATE, f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {when}}}")
        yield from _minimum(f"{at}.minDomains", constraint.get("minDomains"), when)
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(policy) is not None:
                yield from among(f"{at}.{policy}", constraint[policy], _POLICIES)
        yield from _spread_keys(f"{at}.matchLabelKeys", constraint)
        yield from label_selector.errors(constraint.get("labelSelector"), f"{at}.labelSelector")


def _minimum(path: str, domains: int | None, when: str) -> Errors:
    if domains is not None and domains <= 0:
        yield invalid(path, domains, POSITIVE)
    if domains is not None and when != "DoNotSchedule":
        yield invalid(path, domains, f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}")


def _weight(path: str, raw: Raw) -> Errors:
    if not 0 < (raw.get("weight") or 0) <= 100:
        yield invalid(f"{path}.weight", raw.get("weight") or 0, "must be in the range 1-100")


def _node_term(path: str, term: Raw, *, any_value: bool) -> Errors:
    for at, requirement in items(term, "matchExpressions", path):
        yield from _node_requirement(at, requirement, any_value)
    for at, requirement in items(term, "matchFields", path):
        yield from _field_requirement(at, requirement)


def _node_requirement(path: str, raw: Raw, any_value: bool) -> Errors:
    operator, values = raw.get("operator") or "", raw.get("values") or []
    if operator not in _VALUES:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) not in _VALUES[operator][0]:
        complain = forbidden if operator in ("Exists", "DoesNotExist") else required
        yield complain(f"{path}.values", _VALUES[operator][1])
    yield from named(f"{path}.key", raw.get("key") or "", syntax.qualified_name)
    for index, value in enumerate(values if not any_value else ()):
        yield from named(f"{path}.values[{index}]", value, syntax.label_value)


def _field_requirement(path: str, raw: Raw) -> Errors:
    operator, values = raw.get("operator") or "", raw.get("values") or []
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        said = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{path}.values", said)
    if raw.get("key") != "metadata.name":
        yield invalid(f"{path}.key", raw.get("key") or "", "not a valid field selector key")
        return
    for index, value in enumerate(values):
        yield from named(f"{path}.values[{index}]", value, syntax.dns1123_subdomain)


def _pod_term(path: str, term: Raw) -> Errors:
    yield from label_selector.errors(term.get("labelSelector"), f"{path}.labelSelector")
    yield from label_selector.errors(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        yield from named(f"{path}.namespace", namespace, syntax.dns1123_label)
    yield from _term_keys(path, term)
    key = term.get("topologyKey") or ""
    yield from present(f"{path}.topologyKey", key, "can not be empty")
    yield from named(f"{path}.topologyKey", key, syntax.qualified_name)


def _term_keys(path: str, term: Raw) -> Errors:
    """matchLabelKeys and mismatchLabelKeys."""
    match, mismatch = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        if term.get(field) and term.get("labelSelector") is None:
            yield forbidden(f"{path}.{field}", "must not be specified when labelSelector is not set")
            continue
        for at, key in items(term, field, path):
            yield from named(at, key, syntax.qualified_name)
    selector = term.get("labelSelector") or {}
    keys = set(selector.get("matchLabels") or ())
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key") or ""
        if key in match and key in keys:
            yield invalid(f"{path}[{match.index(key)}]", key, "exists in both matchLabelKeys and labelSelector")
        keys.add(key)
    for at, key in items(term, "matchLabelKeys", path):
        if key in mismatch:
            yield invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys")


def _spread_keys(path: str, constraint: Raw) -> Errors:
    asked, selector = constraint.get("matchLabelKeys") or [], constraint.get("labelSelector")
    if asked and selector is None:
        yield forbidden(path, "must not be specified when labelSelector is not set")
    keys = set((selector or {}).get("matchLabels") or ())
    keys |= {expression.get("key") for expression in (selector or {}).get("matchExpressions") or ()}
    for index, key in enumerate(asked):
        yield from named(f"{path}[{index}]", key, syntax.qualified_name)
        if key in keys:
            yield invalid(f"{path}[{index}]", key, "exists in both matchLabelKeys and labelSelector")
