"""Where facts are kept: counts and indexes.

`rows` maps every present fact to the number of its derivations (1 for a base fact). An index maps the values of some
columns to the facts that bear them; it is made when the first plan asks for it and kept from then on. The dicts are
never replaced, for compiled rules hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from rulekube.engine.values import Fact

Index = dict[Any, dict[Fact, None]]


class Relation:
    """The present facts of one relation, by every index that somebody asked for."""

    __slots__ = ("_kept", "indexes", "name", "rows")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Fact, int] = {}
        self.indexes: dict[tuple[int, ...], Index] = {}
        self._kept: list[tuple[Callable[[Fact], Any], Index]] = []

    def index(self, columns: tuple[int, ...]) -> Index:
        """The index over `columns`: a single column's key is its value, several columns' a tuple."""
        found = self.indexes.get(columns)
        if found is None:
            found = self.indexes[columns] = {}
            key = itemgetter(*columns)
            self._kept.append((key, found))
            for fact in self.rows:
                bucket = found.get(key(fact))
                if bucket is None:
                    found[key(fact)] = {fact: None}
                else:
                    bucket[fact] = None
        return found

    def enter(self, facts: Iterable[Fact]) -> None:
        """Put facts that have just become present into the indexes."""
        for key, index in self._kept:
            for fact in facts:
                k = key(fact)
                bucket = index.get(k)
                if bucket is None:
                    index[k] = {fact: None}
                else:
                    bucket[fact] = None

    def leave(self, facts: Iterable[Fact]) -> None:
        """Take facts that are no longer present out of the indexes."""
        for key, index in self._kept:
            for fact in facts:
                k = key(fact)
                bucket = index[k]
                if len(bucket) == 1:
                    del index[k]
                else:
                    del bucket[fact]

    def consolidate(self, pending: dict[Fact, int]) -> tuple[list[Fact], list[Fact]]:
        """Add signed counts; returns the facts that became present and those that ceased to be (indexes not yet)."""
        rows = self.rows
        inserted: list[Fact] = []
        retracted: list[Fact] = []
        for fact, change in pending.items():
            if change:
                before = rows.get(fact, 0)
                after = before + change
                if after:
                    rows[fact] = after
                    if not before:
                        inserted.append(fact)
                else:
                    del rows[fact]
                    retracted.append(fact)
        return inserted, retracted
