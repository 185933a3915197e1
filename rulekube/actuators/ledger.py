"""What an actuator has reported so far, by source, so that each report is the difference.

A source is whatever is looked at as a whole: one container, the list of images, one volume. Looking again replaces all
facts of that source; only what differs is reported, and nothing where nothing does.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping

from rulekube.actuators.base import Fact, Facts, Report

Observation = Mapping[str, Iterable[Fact]]


class Ledger:
    """The facts last reported, by source. Safe for use from several threads."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[str, set[tuple[str, Fact]]] = {}
        self._lock = threading.Lock()

    def open(self, observations: Mapping[str, Observation]) -> None:
        """Make the first report: the whole present state."""
        with self._lock:
            self._known = {source: _pairs(observation) for source, observation in observations.items()}
            self._report(insert=_grouped(set().union(*self._known.values())))

    def replace(self, source: str, observation: Observation) -> None:
        """Say what a source shows now; an empty observation forgets it."""
        with self._lock:
            now, before = _pairs(observation), self._known.pop(source, set())
            if now:
                self._known[source] = now
            if now != before:
                self._report(insert=_grouped(now - before), retract=_grouped(before - now))

    def sources(self) -> list[str]:
        """All sources that show anything."""
        with self._lock:
            return sorted(self._known)


def _pairs(observation: Observation) -> set[tuple[str, Fact]]:
    return {(relation, fact) for relation, facts in observation.items() for fact in facts}


def _grouped(pairs: set[tuple[str, Fact]]) -> Facts:
    facts: dict[str, list[Fact]] = defaultdict(list)
    for relation, fact in sorted(pairs, key=repr):
        facts[relation].append(fact)
    return dict(facts)
