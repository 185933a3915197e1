"""Objects → facts, as the `.input` declarations of rule files say.

A mapping's path leads from the object to its elements: fields joined by dots; `[index]` goes through a list and `{key}`
through a map, each binding the column of that name (or no column). What the other columns hold is found from there:

* the first column is the object itself, as a ref;
* a column with `from "a.b[0]"` holds what is found there below the element; `from "."` the element itself;
* several columns without `from` hold the element's fields of their own names (snake_case → camelCase);
* a single one holds the element.

A column whose value is absent, null, or not of the column's type takes its default; without one the fact is not made.
A `ref` column wants an element with `kind`, `name` and `uid` (an owner reference, a targetRef); a `namespace` it does
not name is the object's own, unless the kind has none.

The cost of `delta` follows what changed: fields that compare equal are not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rulekube.engine.syntax import Column, Mapping
from rulekube.engine.values import Ref, to_json
from rulekube.facts import resources
from rulekube.facts.merge import parse_path
from rulekube.facts.quantity import QuantityError, nano
from rulekube.facts.timestamp import parse_time

RawObject = dict[str, Any]
Fact = tuple[Any, ...]
Facts = dict[str, list[Fact]]
_Step = Callable[[Any, tuple[Any, ...], "_Context"], None]
_Path = tuple[str | int, ...]

_SEGMENT = re.compile(r"\.?([A-Za-z_$][\w$-]*)|\[(\w+)\]|\{(\w+)\}")
_CLUSTER_SCOPED = frozenset(row.kind for row in resources.TABLE if not row.namespaced)
_ABSENT: Any = object()


class _Context:
    """The object being flattened, and where the facts of the mapping at work go."""

    __slots__ = ("namespace", "out", "ref")

    def __init__(self, raw: RawObject) -> None:
        self.ref = ref_of(raw)
        self.namespace: str = raw["metadata"].get("namespace", "")
        self.out: list[Fact] = []


def ref_of(raw: RawObject) -> Ref:
    """The object as a ref: `pod/shop/cart-7f9` or `node/n1`, and its uid."""
    metadata = raw["metadata"]
    return _ref(raw["kind"], metadata.get("namespace", ""), metadata["name"], metadata.get("uid", ""))


def _ref(kind: str, namespace: str, name: str, uid: str) -> Ref:
    return Ref(f"{kind.lower()}/{namespace}/{name}" if namespace else f"{kind.lower()}/{name}", uid)


# --- the types of columns: each turns a plain JSON value into the column's value, or _ABSENT


def _symbol(value: Any, _context: _Context) -> Any:
    return value if isinstance(value, str) else _ABSENT


def _int(value: Any, _context: _Context) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else _ABSENT


def _float(value: Any, _context: _Context) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _ABSENT


def _bool(value: Any, _context: _Context) -> Any:
    return value if isinstance(value, bool) else _ABSENT


def _json(value: Any, _context: _Context) -> Any:
    return to_json(value)


def _time(value: Any, _context: _Context) -> Any:
    try:
        return parse_time(value) if isinstance(value, str) else _ABSENT
    except ValueError:
        return _ABSENT


def _quantity(value: Any, _context: _Context) -> Any:
    try:
        return nano(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else _ABSENT
    except QuantityError:
        return _ABSENT


def _reference(value: Any, context: _Context) -> Any:
    if not isinstance(value, dict) or not all(value.get(field) for field in ("kind", "name", "uid")):
        return _ABSENT
    own = "" if value["kind"] in _CLUSTER_SCOPED else context.namespace
    return _ref(value["kind"], value.get("namespace") or own, value["name"], value["uid"])


_CONVERT: dict[str, Callable[[Any, _Context], Any]] = {
    "symbol": _symbol,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "json": _json,
    "time": _time,
    "quantity": _quantity,
    "ref": _reference,
}


# --- compiling one mapping


class _Extract(NamedTuple):
    """One mapping, compiled: `run(object, (), context)` adds its facts to the context. `reads`: the fields of the
    object, at most two deep, that it looks at."""

    relation: str
    run: _Step
    reads: frozenset[tuple[str, ...]]


def compile_mapping(mapping: Mapping) -> _Extract:
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
    return _Extract(mapping.relation, step, frozenset(end[:2] for end in ends or {head}))


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


def _walk(segment: tuple[str, _Path], following: _Step) -> _Step:
    kind, path = segment

    def fields(value: Any, bound: tuple[Any, ...], context: _Context) -> None:
        found = _dig(value, path)
        if found is not None:
            following(found, bound, context)

    def items(value: Any, bound: tuple[Any, ...], context: _Context) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                following(item, (*bound, index), context)

    def entries(value: Any, bound: tuple[Any, ...], context: _Context) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                following(item, (*bound, key), context)

    return {"field": fields, "index": items, "key": entries}[kind]


def _finish(columns: Sequence[Column], bound: list[str], paths: dict[str, _Path]) -> _Step:
    """The end of a walk: make the fact of one element."""
    plan = [
        (bound.index(column.name), (), _symbol, None)
        if column.name in bound
        else (-1, paths[column.name], _CONVERT[column.type], _ABSENT if column.required else column.default)
        for column in columns
    ]

    def finish(value: Any, bindings: tuple[Any, ...], context: _Context) -> None:
        fact: list[Any] = [context.ref]
        for position, path, convert, default in plan:
            if position >= 0:
                fact.append(bindings[position])
                continue
            found = _dig(value, path) if path else value
            held = default if found is None else convert(found, context)
            if held is _ABSENT:
                held = default
                if held is _ABSENT:
                    return
            fact.append(held)
        context.out.append(tuple(fact))

    return finish


# --- flattening


class _Family:
    """The mappings of one kind: by relation, and which relations read which fields."""

    def __init__(self, extracts: Iterable[_Extract]) -> None:
        self.relations: dict[str, list[_Step]] = {}
        self.readers: dict[tuple[str, ...], list[str]] = {}
        for extract in extracts:
            self.relations.setdefault(extract.relation, []).append(extract.run)
            for field in sorted(extract.reads):
                self.readers.setdefault(field, []).append(extract.relation)

    def affected(self, old: RawObject, new: RawObject) -> list[str]:
        """The relations that look at a field in which two states of an object differ."""
        found = dict.fromkeys(self.readers.get((), ()))
        for field in {**old, **new}:
            before, after = old.get(field), new.get(field)
            if before is after or before == after:
                continue
            found |= dict.fromkeys(self.readers.get((field,), ()))
            before, after = (part if isinstance(part, dict) else {} for part in (before, after))
            for inner in {**before, **after}:
                if (field, inner) in self.readers and before.get(inner) != after.get(inner):
                    found |= dict.fromkeys(self.readers[field, inner])
        return list(found)


class Flattener:
    """Objects → facts by a list of mappings. A kind may be `Pod`, several (`Pod,Node`), or `*`."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self._compiled = [
            (frozenset(mapping.kind.replace(" ", "").split(",")), compile_mapping(mapping)) for mapping in mappings
        ]
        self._families: dict[str, _Family] = {}

    def _family(self, kind: str) -> _Family:
        if kind not in self._families:
            self._families[kind] = _Family(
                extract for kinds, extract in self._compiled if kind in kinds or "*" in kinds
            )
        return self._families[kind]

    def facts(self, raw: RawObject) -> Facts:
        """Every fact of an object, by relation; relations without one are left out."""
        family = self._family(raw["kind"])
        context, found = _Context(raw), {}
        for relation, steps in family.relations.items():
            facts = _extract(steps, raw, context)
            if facts:
                found[relation] = facts
        return found

    def delta(self, old: RawObject | None, new: RawObject | None) -> tuple[Facts, Facts]:
        """(insert, retract) from one state of an object to the next; None is its absence."""
        if old is None or new is None:
            return (self.facts(new) if new else {}), (self.facts(old) if old else {})
        was, now = _Context(old), _Context(new)
        if was.ref is not now.ref:
            return self.facts(new), self.facts(old)
        insert: Facts = {}
        retract: Facts = {}
        family = self._family(new["kind"])
        for relation in family.affected(old, new):
            steps = family.relations[relation]
            before, after = _extract(steps, old, was), _extract(steps, new, now)
            if before != after:
                gone, come = set(before), set(after)
                _keep(insert, relation, [fact for fact in after if fact not in gone])
                _keep(retract, relation, [fact for fact in before if fact not in come])
        return insert, retract


def _keep(facts: Facts, relation: str, found: list[Fact]) -> None:
    if found:
        facts[relation] = found


def _extract(steps: list[_Step], raw: RawObject, context: _Context) -> list[Fact]:
    """The distinct facts that some mappings find in an object."""
    out: list[Fact] = []
    context.out = out
    for step in steps:
        step(raw, (), context)
    return list(dict.fromkeys(out)) if len(out) > 1 else out
