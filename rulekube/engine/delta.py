"""What a commit changed."""

from __future__ import annotations

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
