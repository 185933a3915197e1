"""Repairs as answers: which changes, where they are written in the world, and what holds then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rulekube.engine.analysis import Program
from rulekube.engine.repairs import Abduction
from rulekube.engine.repairs_change import Change, Changes
from rulekube.engine.repairs_trial import Trials
from rulekube.engine.syntax import Mapping
from rulekube.engine.values import Fact, Ref
from rulekube.engine.why_not_causes import identity
from rulekube.engine.why_not_state import Pattern
from rulekube.engine.why_not_text import fact_text, shown

ALIKE = 2
"""Repairs that change the same relations in the same way; more of them say nothing new."""
CANDIDATES = 400
"""Sets of changes of one size that are looked at."""


@dataclass(frozen=True)
class Repair:
    """Changes that make the goal hold, as was tried; `then` are facts that hold only with them."""

    changes: tuple[Change, ...]
    texts: tuple[dict[str, str], ...]
    then: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Eight digits that follow from the changes."""
        return identity(*(text["text"] for text in self.texts))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"id": self.id, "changes": list(self.texts), "then": list(self.then)}


@dataclass
class Repairer:
    """Finds repairs of one goal. `limits` say what was left untried."""

    program: Program
    abduction: Callable[[], Abduction]
    trials: Trials
    then: Callable[[], tuple[str, ...]]
    limits: list[str] = field(default_factory=list)

    def find(self, relation: str, pattern: Pattern, count: int, size: int) -> tuple[Repair, ...]:
        """At most `count` repairs of at most `size` changes each, the smallest only."""
        found: list[tuple[Change, ...]] = []
        for most in range(1, size + 1):
            for changes in self._candidates(relation, pattern, most):
                if len(found) >= count or self.trials.left <= 0:
                    break
                if any(set(one) <= set(changes) for one in found):
                    continue
                settled = self.trials.settled(changes)
                if settled is not None and [_about(one) for one in found].count(_about(settled)) < ALIKE:
                    found.append(settled)
            if found:
                break
        if not found:
            self.limits.append(f"no repair of at most {size} {'change' if size == 1 else 'changes'} was found")
        if self.trials.left <= 0:
            self.limits.append("not all repairs were tried; bind more of the goal's variables")
        return tuple(self._repair(changes) for changes in found)

    def _candidates(self, relation: str, pattern: Pattern, most: int) -> list[tuple[Change, ...]]:
        """Candidates of exactly this size, those first that change least."""
        walk = self.abduction()
        sets: dict[Changes, None] = {}
        for changes in islice(walk.candidates(relation, pattern, most), 10 * CANDIDATES):
            if len(changes) == most:
                sets[changes] = None
        if walk.steps < 0 or len(sets) > CANDIDATES:
            self.limits.append(f"the search for repairs of {most} {'change' if most == 1 else 'changes'} was cut")
        ordered = sorted(sets, key=lambda changes: sum(change.rank for change in changes))
        return [tuple(sorted(changes, key=repr)) for changes in ordered[:CANDIDATES]]

    def _repair(self, changes: tuple[Change, ...]) -> Repair:
        texts = tuple(described(change, self.program) for change in changes)
        return Repair(changes, texts, self.trials.within(changes, self.then))


def _about(changes: tuple[Change, ...]) -> tuple[Any, ...]:
    """What repairs that are alike have in common: relations, and whether facts come, go or become others."""
    return tuple((change.relation, change.old is None, change.new is None) for change in changes)


def described(change: Change, program: Program) -> dict[str, str]:
    """A change as plain values: the facts, the object, its field, and a text of one line."""
    fact = change.old or change.new or ()
    subject = next((value.path for value in fact if isinstance(value, Ref)), "")
    mapping = program.relations[change.relation].mapping
    old = fact_text(change.relation, change.old) if change.old is not None else ""
    new = fact_text(change.relation, change.new) if change.new is not None else ""
    operation = "alter" if old and new else "insert" if new else "retract"
    text = f"{old} -> {new}" if old and new else f"insert {new}" if new else f"without {old}"
    path = ""
    if mapping is not None and fact and isinstance(fact[0], Ref):
        fields = list(_fields(change, mapping, program.relations[change.relation].types))
        path = ", ".join(name for name, _, _ in fields)
        text = f"{subject}: " + ", ".join(_worded(*field) for field in fields)
    return {"op": operation, "old": old, "new": new, "object": subject, "field": path, "text": text}


def _worded(path: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"set {path} to {new}"
    return f"remove {path} ({old})" if new is None else f"{path} {old} -> {new}"


def _fields(change: Change, mapping: Mapping, types: tuple[str, ...]) -> Iterator[tuple[str, str | None, str | None]]:
    """The fields of the object that a change touches, each with its old and new value."""
    names = [column.name for column in mapping.columns]
    fact: Fact = change.old or change.new or ()
    binders = re.findall(r"[\[{](\w+)[\]}]", mapping.path)
    base = mapping.path
    for name in binders:
        if name in names:
            value = fact[names.index(name)]
            base = base.replace(f"[{name}]", f"[{value}]").replace(f"{{{name}}}", f".{value}")
    valued = [i for i in range(1, len(names)) if names[i] not in binders]
    for i in valued:
        old = amount(change.old[i], types[i]) if change.old else None
        new = amount(change.new[i], types[i]) if change.new else None
        if old == new:
            continue
        own = mapping.columns[i].path
        suffix = own or ("" if len(valued) == 1 else names[i])
        yield (f"{base}.{suffix}".strip(".") if suffix != "." else base, old, new)


def amount(value: Any, type_: str) -> str:
    """A value of a column; a quantity as people write it."""
    if type_ != "quantity" or not isinstance(value, int):
        return shown(value)
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if value and value % (size * 10**9) == 0:
            return f"{value // (size * 10**9)}{unit}"
    for unit, nano in (("", 10**9), ("m", 10**6), ("u", 10**3)):
        if value % nano == 0:
            return f"{value // nano}{unit}"
    return f"{value}n"
