"""Which rules ever derived something while tests ran."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rulekube.engine.analysis import Program
from rulekube.engine.recorder import Recorder
from rulekube.engine.syntax import Place

Spot = tuple[str, int, int]
"""A rule's place: the file's real path, line and column."""


def spot(place: Place) -> Spot:
    """The place of a rule, however its file was reached."""
    return str(Path(place.file).resolve()), place.line, place.column


@dataclass
class Coverage:
    """Rules with bodies, and whether they had derivations at the end of some commit. Test relations do not count."""

    fired: dict[Spot, bool] = field(default_factory=dict)

    def add(self, program: Program, recorder: Recorder, ignored: Iterable[str] = ()) -> None:
        """Take in what one run did."""
        left_out = tuple(ignored)
        for rule in program.rules:
            if rule.body and not (left_out and rule.head.relation.startswith(left_out)):
                tally = recorder.tallies.get((rule.head.relation, rule.place))
                where = spot(rule.place)
                self.fired[where] = self.fired.get(where, False) or (tally is not None and tally.fired)

    def merge(self, other: Coverage) -> None:
        """Take in another's runs."""
        for where, fired in other.fired.items():
            self.fired[where] = self.fired.get(where, False) or fired

    def files(self) -> dict[str, tuple[int, int]]:
        """By file: how many rules fired, of how many."""
        found: dict[str, tuple[int, int]] = {}
        for (file, _, _), fired in sorted(self.fired.items()):
            had, of = found.get(file, (0, 0))
            found[file] = (had + fired, of + 1)
        return found

    def never(self) -> list[Spot]:
        """The rules that never fired, in order."""
        return sorted(where for where, fired in self.fired.items() if not fired)

    @property
    def percent(self) -> float:
        """The share of rules that fired, in percent; of no rules, all."""
        return 100 * sum(self.fired.values()) / len(self.fired) if self.fired else 100.0
