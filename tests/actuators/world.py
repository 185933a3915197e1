"""A little world for contract tests: gathers the facts that actuators report, and waits for what is to become true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rulekube.actuators.base import Action, Fact, Facts

PATIENCE = 20.0  # seconds a condition may take on a busy machine


class World:
    """The facts reported so far."""

    def __init__(self) -> None:
        self.facts: dict[str, set[Fact]] = {}
        self.reports = 0
        self._changed = threading.Condition()

    def report(self, insert: Facts | None = None, retract: Facts | None = None) -> None:
        with self._changed:
            self.reports += 1
            for relation, facts in (retract or {}).items():
                assert set(facts) <= self.facts[relation], f"{relation}: retracts what was not reported"
                self.facts[relation] -= set(facts)
            for relation, facts in (insert or {}).items():
                known = self.facts.setdefault(relation, set())
                assert not known & set(facts), f"{relation}: reports a fact twice"
                known |= set(facts)
            self._changed.notify_all()

    def of(self, relation: str) -> list[Fact]:
        return sorted(self.facts.get(relation, ()), key=repr)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE
        with self._changed:
            while not (value := condition()):
                rest = end - time.monotonic()
                assert rest > 0, f"never: {what}; facts are {self.facts}"
                self._changed.wait(rest)
            return value


def action(relation: str, *values: Any, key: Sequence[Any] | None = None) -> Action:
    return Action(relation, tuple(values[:1] if key is None else key), tuple(values), 1)


Config = Mapping[str, Any]
