"""When to carry out what is owed: at once, and again after a pause where it did not work.

An action that was carried out is done when the world's facts show it, that is, when it is no longer derived. One that
stays owed all the same is tried again, after ever longer pauses; so is one that failed, and its failure is a fact that
rules can see: `failed(relation, key, reason, attempt)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rulekube.actuators.base import Action, Fact
from rulekube.actuators.owed import ActionKey
from rulekube.engine import Ref, to_json

AGAIN = 1_000_000  # microseconds until an action that was carried out but is still owed is repeated, at first
RETRY = 100_000  # … until one that failed is
LONGEST = 60_000_000


@dataclass(slots=True)
class Attempt:
    """The last attempt at one action, and how often it has been tried since it was derived."""

    action: Action
    tries: int = 0
    due: int = 0
    running: bool = False
    failure: Fact | None = None


class Attempts:
    """The attempts of one actuator; one is in flight per action key."""

    def __init__(self) -> None:
        self._attempts: dict[ActionKey, Attempt] = {}

    def due(self, owed: Mapping[ActionKey, Action], now: int) -> list[Action]:
        """The actions to carry out now, marked as running."""
        for key in [key for key, attempt in self._attempts.items() if key not in owed and not attempt.running]:
            if self._attempts[key].failure is None:
                del self._attempts[key]
        ready = []
        for key, action in owed.items():
            attempt = self._attempts.get(key)
            if attempt is None or (attempt.action is not action and not attempt.running):
                failure = attempt.failure if attempt else None
                attempt = self._attempts[key] = Attempt(action, failure=failure)
            if not attempt.running and attempt.due <= now:
                attempt.running = True
                ready.append(action)
        return ready

    def next_due(self, owed: Mapping[ActionKey, Action]) -> int | None:
        """When the next of the owed actions is to be tried again, in microseconds since 1970."""
        return min((a.due for key, a in self._attempts.items() if key in owed and not a.running), default=None)

    def finished(self, action: Action, reason: str | None, now: int) -> tuple[list[Fact], list[Fact]]:
        """Note how an attempt ended (`reason` None: well); returns the `failed` facts to insert and to retract."""
        key = (action.relation, action.key)
        attempt = self._attempts[key]  # an attempt that runs is never forgotten
        attempt.running = False
        attempt.tries += 1
        pause = (RETRY if reason is not None else AGAIN) * 2 ** min(attempt.tries - 1, 20)
        attempt.due = now + min(pause, LONGEST)
        before, attempt.failure = attempt.failure, None
        if reason is not None:
            attempt.failure = (action.relation, json_key(action.key), reason, attempt.tries)
        return ([attempt.failure] if attempt.failure else [], [before] if before else [])

    def forget(self, owed: Mapping[ActionKey, Action]) -> list[Fact]:
        """Drop failures of actions that are no longer owed and do not run; returns the `failed` facts to retract."""
        failed = [key for key, attempt in self._attempts.items() if attempt.failure and not attempt.running]
        gone = [key for key in failed if key not in owed]
        return [failure for key in gone if (failure := self._attempts.pop(key).failure) is not None]


def json_key(key: Fact) -> object:
    """A key as the one JSON value that `failed` carries: refs become their paths."""
    return to_json([value.path if isinstance(value, Ref) else value for value in key])
