"""Aggregates kept per group, so that a changed member costs its own group only.

A fold is fed the signed changes of its source's facts, (group…, binding…, payload…), and yields the groups whose value
changed. Counts and sums keep a total; the others keep each group's members in order.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from rulekube.engine.core import Fold
from rulekube.engine.values import NO_VALUE, Fact, Json, Ref, order_key

Facts = tuple[list[Fact], list[Fact]]
Members = list[tuple[Any, ...]]


RANKING = ("top", "bottom", "rank")
"""Aggregates of several values: theirs is a tuple, in order, which `$ranked` then enumerates."""


class _Reversed:
    """Orders keys the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def exact(value: Any) -> Any:
    """A number as it is summed: floats exactly, so that the order of summation does not matter."""
    return Fraction(value) if isinstance(value, float) else value


def rounded(value: Any) -> Any:
    """The sum as it is shown: exact integers, and floats rounded once."""
    return float(value) if isinstance(value, Fraction) else value


def mean(total: Any, count: int) -> float:
    """The mean from an exact total."""
    return float(Fraction(total) / count)


def plain(value: Any) -> Any:
    """A member as it stands inside the JSON result."""
    if isinstance(value, Json):
        return value.value
    return value.path if isinstance(value, Ref) else value


def empty_value(kind: str) -> Any:
    """The value of a group without members."""
    if kind in ("count", "sum"):
        return 0
    if kind == "array":
        return Json([])
    return Json({}) if kind == "object" else NO_VALUE


class FoldState:
    """The values of one aggregate. `values` holds the groups that have members; the dict is never replaced.

    `apply` feeds signed changes and returns (inserted, retracted) facts of the form (group…, value).
    """

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.empty = empty_value(fold.kind)
        self.values: dict[Any, Any] = {}
        self._totals: dict[Any, list[Any]] = {}
        self._members: dict[Any, Members] = {}
        self._keys = len(fold.descending)
        self._single = fold.group == 1
        self.apply = self._count if fold.kind == "count" else self._refold
        self._apply = self._total if fold.kind in ("sum", "mean") else self._ordered

    def clear(self) -> None:
        """Forget all members."""
        self.values.clear()
        self._totals.clear()
        self._members.clear()

    def group_of(self, fact: Fact) -> Any:
        """The key of a fact's group: its value for one column, else a tuple."""
        return fact[0] if self._single else fact[: self.fold.group]

    def _count(self, pending: Iterable[tuple[Fact, int]]) -> Facts:
        """Count members: the value of a group is all there is to keep."""
        values = self.values
        before: dict[Any, int] = {}
        for fact, change in pending:
            if change:
                group = fact[0] if self._single else fact[: self.fold.group]
                old = values.get(group, 0)
                before.setdefault(group, old)
                if old + change:
                    values[group] = old + change
                else:
                    del values[group]
        inserted, retracted = [], []
        for group, old in before.items():
            new = values.get(group, 0)
            if new != old:
                key = (group,) if self._single else group
                inserted.append((*key, new))
                retracted.append((*key, old))
        return inserted, retracted

    def _refold(self, pending: Iterable[tuple[Fact, int]]) -> Facts:
        """Change the touched groups' members, then take their values again."""
        touched = self._apply(pending)
        inserted: list[Fact] = []
        retracted: list[Fact] = []
        values = self.values
        for group in touched:
            before = values.get(group, self.empty)
            after = self._value(group)
            if after is NO_VALUE or not self._has(group):
                values.pop(group, None)
            else:
                values[group] = after
            if before is after or (before == after and type(before) is type(after)):
                continue
            key = (group,) if self._single else group
            if before is not NO_VALUE:
                retracted.append((*key, before))
            if after is not NO_VALUE:
                inserted.append((*key, after))
        return inserted, retracted

    def _has(self, group: Any) -> bool:
        return group in self._totals or group in self._members

    def _total(self, pending: Iterable[tuple[Fact, int]]) -> dict[Any, None]:
        # all amounts first: where one is no number, nothing was changed yet
        amounts = [(self.group_of(f), change, exact(f[-1]) * change) for f, change in pending if change]
        touched: dict[Any, None] = {}
        for group, change, amount in amounts:
            touched[group] = None
            state = self._totals.setdefault(group, [0, 0])
            state[0] += change
            state[1] += amount
            if not state[0]:
                del self._totals[group]
        return touched

    def _ordered(self, pending: Iterable[tuple[Fact, int]]) -> dict[Any, None]:
        touched: dict[Any, None] = {}
        for fact, change in pending:
            if not change:
                continue
            group = self.group_of(fact)
            touched[group] = None
            members = self._members.setdefault(group, [])
            entry = self._entry(fact)
            if change > 0:
                for _ in range(change):
                    insort(members, entry, key=_sort_key)
            else:
                for _ in range(-change):
                    _remove(members, entry)
                if not members:
                    del self._members[group]
        return touched

    def _entry(self, fact: Fact) -> tuple[Any, ...]:
        """(sort key, payload…): by the keys with their directions, then by the values, then by the whole binding."""
        payload = fact[self.fold.offset :]
        order: list[Any] = []
        for i, value in enumerate(payload):
            key = order_key(value)
            order.append(_Reversed(key) if i < self._keys and self.fold.descending[i] else key)
        return (tuple(order), *payload[self._keys :])

    def _value(self, group: Any) -> Any:
        kind = self.fold.kind
        if kind in ("sum", "mean"):
            state = self._totals.get(group)
            if state is None:
                return self.empty
            return rounded(state[1]) if kind == "sum" else mean(state[1], state[0])
        members = self._members.get(group)
        if not members:
            return self.empty
        if kind == "array":
            return Json([plain(m[1]) for m in members])
        if kind in RANKING:
            return tuple(m[1] for m in members[: self.fold.limit])
        if kind == "object":
            return Json({m[1]: plain(m[2]) for m in reversed(members)})
        return members[-1][1] if kind == "max" else members[0][1]


_sort_key: Callable[[tuple[Any, ...]], Any] = lambda entry: entry[0]  # noqa: E731 - named for bisect


def _remove(members: Members, entry: tuple[Any, ...]) -> None:
    position = bisect_left(members, entry[0], key=_sort_key)
    assert members[position][1:] == entry[1:], "a member that was never added cannot leave"
    del members[position]
