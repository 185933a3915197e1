"""What each rule did: an observer that a database is made with, or without at no cost.

A recorded database wraps each compiled rule; one that is not recorded compiles as if this module were not there. The
clock is the caller's; without one, times are 0. Within a commit a rule may derive what it withdraws again, as when an
aggregate follows the facts that it ranges over; so whether a rule fired is looked at between commits, at checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rulekube.engine.core import Clause
from rulekube.engine.syntax import Place

Delta = Callable[[Iterable[Any], int, dict[Any, int]], None]


@dataclass
class Tally:
    """The work of one rule. `derived` and `withdrawn` count derivations, of which a fact may have several."""

    calls: int = 0
    time: int = 0
    fed: int = 0
    derived: int = 0
    withdrawn: int = 0
    fired: bool = False
    """Whether it had derivations at some checkpoint."""

    def add(self, other: Tally) -> None:
        """Count another's work as one's own."""
        self.calls += other.calls
        self.time += other.time
        self.fed += other.fed
        self.derived += other.derived
        self.withdrawn += other.withdrawn
        self.fired = self.fired or other.fired


class Recorder:
    """Tallies by the relation a clause derives and the place of the rule that the clause is a part of."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self.clock = clock or (lambda: 0)
        self.tallies: dict[tuple[str, Place], Tally] = {}

    def checkpoint(self) -> None:
        """Between two commits: note which rules have derivations now."""
        for tally in self.tallies.values():
            tally.fired = tally.fired or tally.derived > tally.withdrawn

    def watched(self, clause: Clause, made: Delta) -> Delta:
        """The compiled rule, watched. Time counts in the clock's unit; `fed` is 0 when a rule is loaded."""
        place = clause.rule.place if clause.rule is not None else clause.place
        tally = self.tallies.setdefault((clause.head, place), Tally())
        clock = self.clock

        def watching(changed: Iterable[Any], sign: int, out: dict[Any, int]) -> None:
            facts = list(changed)
            mine: dict[Any, int] = {}
            start = clock()
            made(facts, sign, mine)
            tally.time += clock() - start
            tally.calls += 1
            tally.fed += len(facts)
            derivations = sum(map(abs, mine.values()))
            if sign > 0:
                tally.derived += derivations
            else:
                tally.withdrawn += derivations
            for fact, count in mine.items():
                out[fact] = out.get(fact, 0) + count

        return watching
