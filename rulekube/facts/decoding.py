"""An object as Go's typed decoder leaves it: unknown fields named and gone, wrong types refused, empties dropped.

One walk along the type. What is dropped is what Go would not write back: null, empty maps and lists of fields that are
not required. Structs stay even when they are empty (`emptyDir: {}`).

Source: encoding/json and sigs.k8s.io/json for the words; the omitempty tags of k8s.io/api for what is dropped.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from rulekube.facts.schema import Type

RawObject = dict[str, Any]
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_BOUNDS = {"int32": 1 << 31, "int64": 1 << 63}
_ABSENT = object()


class Decoded(NamedTuple):
    """The object, the paths of unknown fields in order, and the first type error ("" for none)."""

    value: RawObject
    unknown: list[str]
    error: str


class _Walk:
    """The findings of one decoding."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.error = ""

    def refuse(self, text: str) -> None:
        """Note an error; the first one counts."""
        self.error = self.error or text


def decode(kind: Type, raw: RawObject) -> Decoded:
    """`raw` as an object of a type. The result shares untyped values with `raw`."""
    walk = _Walk()
    value = _struct(kind, raw, "", "", walk)
    return Decoded(value, walk.unknown, walk.error)


def _struct(kind: Type, raw: RawObject, path: str, fields: str, walk: _Walk) -> RawObject:
    """`path` is with indexes, for unknown fields; `fields` without, as Go's errors have it."""
    out: RawObject = {}
    known = kind.fields
    for key, value in raw.items():
        field = known.get(key)
        if field is None:
            walk.unknown.append(f"{path}.{key}" if path else key)
            continue
        if value is None:
            continue
        place, where = (f"{path}.{key}", f"{fields}.{key}") if path else (key, key)
        decoded = _value(field, value, place, where, kind, walk)
        if decoded is not _ABSENT and (decoded or key in kind.required or not _is_omitted(field)):
            out[key] = decoded
    return out


def _is_omitted(field: Type) -> bool:
    """Whether an empty value of this type is left out."""
    return field.form in ("map", "list")


def _value(kind: Type, value: Any, path: str, fields: str, owner: Type, walk: _Walk) -> Any:
    form = kind.form
    if form == "any":
        return value
    if form == "scalar":
        if problem := _scalar_problem(kind, value, fields, owner):
            walk.refuse(problem)
            return _ABSENT
        return value
    if form == "list" and isinstance(value, list):
        element = kind.element
        return [
            item if item is None else _value(element, item, f"{path}[{index}]", fields, owner, walk)
            for index, item in enumerate(value)
        ]
    if form == "list" or not isinstance(value, dict):
        walk.refuse(_mismatch(value, fields, owner, kind))
        return _ABSENT
    if form == "struct":
        return _struct(kind, value, path, fields, walk)
    element = kind.element
    entries = ((key, item) for key, item in value.items() if item is not None)
    return {key: _value(element, item, f"{path}.{key}", fields, owner, walk) for key, item in entries}


def _scalar_problem(kind: Type, value: Any, fields: str, owner: Type) -> str:
    """What Go's decoder says of a scalar that does not fit, "" where it does."""
    scalar = kind.scalar
    if scalar == "string":
        fits = isinstance(value, str)
    elif scalar == "boolean":
        fits = isinstance(value, bool)
    elif scalar == "integer":
        fits = _is_whole(value, kind.go_name)
    elif scalar == "quantity":
        return _quantity_problem(value)
    elif scalar == "time":
        return _time_problem(value)
    elif scalar == "int-or-string":
        fits = isinstance(value, str) or _is_whole(value, "int32")
    else:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "" if fits else _mismatch(value, fields, owner, kind)


def _is_whole(value: Any, go_name: str) -> bool:
    bound = _BOUNDS.get(go_name, _BOUNDS["int64"])
    return isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound


def _quantity_problem(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ""
    if isinstance(value, str) and _QUANTITY.match(value):
        return ""
    return f"quantities must match the regular expression '{_QUANTITY.pattern}'"


def _time_problem(value: Any) -> str:
    if isinstance(value, str) and _TIME.match(value):
        return ""
    if isinstance(value, str):
        return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    return "json: cannot unmarshal " + _kind(value) + " into Go value of type string"


def _mismatch(value: Any, fields: str, owner: Type, kind: Type) -> str:
    struct = owner.name.rsplit(".", 1)[-1]
    return f"json: cannot unmarshal {_kind(value)} into Go struct field {struct}.{fields} of type {kind.go_name}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "number" if abs(value) < _BOUNDS["int32"] else f"number {value}"
    if isinstance(value, float):
        return f"number {value}"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
