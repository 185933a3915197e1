"""An object as Go's typed decoder leaves it: unknown fields named and gone, wrong types refused, empties dropped.

One walk along the type. What is dropped is what Go would not write back: null, empty maps and lists of fields that are
not required. Structs stay even when they are empty (`emptyDir: {}`).

Source: encoding/json and sigs.k8s.io/json for the words; the omitempty tags of k8s.io/api for what is dropped.
"""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from rulekube.facts import go_names
from rulekube.facts.schema import Type

RawObject = dict[str, Any]
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_BOUNDS = {"int32": 1 << 31, "int64": 1 << 63}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
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
        place, where = (f"{path}.{key}", f"{fields}.{go_names.place(_struct_name(kind), key)}") if path else (key, key)
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
        return base64.b64encode(bytes(value)).decode() if isinstance(value, list) else value
    if form == "list" and isinstance(value, list):
        element = kind.element
        return [
            _zero(element) if item is None else _value(element, item, f"{path}[{index}]", fields, owner, walk)
            for index, item in enumerate(value)
        ]
    if form == "list" or not isinstance(value, dict):
        walk.refuse(_mismatch(value, fields, owner, kind))
        return _ABSENT
    if form == "struct":
        return _struct(kind, value, path, fields, walk)
    element = kind.element
    return {
        key: _zero(element) if item is None else _value(element, item, f"{path}.{key}", fields, owner, walk)
        for key, item in value.items()
    }


def _zero(kind: Type) -> Any:
    """What Go makes of a null within a list or a map."""
    if kind.form == "scalar":
        return {"string": "", "boolean": False, "integer": 0, "quantity": "0"}.get(kind.scalar, 0)
    return {"struct": {}, "map": {}, "list": []}.get(kind.form)


def _scalar_problem(kind: Type, value: Any, fields: str, owner: Type) -> str:
    """What Go's decoder says of a scalar that does not fit, "" where it does."""
    scalar = kind.scalar
    if scalar == "string" and kind.go_name == "[]uint8":
        if isinstance(value, str):
            return _base64_problem(value)
        fits = isinstance(value, list) and all(_is_whole(byte, "int32") and 0 <= byte < 256 for byte in value)
    elif scalar == "string":
        fits = isinstance(value, str)
    elif scalar == "boolean":
        fits = isinstance(value, bool)
    elif scalar == "integer":
        fits = _is_whole(value, kind.go_name)
    elif scalar == "quantity":
        return _quantity_problem(value)
    elif scalar == "time":
        return _time_problem(value, fields, owner)
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


def _base64_problem(text: str) -> str:
    """Go's base64 decoder on text that is not base64; line breaks count for nothing."""
    start = held = 0
    for index, char in enumerate(text):
        if char in "\r\n":
            continue
        if char == "=" and held >= 2:
            rest = text[index:].replace("\r", "").replace("\n", "")
            fault = index + len(rest[: 4 - held]) if rest != "=" * (4 - held) else -1
            return f"illegal base64 data at input byte {fault}" if fault >= 0 else ""
        if char not in _BASE64:
            return f"illegal base64 data at input byte {index}"
        start, held = (index, 1) if held in (0, 4) else (start, held + 1)
    return f"illegal base64 data at input byte {start}" if held % 4 else ""


def _time_problem(value: Any, fields: str, owner: Type) -> str:
    if isinstance(value, str) and _TIME.match(value):
        return ""
    if isinstance(value, str):
        return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    return _said(value, fields, owner, "string")


def _mismatch(value: Any, fields: str, owner: Type, kind: Type) -> str:
    name = go_names.field_type(_struct_name(owner), fields.rpartition(".")[2], kind.go_name)
    return _said(value, fields, owner, name)


def _struct_name(kind: Type) -> str:
    return kind.name.rsplit(".", 1)[-1]


def _said(value: Any, fields: str, owner: Type, go_name: str) -> str:
    struct = _struct_name(owner)
    shown = f"number {value}" if go_name in _BOUNDS and _kind(value) == "number" else _kind(value)
    return f"json: cannot unmarshal {shown} into Go struct field {struct}.{fields} of type {go_name}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
