"""metav1.LabelSelector: the JSON form of a label selector, to and from the textual one.

Source: k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go, apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rulekube.errors import SelectorError
from rulekube.selectors import label, syntax
from rulekube.selectors.field_error import FieldError, aggregate, child, forbidden, invalid, quote, required
from rulekube.selectors.metadata import label_errors
from rulekube.selectors.requirement import (
    ABSENT,
    DOUBLE_EQUALS,
    EQUALS,
    EXISTS,
    GREATER,
    IN,
    LESS,
    NOT_IN,
    NOTHING,
    Requirement,
    Selector,
    requirement_errors,
    selector_of,
)

RawSelector = Mapping[str, Any]  # metav1.LabelSelector as JSON

OPERATORS: Final = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": ABSENT}
_NO_MAP: Final = "cannot be converted into the old label selector format"
_NAME_OF: Final = {operator: name for name, operator in OPERATORS.items()}


def selector(raw: RawSelector | None) -> Selector:
    """The selector that the JSON means: absent selects nothing, empty everything."""
    if raw is None:
        return NOTHING
    requirements = [Requirement(key, EQUALS, (value,)) for key, value in sorted(_labels(raw).items())]
    for requirement in requirements:
        _refuse(requirement)
    for expression in _expressions(raw):
        operator = expression.get("operator", "")
        if operator not in OPERATORS:
            raise SelectorError(f"{quote(operator)} is not a valid label selector operator")
        requirement = Requirement(expression.get("key", ""), OPERATORS[operator], tuple(expression.get("values") or ()))
        _refuse(requirement)
        requirements.append(requirement)
    return selector_of(requirements)


def of_map(labels: Mapping[str, str] | None) -> Selector:
    """The selector of a plain map, as Services and ReplicationControllers have one: every label must be equal."""
    return selector_of([Requirement(key, EQUALS, (value,)) for key, value in (labels or {}).items()])


def from_text(text: str) -> dict[str, Any]:
    """The JSON form of a textual selector; SelectorError where it has none (`!=`, `>`, `<`)."""
    try:
        parsed = label.parse(text)
    except SelectorError as error:
        raise SelectorError(f'couldn\'t parse the selector string "{text}": {error}') from error
    labels: dict[str, str] = {}
    expressions: list[dict[str, object]] = []
    for key, operator, values in parsed.requirements:
        if operator in (EQUALS, DOUBLE_EQUALS):
            labels[key] = values[0]
        elif operator in _NAME_OF:
            expression: dict[str, object] = {"key": key, "operator": _NAME_OF[operator]}
            expressions.append(expression | ({"values": list(values)} if values else {}))
        elif operator in (GREATER, LESS):
            raise SelectorError(f"{quote(operator)} isn't supported in label selectors")
        else:
            raise SelectorError(f"{quote(operator)} is not a valid label selector operator")
    return ({"matchLabels": labels} if labels else {}) | ({"matchExpressions": expressions} if expressions else {})


def describe(raw: RawSelector | None) -> str:
    """One line for tables: the canonical text, `<none>` for no restriction, `<error>` for an invalid selector."""
    try:
        return str(selector(raw)) or "<none>"
    except SelectorError:
        return "<error>"


def as_map(raw: RawSelector | None) -> tuple[dict[str, str], str | None]:
    """The plain map the selector amounts to, with the reason why it stops short of the whole, if it does."""
    result = dict(_labels(raw or {}))
    for expression in _expressions(raw or {}):
        operator, values = expression.get("operator", ""), expression.get("values") or []
        if operator not in OPERATORS:
            return result, f"{quote(operator)} is not a valid selector operator"
        if operator != "In":
            return result, f"operator {quote(operator)} {_NO_MAP}"
        if len(values) != 1:
            return result, f"operator {quote(operator)} without a single value {_NO_MAP}"
        result[expression.get("key", "")] = values[0]
    return result, None


def errors(raw: RawSelector | None, path: str) -> list[FieldError]:
    """Field validation of a selector at `path`."""
    if raw is None:
        return []
    found = label_errors(_labels(raw), child(path, "matchLabels"))
    for index, expression in enumerate(_expressions(raw)):
        found += _expression_errors(expression, f"{child(path, 'matchExpressions')}[{index}]")
    return found


def _expression_errors(expression: Mapping[str, Any], path: str) -> list[FieldError]:
    operator, key, values = expression.get("operator", ""), expression.get("key", ""), expression.get("values") or []
    found: list[FieldError] = []
    if operator not in OPERATORS:
        found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    elif operator in ("In", "NotIn") and not values:
        found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist") and values:
        found.append(forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    found += [invalid(f"{path}.key", key, message) for message in syntax.qualified_name(key)]
    for index, value in enumerate(values):
        found += [invalid(f"{path}.values[{index}]", value, message) for message in syntax.label_value(value)]
    return found


def _labels(raw: RawSelector) -> Mapping[str, str]:
    return raw.get("matchLabels") or {}


def _expressions(raw: RawSelector) -> Sequence[Mapping[str, Any]]:
    return raw.get("matchExpressions") or ()


def _refuse(requirement: Requirement) -> None:
    if found := requirement_errors(requirement):
        raise SelectorError(aggregate(found))
