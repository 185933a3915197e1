"""What `.input … from Kind "path"` may name: the kinds that the cluster serves, and the fields of their objects."""

from __future__ import annotations

import re
from functools import cache

from rulekube.facts import schema
from rulekube.facts.resources import TABLE
from rulekube.facts.schema import Type

_STEP = re.compile(r"([^.\[\]{}]+)|\[[^\]]*\]|\{[^}]*\}")


@cache
def kinds() -> tuple[str, ...]:
    """Every kind, sorted; `*` stands for any."""
    return ("*", *sorted({row.kind for row in TABLE}))


def paths(kind: str, typed: str) -> list[tuple[str, str]]:
    """The paths that go one step further than what is typed, each with its type; none for a kind without a schema.

    A list is gone through by `[index]`, a map by `{key}`.
    """
    parent, _, _ = typed.rpartition(".")
    found = _below(_type_of(kind), parent)
    if found is None:
        return []
    prefix = f"{parent}." if parent else ""
    return [
        (prefix + name + {"list": "[index]", "map": "{key}"}.get(field.form, ""), field.go_name)
        for name, field in sorted(found.fields.items())
    ]


def _type_of(kind: str) -> Type | None:
    row = next((row for row in TABLE if row.kind == kind), None)
    if kind == "*":
        row = next(row for row in TABLE if row.kind == "Namespace")  # for the metadata that all objects have
    return schema.type_of(row.api_version, row.kind) if row else None


def _below(found: Type | None, path: str) -> Type | None:
    for step in _STEP.finditer(path):
        if found is None:
            return None
        if step[1]:
            found = found.fields.get(step[1]) if found.form == "struct" else None
        else:
            found = found.element if found.form in ("list", "map") else None
    return found if found is not None and found.form == "struct" else None


_KIND_PLACE = re.compile(r"\.input\s[^.]*?\)\s*from\s+(\w*)\Z", re.DOTALL)
_PATH_PLACE = re.compile(r'\.input\s(?:[^"]|"[^"\n]*")*?\)\s*from\s+(\*|\w+|"[^"\n]*")\s+"([^"\n]*)\Z', re.DOTALL)


def place(text: str, offset: int) -> tuple[int, list[tuple[str, str]]] | None:
    """What may stand behind `from` at an offset: where it begins, and the names with their types. None elsewhere."""
    start = text.rfind("\n.input", 0, offset) + 1
    statement = text[start:offset]
    if not statement.startswith(".input"):
        return None
    if found := _KIND_PLACE.match(statement):
        return start + found.start(1), [(kind, "") for kind in kinds()]
    if found := _PATH_PLACE.match(statement):
        return start + found.start(2), paths(found[1].strip('"'), found[2])
    return None
