"""One fact of each group, where a rule may take any: the one that fewest facts of another relation join with.

A choice affects what a search costs and never what it finds, so it is kept loosely: by the numbers at the time when a
fact comes or goes, and anew when rules are planned anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from rulekube.engine.values import Fact

Index = dict[Any, dict[Fact, None]]


class Picked:
    """The chosen facts of a relation, by the indexes that somebody asked for.

    `groups` is the relation's index over the columns `columns` that make a group; `joined` the other relation's index,
    in which `key` columns of a fact look up what it joins with.
    """

    def __init__(self, columns: tuple[int, ...], groups: Index, key: tuple[int, ...], joined: Index) -> None:
        self._group = itemgetter(*columns)
        self._key = itemgetter(*key)
        self._groups = groups
        self._joined = joined
        self._chosen: dict[Any, Fact] = {}
        self._indexes: dict[tuple[int, ...], Index] = {}
        self.rows: dict[Fact, int] = {}
        """All chosen facts; never replaced."""
        self.choose()

    def index(self, columns: tuple[int, ...]) -> Index:
        """The chosen facts by the values of some columns."""
        found = self._indexes.get(columns)
        if found is None:
            found = self._indexes[columns] = {}
            for fact in self.rows:
                found.setdefault(itemgetter(*columns)(fact), {})[fact] = None
        return found

    def choose(self) -> None:
        """Choose anew in every group."""
        for fact in list(self.rows):
            self._drop(fact)
        self._chosen.clear()
        for group, facts in self._groups.items():
            self._take(group, min(facts, key=self._weight))

    def enter(self, fact: Fact) -> None:
        """A fact has come: it is chosen where it joins with fewer."""
        group = self._group(fact)
        chosen = self._chosen.get(group)
        if chosen is None:
            self._take(group, fact)
        elif self._weight(fact) < self._weight(chosen):
            self._drop(chosen)
            self._take(group, fact)

    def leave(self, fact: Fact) -> None:
        """A fact has gone (from `groups` too): another is chosen."""
        group = self._group(fact)
        if self._chosen[group] == fact:
            self._drop(fact)
            del self._chosen[group]
            rest: Iterable[Fact] = self._groups.get(group, ())
            if rest:
                self._take(group, min(rest, key=self._weight))

    def _weight(self, fact: Fact) -> int:
        return len(self._joined.get(self._key(fact), ()))

    def _take(self, group: Any, fact: Fact) -> None:
        self._chosen[group] = fact
        self.rows[fact] = 1
        for columns, index in self._indexes.items():
            index.setdefault(itemgetter(*columns)(fact), {})[fact] = None

    def _drop(self, fact: Fact) -> None:
        del self.rows[fact]
        for columns, index in self._indexes.items():
            key = itemgetter(*columns)(fact)
            del index[key][fact]
            if not index[key]:
                del index[key]
