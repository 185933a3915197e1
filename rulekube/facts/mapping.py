"""One `.input` declaration, compiled to a function from objects to facts.

A mapping's path leads from the object to its elements: fields joined by dots; `[index]` goes through a list and `{key}`
through a map, each binding the column of that name (or no column). What the other columns hold is found from there:

* the first column is the object itself, as a ref;
* a column with `from "a.b[0]"` holds what is found there below the element; `from "."` the element itself;
* several columns without `from` hold the element's fields of their own names (snake_case → camelCase);
* a single one holds the element.

A column whose value is absent, null, or not of the column's type takes its default; without one the fact is not made.
A `ref` column wants an element with `kind`, `name` and `uid` (an owner reference, a targetRef); a `namespace` it does
not name is the object's own, unless the kind has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rulekube.engine.syntax import Column, Mapping
from rulekube.facts.column_values import ABSENT, CONVERT, Context, symbol
from rulekube.facts.merge import parse_path

Step = Callable[[Any, tuple[Any, ...], Context], None]  # an element, what the path bound on the way to it, where to put
_Path = tuple[str | int, ...]
_SEGMENT = re.compile(r"\.?([A-Za-z_$][\w$-]*)|\[(\w+)\]|\{(\w+)\}")


class Extract(NamedTuple):
    """One mapping, compiled: `run(object, (), context)` adds its facts to the context. `reads`: the fields of the
    object, at most two deep, that it looks at."""

    relation: str
    run: Step
    reads: frozenset[tuple[str, ...]]


def compile_mapping(mapping: Mapping) -> Extract:
    """Turn a declaration into a function. Raises ValueError where its path is none."""
    segments = _segments(mapping.path)
    bound = [name for kind, name in segments if kind != "field"]
    free = [column for column in mapping.columns[1:] if column.name not in bound]
    trailing: list[str] = []
    if len(free) == 1 and free[0].path is None:  # the last fields belong to the only column, so that its default counts
        while segments and segments[-1][0] == "field":
            trailing.insert(0, segments.pop()[1])
    paths = {column.name: _column_path(column, trailing, len(free)) for column in free}
    step = _finish(mapping.columns[1:], bound, paths)
    for segment in reversed(_grouped(segments)):
        step = _walk(segment, step)
    head = tuple(name for kind, name in _until_binder(segments))
    ends = {head + _names(path) for path in paths.values()} if len(head) == len(segments) else {head}
    return Extract(mapping.relation, step, frozenset(end[:2] for end in ends or {head}))


def _segments(path: str) -> list[tuple[str, str]]:
    """(`field` | `index` | `key`, name) of a mapping's path."""
    segments, position = [], 0
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is no path at column {position + 1}: write spec.ports[index] or data{{key}}")
        kind = "field" if match[1] else "index" if match[2] else "key"
        segments.append((kind, match[match.lastindex or 0]))
        position = match.end()
    return segments


def _column_path(column: Column, trailing: list[str], free: int) -> _Path:
    if column.path == ".":
        return ()
    if column.path is not None:
        return tuple(parse_path(column.path))
    return tuple(trailing) if free == 1 else (camel_case(column.name),)


def camel_case(name: str) -> str:
    """`node_port` → `nodePort`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _until_binder(segments: list[tuple[str, str]]) -> list[tuple[str, str]]:
    ends = [at for at, (kind, _) in enumerate(segments) if kind != "field"]
    return segments[: ends[0] if ends else None]


def _names(path: _Path) -> tuple[str, ...]:
    """The fields of a path before its first index."""
    ends = [at for at, step in enumerate(path) if isinstance(step, int)]
    return tuple(str(step) for step in path[: ends[0] if ends else None])


def _grouped(segments: list[tuple[str, str]]) -> list[tuple[str, _Path]]:
    """Runs of fields joined into one walk."""
    grouped: list[tuple[str, _Path]] = []
    for kind, name in segments:
        if kind == "field" and grouped and grouped[-1][0] == "field":
            grouped[-1] = ("field", (*grouped[-1][1], name))
        else:
            grouped.append((kind, (name,)))
    return grouped


def _dig(value: Any, path: _Path) -> Any:
    """What is found at `path` below a value; None where nothing is."""
    for step in path:
        if value.__class__ is dict:
            value = value.get(step)
            if value is None:
                return None
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _walk(segment: tuple[str, _Path], following: Step) -> Step:
    kind, path = segment

    def fields(value: Any, bound: tuple[Any, ...], context: Context) -> None:
        found = _dig(value, path)
        if found is not None:
            following(found, bound, context)

    def items(value: Any, bound: tuple[Any, ...], context: Context) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                following(item, (*bound, index), context)

    def entries(value: Any, bound: tuple[Any, ...], context: Context) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                following(item, (*bound, key), context)

    return {"field": fields, "index": items, "key": entries}[kind]


def _finish(columns: Sequence[Column], bound: list[str], paths: dict[str, _Path]) -> Step:
    """The end of a walk: make the fact of one element."""
    plan = [
        (bound.index(column.name), (), symbol, None)
        if column.name in bound
        else (-1, paths[column.name], CONVERT[column.type], ABSENT if column.required else column.default)
        for column in columns
    ]

    def finish(value: Any, bindings: tuple[Any, ...], context: Context) -> None:
        fact: list[Any] = [context.ref]
        for position, path, convert, default in plan:
            if position >= 0:
                fact.append(bindings[position])
                continue
            found = _dig(value, path) if path else value
            held = default if found is None else convert(found, context)
            if held is ABSENT:
                held = default
                if held is ABSENT:
                    return
            fact.append(held)
        context.out.append(tuple(fact))

    return finish
