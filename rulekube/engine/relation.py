"""Where facts are kept: counts and indexes.

`rows` maps every present fact to the number of its derivations (1 for a base fact). An index maps the values of some
columns to the facts that bear them; it is made when the first plan asks for it and kept from then on. The dicts are
never replaced, for compiled rules hold them. What keeps the indexes is itself compiled, for the indexes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from rulekube.engine.values import Fact

Index = dict[Any, dict[Fact, None]]
Keep = Callable[[Iterable[Fact]], None]

_ENTER = """
        bucket = index{i}.get(key)
        if bucket is None:
            index{i}[key] = {{fact: None}}
        else:
            bucket[fact] = None"""
_LEAVE = """
        bucket = index{i}[key]
        if len(bucket) == 1:
            del index{i}[key]
        else:
            del bucket[fact]"""


class Relation:
    """The present facts of one relation, by every index that somebody asked for.

    `enter` puts facts that have just become present into the indexes, `leave` takes those out that no longer are.
    """

    __slots__ = ("enter", "indexes", "leave", "name", "rows")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Fact, int] = {}
        self.indexes: dict[tuple[int, ...], Index] = {}
        self.enter: Keep = _nothing
        self.leave: Keep = _nothing

    def index(self, columns: tuple[int, ...]) -> Index:
        """The index over `columns`: a single column's key is its value, several columns' a tuple."""
        found = self.indexes.get(columns)
        if found is None:
            found = self.indexes[columns] = {}
            key = itemgetter(*columns)
            for fact in self.rows:
                found.setdefault(key(fact), {})[fact] = None
            self.enter = self._first_enter
            self.leave = self._first_leave
        return found

    def _first_enter(self, facts: Iterable[Fact]) -> None:
        self.enter = self._compiled("enter", _ENTER)
        self.enter(facts)

    def _first_leave(self, facts: Iterable[Fact]) -> None:
        self.leave = self._compiled("leave", _LEAVE)
        self.leave(facts)

    def _compiled(self, name: str, body: str) -> Keep:
        source = f"def {name}(facts):\n    for fact in facts:"
        scope: dict[str, Any] = {}
        for i, (columns, index) in enumerate(self.indexes.items()):
            scope[f"index{i}"] = index
            parts = [f"fact[{column}]" for column in columns]
            key = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
            source += f"\n        key = {key}{body.format(i=i)}"
        exec(compile(source, f"<{name} {self.name}>", "exec"), scope)  # noqa: S102 - the code is ours
        keep: Keep = scope[name]
        return keep

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


def _nothing(_facts: Iterable[Fact]) -> None:
    """Keep no index."""
