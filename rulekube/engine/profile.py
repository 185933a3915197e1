"""Where the work went: the tallies of a recorded run, by rule and by relation.

The work on a rule's helper relations (aggregates, negated atoms with wildcards) is the rule's. Times are in the unit of
the recorder's clock and include the recording itself, so they compare rules; they do not measure the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rulekube.engine.analysis import Program
from rulekube.engine.database import Database
from rulekube.engine.recorder import Recorder, Tally
from rulekube.engine.syntax import Place


@dataclass(frozen=True)
class RelationWork:
    """A relation: its most facts at the end of a run, and the derivations its rules made and withdrew."""

    name: str
    size: int
    derived: int
    withdrawn: int


@dataclass
class Profile:
    """All runs together."""

    rules: dict[Place, tuple[str, Tally]] = field(default_factory=dict)
    """By place: the relation that the rule derives, and its work."""
    churn: dict[str, Tally] = field(default_factory=dict)
    """By relation: the work on itself, without its rules' helpers."""
    sizes: dict[str, int] = field(default_factory=dict)
    touched: int = 0
    """Facts that were handed to rules."""

    def add(self, db: Database, recorder: Recorder) -> None:
        """Take in one run."""
        heads = _heads(db.program)
        for (head, place), tally in recorder.tallies.items():
            self.churn.setdefault(head, Tally()).add(tally)
            if place in heads:
                self.rules.setdefault(place, (heads[place], Tally()))[1].add(tally)
        for name in db.program.relations:
            self.sizes[name] = max(self.sizes.get(name, 0), len(db.facts(name)))
        self.touched += db.touched

    def busiest(self) -> list[tuple[Place, str, Tally]]:
        """The rules that did something, those that took longest first."""
        worked = [(place, head, tally) for place, (head, tally) in self.rules.items() if tally.calls]
        return sorted(worked, key=lambda found: (-found[2].time, -found[2].fed, found[0]))

    def relations(self) -> list[RelationWork]:
        """The relations that hold or held something, those with the most churn first."""
        found = [_work(name, size, self.churn.get(name, Tally())) for name, size in self.sizes.items()]
        shown: Iterable[RelationWork] = (work for work in found if work.size or work.derived or work.withdrawn)
        return sorted(shown, key=lambda work: (-work.derived - work.withdrawn, -work.size, work.name))


def _work(name: str, size: int, tally: Tally) -> RelationWork:
    return RelationWork(name, size, tally.derived, tally.withdrawn)


def _heads(program: Program) -> dict[Place, str]:
    return {rule.place: rule.head.relation for rule in program.rules if rule.body}
