"""What a commit changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rulekube.engine.values import Fact, fact_key, show_fact


class ByRelation(dict[str, list[Fact]]):
    """Facts by relation; a relation that did not change reads as an empty list."""

    def __missing__(self, relation: str) -> list[Fact]:
        return []


@dataclass(frozen=True)
class Changes:
    """The net effect of a commit, base relations included: what holds now and did not, and the other way round."""

    inserted: ByRelation = field(default_factory=ByRelation)
    retracted: ByRelation = field(default_factory=ByRelation)

    def __bool__(self) -> bool:
        return bool(self.inserted or self.retracted)

    def relations(self) -> list[str]:
        """The names of the relations that changed, sorted."""
        return sorted({*self.inserted, *self.retracted})


def difference(name: str, changes: Changes, actions: Iterable[str]) -> dict[str, Any]:
    """Changes as plain values, by relation, `actions` first: what a person reads before loading the pack `name`."""
    ordered = dict.fromkeys(actions)
    relations = [
        {
            "relation": relation,
            "action": relation in ordered,
            "inserted": [show_fact(relation, fact) for fact in sorted(changes.inserted[relation], key=fact_key)],
            "retracted": [show_fact(relation, fact) for fact in sorted(changes.retracted[relation], key=fact_key)],
        }
        for relation in sorted({*changes.inserted, *changes.retracted}, key=lambda r: (r not in ordered, r))
    ]
    return {"name": name, "relations": [r for r in relations if r["inserted"] or r["retracted"]]}
