"""What every actuator promises: it makes owed actions true, and reports what it observes as facts. It decides nothing.

An action is level-triggered: it is owed for as long as it is derived. `apply` is therefore idempotent: what an action
creates is named by a pure function of its key, so that the same action after a crash creates nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

Fact = tuple[Any, ...]
Facts = Mapping[str, Sequence[Fact]]


class Action(NamedTuple):
    """One owed action. `key` are the values of the relation's key columns, `values` those of all columns;
    `revision` is the store's revision that the decision has read."""

    relation: str
    key: Fact
    values: Fact
    revision: int


class Report(Protocol):
    """Takes an actuator's observations; may be called from any thread."""

    def __call__(self, insert: Facts | None = None, retract: Facts | None = None) -> None:
        """Retract and insert these facts at once."""


class Actuator(Protocol):
    """Carries out the actions of the relations declared `by NAME`.

    `batched`: `apply` gets all that is owed after a commit at once; else one action at a time, concurrently.
    """

    name: str
    batched: bool

    def start(self, report: Report) -> None:
        """Begin to observe; the first report is the whole present state."""

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry the actions out, in a worker thread. Raises ActuatorError."""

    def stop(self) -> None:
        """End observing and release what is held; what was made in the world stays."""
