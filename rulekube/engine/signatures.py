"""Declarations and functions in a line each, for people: what hovering, completion and the REPL show."""

from __future__ import annotations

import json

from rulekube.engine.analysis import RelationInfo
from rulekube.engine.builtins import RELATIONS, Builtin
from rulekube.engine.function import Function
from rulekube.engine.syntax import Column
from rulekube.engine.values import Json

_DOCS = {
    "abs": "The number without its sign.",
    "at": "The value at a path below a JSON value; fails where the path is missing.",
    "cat": "All arguments as text, joined.",
    "contains": "Whether a text has a part, or an array an element.",
    "digest": "A stable text of hexadecimal digits for any value.",
    "ends_with": "Whether a text ends so.",
    "field": "Every key of a JSON object with its value.",
    "float": "The value as a float; no value where it is none.",
    "int": "The value as an integer; no value where it is none.",
    "item": "Every index of a JSON array with its value.",
    "join": "The elements of an array as one text, with a separator between them.",
    "length": "The length of a text, an array or an object.",
    "lower": "The text in lower case.",
    "matches": "Whether a regular expression is found in a text.",
    "max": "The larger of two numbers.",
    "merge": "A JSON value with a merge patch applied (RFC 7386).",
    "min": "The smaller of two numbers.",
    "range": "Every integer from the first up to, but not including, the second.",
    "replace": "The text with every occurrence of one text replaced by another.",
    "split": "The parts of a text between separators, as a JSON array.",
    "starts_with": "Whether a text begins so.",
    "substring": "So many characters of a text, from an index on.",
    "symbol": "The value as text; arrays, objects and null have none.",
    "type_of": "string, number, boolean, null, array, object or ref.",
    "upper": "The text in upper case.",
}


def declaration(info: RelationInfo) -> str:
    """How a relation is declared, as one would write it."""
    if info.mapping is not None:
        columns = ", ".join(map(_input_column, info.mapping.columns))
        path = f' "{info.mapping.path}"' if info.mapping.path else ""
        return f".input {info.name}({columns}) from {info.mapping.kind}{path}"
    columns = ", ".join(f"{name}: {kind}" for name, kind in zip(info.columns, info.types, strict=True))
    if info.actuator:
        return f".action {info.name}({columns}) key({', '.join(info.key)}) by {info.actuator}"
    return f".decl {info.name}({columns})"


def _input_column(column: Column) -> str:
    path = f' from "{column.path}"' if column.path is not None else ""
    default = column.default.value if isinstance(column.default, Json) else column.default
    given = "" if column.required else f" default {json.dumps(default, ensure_ascii=False)}"
    return f"{column.name}: {column.type}{path}{given}"


def function(found: Function) -> str:
    """A function's name, the types it takes and the type it returns."""
    arguments = ", ".join(found.arguments) + (", …" if found.variadic else "")
    return f"{found.name}({arguments}) -> {found.returns}"


def relation(found: Builtin) -> str:
    """A built-in relation: what must be bound comes before the arrow."""
    return f"{found.name}({', '.join(found.inputs)} -> {', '.join(found.outputs)})"


def doc_of(found: Function | Builtin) -> str:
    """What a function or built-in relation does, in a sentence."""
    if found.name in RELATIONS or found.name in _DOCS:
        return _DOCS.get(found.name, "")
    return (found.call.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def snippet(info: RelationInfo) -> tuple[str, str]:
    """An atom of a relation with a variable for each column: as plain text, and with the editors' `${1:…}` fields."""
    names = variables(info.columns)
    fields = ", ".join(f"${{{number}:{name}}}" for number, name in enumerate(names, 1))
    return f"{info.name}({', '.join(names)})", f"{info.name}({fields})"


def variables(columns: tuple[str, ...]) -> list[str]:
    """A variable's name for each column: `owner_name` becomes `OwnerName`."""
    return ["".join(part[:1].upper() + part[1:] for part in column.split("_")) for column in columns]
