"""What a selector says, as values: requirements of the form (key, operator, values), all of which must hold.

These are the values that become facts: which labels a selector selects is then a rule. `matches` is the same meaning
in Python, for filters of the API.
Source: k8s.io/apimachinery/pkg/labels/selector.go (Requirement, NewRequirement), pkg/selection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from rulekube.selectors import syntax
from rulekube.selectors.field_error import FieldError, child, invalid, not_supported

IN: Final = "in"
NOT_IN: Final = "notin"
EQUALS: Final = "="
DOUBLE_EQUALS: Final = "=="
NOT_EQUALS: Final = "!="
GREATER: Final = "gt"
LESS: Final = "lt"
EXISTS: Final = "exists"
ABSENT: Final = "!"

OPERATORS: Final = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS, EXISTS, ABSENT)
BINARY: Final = OPERATORS[:7]
POSITIVE: Final = (IN, EQUALS, DOUBLE_EQUALS)
NEGATIVE: Final = (NOT_IN, NOT_EQUALS)
_SIGN = {GREATER: ">", LESS: "<"}
_COUNTS = {  # operators → (how many values they take, what else is told)
    (IN, NOT_IN): ("some", "for 'in', 'notin' operators, values set can't be empty"),
    (EQUALS, DOUBLE_EQUALS, NOT_EQUALS): ("one", "exact-match compatibility requires one single value"),
    (EXISTS, ABSENT): ("none", "values set must be empty for exists and does not exist"),
    (GREATER, LESS): ("one", "for 'Gt', 'Lt' operators, exactly one value is required"),
}
_COUNT_OF = {operator: count for operators, count in _COUNTS.items() for operator in operators}
_FITS = {"some": lambda n: n > 0, "one": lambda n: n == 1, "none": lambda n: n == 0}
_INT64 = range(-(2**63), 2**63)


class Requirement(NamedTuple):
    """One condition on the label `key`. `values` keeps the writer's order; `operator` is one of OPERATORS."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy it; the negative operators are content with a missing label."""
        value = labels.get(self.key)
        if value is None:
            return self.operator in NEGATIVE or self.operator == ABSENT
        if self.operator in POSITIVE:
            return value in self.values
        if self.operator in NEGATIVE:
            return value not in self.values
        if self.operator in _SIGN:
            return self._compares(value)
        return self.operator == EXISTS

    def _compares(self, value: str) -> bool:
        left, right = integer(value), integer(self.values[0])
        if left is None or right is None:
            return False
        return left > right if self.operator == GREATER else left < right

    def __str__(self) -> str:
        """The canonical text, values sorted."""
        if self.operator in (EXISTS, ABSENT):
            return ("!" if self.operator == ABSENT else "") + self.key
        values = ",".join(sorted(self.values))
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{_SIGN.get(self.operator, self.operator)}{values}"


class Selector(NamedTuple):
    """All requirements, in key order; without any it selects everything, or, if not `selectable`, nothing."""

    requirements: tuple[Requirement, ...] = ()
    selectable: bool = True

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return self.selectable and not self.requirements

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy every requirement."""
        return self.selectable and all(requirement.matches(labels) for requirement in self.requirements)

    def exact(self, key: str) -> str | None:
        """The one value the selector admits for `key`, if it says so."""
        for requirement in self.requirements:
            if requirement.key == key:
                one = requirement.operator in POSITIVE and len(requirement.values) == 1
                return requirement.values[0] if one else None
        return None

    def __str__(self) -> str:
        """The canonical text, which parses to an equal selector."""
        return ",".join(str(requirement) for requirement in self.requirements)


EVERYTHING: Final = Selector()
NOTHING: Final = Selector((), selectable=False)


def selector_of(requirements: list[Requirement]) -> Selector:
    """A selector of requirements, brought into key order."""
    return Selector(tuple(sorted(requirements, key=lambda requirement: requirement.key)))


def key_errors(key: str, path: str) -> list[FieldError]:
    """At most one error: all that is wrong with a label's key."""
    messages = syntax.qualified_name(key)
    return [invalid(path, key, "; ".join(messages))] if messages else []


def requirement_errors(requirement: Requirement, path: str = "") -> list[FieldError]:
    """Everything wrong with a requirement: key, number of values, integers, syntax of values."""
    key, operator, values = requirement
    errors = key_errors(key, child(path, "key"))
    at = child(path, "values")
    if operator not in _COUNT_OF:
        errors.append(not_supported(child(path, "operator"), operator, OPERATORS))
    elif not _FITS[_COUNT_OF[operator][0]](len(values)):
        errors.append(invalid(at, list(values) or None, _COUNT_OF[operator][1]))
    if operator in _SIGN:
        errors += [
            invalid(f"{at}[{index}]", value, "for 'Gt', 'Lt' operators, the value must be an integer")
            for index, value in enumerate(values)
            if integer(value) is None
        ]
    for index, value in enumerate(values):
        if messages := syntax.label_value(value):
            errors.append(invalid(f"{at}[{index}][{key}]", value, "; ".join(messages)))
    return errors


def integer(text: str) -> int | None:
    """Go's ParseInt(text, 10, 64): sign and ASCII digits, within 64 bits."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    number = int(text)
    return number if number in _INT64 else None
