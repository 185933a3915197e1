"""The small checks that all others are made of. Each yields the errors of one value at one path.

Values are read as Go reads them: a field that is missing is its zero value ("" or 0), unless it is a pointer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rulekube.facts import quantity
from rulekube.selectors import syntax
from rulekube.selectors.field_error import FieldError, invalid, not_supported, required

Raw = Mapping[str, Any]
Errors = Iterator[FieldError]

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"
POSITIVE: Final = "must be greater than zero"
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
MAX_INT32: Final = 2**31 - 1


def named(path: str, value: str, rule: syntax.Rule) -> Errors:
    """The value obeys a rule of syntax."""
    for message in rule(value):
        yield invalid(path, value, message)


def optional_name(path: str, value: str | None, rule: syntax.Rule) -> Errors:
    """The value, if it is set, obeys a rule of syntax."""
    if value:
        yield from named(path, value, rule)


def present(path: str, value: object, detail: str = "") -> Errors:
    """The value is not empty."""
    if not value:
        yield required(path, detail)


def present_and_named(path: str, value: str, rule: syntax.Rule) -> Errors:
    """The value is not empty and obeys a rule of syntax."""
    yield from named(path, value, rule) if value else (required(path),)


def one_of(path: str, value: str | None, words: Sequence[str], detail: str = "") -> Errors:
    """The value is set, to one of an enumeration."""
    if not value:
        yield required(path, detail)
    else:
        yield from among(path, value, words)


def among(path: str, value: str, words: Sequence[str]) -> Errors:
    """The value is one of an enumeration."""
    if value not in words:
        yield not_supported(path, value, words)


def between(path: str, value: int, low: int, high: int) -> Errors:
    """The number lies within a range."""
    if not low <= value <= high:
        yield invalid(path, value, f"must be between {low} and {high}, inclusive")


def not_negative(path: str, value: int) -> Errors:
    """The number is not negative."""
    if value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def port(path: str, value: int) -> Errors:
    """The number is a port's."""
    yield from between(path, value, 1, 65535)


def port_or_name(path: str, value: int | str) -> Errors:
    """A port's number, or its name."""
    yield from port(path, value) if isinstance(value, int) else named(path, value, syntax.port_name)


def immutable(path: str, new: object, old: object) -> Errors:
    """The value is what it was."""
    if not same(new, old):
        yield invalid(path, new, IMMUTABLE)


def unique(paths_and_values: Iterable[tuple[str, Any]], seen: set[Any]) -> Errors:
    """No value occurs twice; `seen` starts with what is taken and grows."""
    for path, value in paths_and_values:
        if value in seen:
            yield FieldError("FieldValueDuplicate", path, value)
        seen.add(value)


def items(parent: Raw, field: str, path: str) -> Iterator[tuple[str, Any]]:
    """The items of a list field, each with its path."""
    for index, item in enumerate(parent.get(field) or ()):
        yield f"{path}.{field}[{index}]", item


def same(new: object, old: object) -> bool:
    """Semantic equality: absent and empty are one, and so are equal amounts."""
    return _plain(new) == _plain(old)


def _plain(value: object, amounts: bool = False) -> object:
    if isinstance(value, Mapping):
        plain = {
            key: _plain(item, amounts or key in ("limits", "requests", "capacity", "allocatable", "overhead"))
            for key, item in value.items()
        }
        return {key: item for key, item in plain.items() if item not in (None, "", {}, [])} or None
    if isinstance(value, list | tuple):
        return [_plain(item, amounts) for item in value] or None
    if amounts and isinstance(value, str | int | float) and not isinstance(value, bool):
        return quantity.nano(value)
    return value if value != "" else None


def sorted_map(value: Raw | None) -> dict[str, Any] | None:
    """A map as Go prints it: in key order."""
    return None if value is None else dict(sorted(value.items()))
