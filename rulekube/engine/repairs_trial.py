"""Trying repairs: a candidate counts only when the goal holds after it, in a state that is then undone.

A number that is to be tuned is found by trying, too: first whether any will do, then by halving the distance to the
present one, and at last the roundest number near the border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rulekube.engine.errors import EvaluationError
from rulekube.engine.hypothetical import Facts, assumed
from rulekube.engine.repairs_change import Change
from rulekube.engine.values import Fact

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

T = TypeVar("T")
Expand = Callable[[Change], tuple[Facts, Facts]]
"""From one change of a base fact to all facts (inserted, retracted) that change with it in the world."""
HALVINGS = 12
DOUBLINGS = 12
WORK = 300_000
"""Facts handed to rules that all trials of one question may cost together."""


def as_it_is(change: Change) -> tuple[Facts, Facts]:
    """A change of a base fact that changes nothing else."""
    insert = {change.relation: [change.new]} if change.new is not None else {}
    return insert, {change.relation: [change.old]} if change.old is not None else {}


@dataclass
class Trials:
    """Tries changes. `holds` asks whether the goal holds in the network's present state.

    `left` bounds the tries, `work` what they cost together.
    """

    network: Assembled
    holds: Callable[[], bool]
    expand: Expand
    left: int = 150
    limit: int = 200_000
    work: int = WORK
    known: dict[frozenset[Change], bool] = field(default_factory=dict)

    def succeeds(self, changes: Iterable[Change]) -> bool:
        """Whether the goal holds after these changes."""
        key = frozenset(changes)
        if key not in self.known:
            self.known[key] = self._tried(key)
        return self.known[key]

    def _tried(self, changes: frozenset[Change]) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        before = self.network.touched
        try:
            return self.within(changes, self.holds)
        except EvaluationError:
            return False
        finally:
            self.work -= self.network.touched - before
            if self.work <= 0:
                self.left = 0

    def within(self, changes: Iterable[Change], ask: Callable[[], T]) -> T:
        """What the answer is in the state after these changes. Raises EvaluationError where there is none."""
        insert: dict[str, list[Any]] = {}
        retract: dict[str, list[Any]] = {}
        for change in sorted(changes, key=repr):
            for facts, into in zip(self.expand(change), (insert, retract), strict=True):
                for relation, rows in facts.items():
                    into.setdefault(relation, []).extend(rows)
        with assumed(self.network, insert, retract, self.limit):
            return ask()

    def settled(self, changes: Sequence[Change]) -> tuple[Change, ...] | None:
        """The changes with their numbers found, None where they do not make the goal hold."""
        tuned = [change for change in changes if change.tuned >= 0]
        fixed = [change for change in changes if change.tuned < 0]
        if not tuned:
            return tuple(fixed) if self.succeeds(fixed) else None
        if len(tuned) > 1:
            return None
        found = self._tune(tuned[0], fixed)
        return (*fixed, found) if found is not None else None

    def _tune(self, change: Change, fixed: Sequence[Change]) -> Change | None:
        assert change.old is not None
        now = change.old[change.tuned]
        good = next((v for v in _extremes(now) if self.succeeds((*fixed, _set(change, v)))), None)
        if good is None:
            return None
        bad = now
        for _ in range(HALVINGS):
            middle = (good + bad) // 2 if isinstance(now, int) else (good + bad) / 2
            if middle in (good, bad):
                break
            if self.succeeds((*fixed, _set(change, middle))):
                good = middle
            else:
                bad = middle
        for value in _rounder(good, bad):
            if self.succeeds((*fixed, _set(change, value))):
                good = value
                break
        return _set(change, good)


def _set(change: Change, value: Any) -> Change:
    assert change.old is not None
    return Change(change.relation, change.old, _replaced(change.old, change.tuned, value))


def _replaced(fact: Fact, column: int, value: Any) -> Fact:
    return (*fact[:column], value, *fact[column + 1 :])


def _extremes(now: Any) -> Iterable[Any]:
    """Values to look at first: nothing, and ever more."""
    if now:
        yield 0
    yield from (type(now)((now or 1) * 2**n) for n in range(1 if now else 0, DOUBLINGS))


def _rounder(good: Any, bad: Any) -> Iterable[Any]:
    """Rounder numbers at the border's good side, the roundest first."""
    if isinstance(good, float):
        return
    reach = good + 4 * (good - bad)
    low, high = sorted((bad, reach))
    for digits in range(len(str(abs(high))), 0, -1):
        for unit in (
            10**digits,
            *(2**n * 10**9 for n in (10, 20, 30) if 10 ** (digits - 1) < 2**n * 10**9 <= 10**digits),
        ):
            first = -(-low // unit) * unit
            if first <= high and first != bad:
                yield first
                last = high // unit * unit
                if last != first:
                    yield last
