"""Hands owed actions to one actuator: within the reconciler's step, or in worker threads.

Inline means within the reconciler's own step: the objects actuator writes all that is due as one store transaction.
Whatever takes its time (containers, kernel tables) runs in threads, and its outcome is handed back to the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from rulekube.actuators.attempts import Attempts
from rulekube.actuators.base import Action, Actuator, Fact, Report
from rulekube.actuators.owed import ActionKey
from rulekube.errors import ActuatorError

log = logging.getLogger("rulekube.actuators")
WORKERS = 8

Clock = Callable[[], int]
Owed = Mapping[ActionKey, Action]


class InlineActuator(Protocol):
    """Carries actions out at once, without threads; says of each that failed why."""

    name: str

    def apply(self, actions: Sequence[Action]) -> Mapping[ActionKey, str]:
        """Carry the actions out; the reasons of those that failed."""


class Dispatcher(Protocol):
    """How the reconciler sees an actuator."""

    name: str

    def carry_out(self, owed: Owed) -> bool:
        """Start what is due; whether anything was done before this returned."""

    def next_due(self, owed: Owed) -> int | None:
        """When to call `carry_out` again although nothing changed."""

    def stop(self) -> None:
        """Let what is in flight end, and start nothing more."""


class _Outcomes:
    """What all dispatchers share: the attempts, and their failures as facts."""

    def __init__(self, name: str, report: Report, clock: Clock) -> None:
        self.name = name
        self._report, self._clock = report, clock
        self._attempts = Attempts()

    def next_due(self, owed: Owed) -> int | None:
        return self._attempts.next_due(owed)

    def _due(self, owed: Owed) -> list[Action]:
        self._tell([], self._attempts.forget(owed))
        return self._attempts.due(owed, self._clock())

    def _finished(self, action: Action, reason: str | None) -> None:
        self._tell(*self._attempts.finished(action, reason, self._clock()))

    def _tell(self, insert: list[Fact], retract: list[Fact]) -> None:
        if insert or retract:
            self._report(insert={"failed": insert}, retract={"failed": retract})


class Inline(_Outcomes):
    """Carries actions out within the reconciler's step."""

    def __init__(self, actuator: InlineActuator, report: Report, clock: Clock) -> None:
        super().__init__(actuator.name, report, clock)
        self._actuator = actuator

    def carry_out(self, owed: Owed) -> bool:
        """Carry out what is due, now."""
        actions = self._due(owed)
        if actions:
            failures = self._attempt(actions)
            for action in actions:
                self._finished(action, failures.get((action.relation, action.key)))
        return bool(actions)

    def _attempt(self, actions: Sequence[Action]) -> Mapping[ActionKey, str]:
        try:
            return self._actuator.apply(actions)
        except Exception as error:
            log.exception("%s failed; its actions are tried again", self.name)
            return {(action.relation, action.key): f"{type(error).__name__}: {error}" for action in actions}

    def stop(self) -> None:
        """Nothing is in flight between two steps."""


class Threaded(_Outcomes):
    """Carries actions out in worker threads: one action a call, one in flight per key; of a batched actuator all
    that is due in one call, one call at a time."""

    def __init__(self, actuator: Actuator, report: Report, clock: Clock, hand_over: Callable[..., object]) -> None:
        super().__init__(actuator.name, report, clock)
        self._actuator, self._hand_over = actuator, hand_over  # hand_over(f, *args) calls f in the reconciler's thread
        self._pool = ThreadPoolExecutor(1 if actuator.batched else WORKERS, thread_name_prefix=actuator.name)
        self._busy = False
        actuator.start(report)

    def carry_out(self, owed: Owed) -> bool:
        """Submit what is due."""
        if self._busy:
            return False
        actions = self._due(owed)
        if actions and self._actuator.batched:
            self._busy = True
            self._pool.submit(self._attempt, actions)
        elif actions:
            for action in actions:
                self._pool.submit(self._attempt, [action])
        return False

    def _attempt(self, actions: Sequence[Action]) -> None:
        reason: str | None = None
        try:
            self._actuator.apply(actions)
        except ActuatorError as error:
            reason = error.reason
        except Exception as error:  # noqa: BLE001 - a bug in an actuator fails its action, not the loop
            reason = f"{type(error).__name__}: {error}"
        self._hand_over(self._ended, actions, reason)

    def _ended(self, actions: Sequence[Action], reason: str | None) -> None:
        self._busy = False
        for action in actions:
            self._finished(action, reason)

    def stop(self) -> None:
        """Let what runs end, then the actuator."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._actuator.stop()
