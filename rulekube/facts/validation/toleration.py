"""Tolerations: what a pod bears of taints.

Source: ValidateTolerations, validateOnlyAddedTolerations (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation.checks import Errors, Raw, among, items, named, same
from rulekube.selectors import syntax
from rulekube.selectors.field_error import forbidden, invalid, not_supported

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_OPERATORS: Final = ("Equal", "Exists")
_COMPARISONS: Final = ("Lt", "Gt")  # known to Kubernetes, and switched off there by default


def tolerations(spec: Raw, path: str) -> Errors:
    """Every toleration of a pod."""
    for at, toleration in items(spec, "tolerations", path):
        yield from _toleration(at, toleration)


def only_added(new: Raw, old: Raw, path: str) -> Errors:
    """An update may add tolerations, and change how long one lasts."""
    wanted = [_without_seconds(one) for one in new.get("tolerations") or ()]
    if not all(any(same(_without_seconds(one), other) for other in wanted) for one in old.get("tolerations") or ()):
        yield forbidden(f"{path}.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        return
    yield from tolerations(new, path)


def _toleration(path: str, raw: Raw) -> Errors:
    key, operator = raw.get("key") or "", raw.get("operator") or ""
    value, effect = raw.get("value") or "", raw.get("effect") or ""
    if key:
        yield from named(f"{path}.key", key, syntax.qualified_name)
    elif operator != "Exists":
        said = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", operator, said)
    if raw.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator in ("Equal", ""):
        if messages := syntax.label_value(value):
            yield invalid(f"{path}.operator", value, ";".join(messages))
    elif operator == "Exists":
        if value:
            yield invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    else:
        known = (*_OPERATORS, *_COMPARISONS) if operator in _COMPARISONS else _OPERATORS
        yield not_supported(f"{path}.operator", operator, known)
    if effect:
        yield from among(f"{path}.effect", effect, EFFECTS)


def _without_seconds(toleration: Raw) -> dict[str, object]:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}
