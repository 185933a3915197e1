"""Objects → facts, as the `.input` declarations of rule files say; `mapping.py` says what each of them finds.

The cost of `delta` follows what changed: fields that compare equal are not looked into.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rulekube.engine.syntax import Mapping
from rulekube.facts.column_values import Context, ref_of
from rulekube.facts.mapping import Extract, Step, compile_mapping

__all__ = ["Facts", "Flattener", "ref_of"]

RawObject = dict[str, Any]
Fact = tuple[Any, ...]
Facts = dict[str, list[Fact]]


class _Family:
    """The mappings of one kind: by relation, and which relations read which fields."""

    def __init__(self, extracts: Iterable[Extract]) -> None:
        self.relations: dict[str, list[Step]] = {}
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
        context, found = Context(raw), {}
        for relation, steps in family.relations.items():
            facts = _extract(steps, raw, context)
            if facts:
                found[relation] = facts
        return found

    def delta(self, old: RawObject | None, new: RawObject | None) -> tuple[Facts, Facts]:
        """(insert, retract) from one state of an object to the next; None is its absence."""
        if old is None or new is None:
            return (self.facts(new) if new else {}), (self.facts(old) if old else {})
        was, now = Context(old), Context(new)
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


def _extract(steps: list[Step], raw: RawObject, context: Context) -> list[Fact]:
    """The distinct facts that some mappings find in an object."""
    out: list[Fact] = []
    context.out = out
    for step in steps:
        step(raw, (), context)
    return list(dict.fromkeys(out)) if len(out) > 1 else out
