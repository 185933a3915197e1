"""What a commit changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rulekube.engine.values import Fact


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


def difference(before: Mapping[str, Sequence[Fact]], after: Mapping[str, Sequence[Fact]]) -> Changes:
    """The changes that lead from one state to another, both given whole."""
    changes = Changes()
    for relation in sorted({*before, *after}):
        old, new = dict.fromkeys(before.get(relation, ())), dict.fromkeys(after.get(relation, ()))
        if gained := [fact for fact in new if fact not in old]:
            changes.inserted[relation] = gained
        if lost := [fact for fact in old if fact not in new]:
            changes.retracted[relation] = lost
    return changes
