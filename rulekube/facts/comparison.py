"""What changed between two versions of an object, as sets of field paths.

The walk goes down both objects along their type. A leaf (scalar, atomic value, or empty on both sides) that differs is
added, removed or modified; a node above leaves is a member only where one side lacks it altogether, which is where
the `.` members of managedFields come from.

Source: sigs.k8s.io/structured-merge-diff typed/compare.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rulekube.facts import field_sets
from rulekube.facts.field_sets import FieldSet
from rulekube.facts.schema import Type


class Comparison(NamedTuple):
    """The paths only the new object has, those only the old one has, and the leaves whose value differs."""

    added: FieldSet
    removed: FieldSet
    modified: FieldSet


class _Absent:
    """Stands for a value that is not there, as opposed to null."""


_ABSENT = _Absent()
_UNTYPED = Type({})
_MEMBER: FieldSet = {".": {}}  # shared, hence never changed
_NOTHING: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})


def compare(kind: Type | None, old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    """The differences of two objects of a type; of an unknown type, maps are taken field by field and lists whole."""
    added, removed, modified = _compare(kind or _UNTYPED, old, new)
    return Comparison(added, removed, modified)


def _compare(kind: Type, old: Any, new: Any) -> tuple[FieldSet, FieldSet, FieldSet]:
    """The three sets below one place; a member is the place itself."""
    if old is new or (old == new and type(old) is type(new)):
        return _NOTHING
    if _is_leaf(kind, old, new):
        return (_MEMBER, {}, {}) if old is _ABSENT else ({}, _MEMBER, {}) if new is _ABSENT else ({}, {}, _MEMBER)
    sets: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
    pairs = _items(kind, old, new) if kind.form == "list" else _entries(kind, old, new)
    for element, child, left, right in pairs:
        for whole, part in zip(sets, _compare(child, left, right), strict=True):
            if part:
                whole[element] = part
    if old is _ABSENT:
        sets[0].update(_MEMBER)
    elif new is _ABSENT:
        sets[1].update(_MEMBER)
    return sets


def _is_leaf(kind: Type, old: Any, new: Any) -> bool:
    if kind.atomic or kind.form == "scalar":
        return True
    container = list if kind.form == "list" else dict
    return not any(isinstance(side, container) and side for side in (old, new))


def _entries(kind: Type, old: Any, new: Any) -> Iterator[tuple[str, Type, Any, Any]]:
    left = old if isinstance(old, dict) else {}
    right = new if isinstance(new, dict) else {}
    default = kind.element if kind.form == "map" else _UNTYPED
    for key in left.keys() | right.keys():
        yield f"f:{key}", kind.fields.get(key, default), left.get(key, _ABSENT), right.get(key, _ABSENT)


def _items(kind: Type, old: Any, new: Any) -> Iterator[tuple[str, Type, Any, Any]]:
    left = indexed(kind, old)
    right = indexed(kind, new)
    for element in left.keys() | right.keys():
        yield element, kind.element, left.get(element, _ABSENT), right.get(element, _ABSENT)


def indexed(kind: Type, items: Any) -> dict[str, Any]:
    """The items of a list that tells them apart, by path element; of doubles the last."""
    if not isinstance(items, list):
        return {}
    if kind.keys:
        return {field_sets.key_element(item, kind.keys): item for item in items}
    return {field_sets.value_element(item): item for item in items}
