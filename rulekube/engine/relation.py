"""Where facts are kept: counts and indexes.

`rows` maps every present fact to the number of its derivations (1 for a base fact). An index maps the values of some
columns to the facts that bear them; it is made when the first plan asks for it and kept from then on. The dicts are
never replaced, for compiled rules hold them. What keeps the indexes is itself compiled, for the indexes there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Any

from rulekube.engine.picking import Index, Picked
from rulekube.engine.values import Fact

Keep = Callable[[Iterable[Fact]], None]
Consolidate = Callable[[dict[Fact, int]], tuple[list[Fact], list[Fact]]]

_SAMPLE = 256
_CONSOLIDATE = """
def consolidate(pending):
    inserted = []
    retracted = []
    for fact, change in pending.items():
        if change:
            before = rows.get(fact, 0)
            after = before + change
            if not after:
                del rows[fact]
                retracted.append(fact){leave}
            else:
                rows[fact] = after
                if not before:
                    inserted.append(fact){enter}
    return inserted, retracted
"""
_ENTER = """
{indent}key = {key}
{indent}bucket = index{i}.get(key)
{indent}if bucket is None:
{indent}    index{i}[key] = {{fact: None}}
{indent}else:
{indent}    bucket[fact] = None"""
_LEAVE = """
{indent}key = {key}
{indent}bucket = index{i}[key]
{indent}if len(bucket) == 1:
{indent}    del index{i}[key]
{indent}else:
{indent}    del bucket[fact]"""


class Relation:
    """The present facts of one relation, by every index that somebody asked for.

    `enter` puts facts that have just become present into the indexes, `leave` takes those out that no longer are.
    `consolidate` adds signed counts to `rows`, keeps the indexes, and returns the facts that became present and those
    that ceased to be.
    """

    __slots__ = ("consolidate", "enter", "indexes", "leave", "name", "picks", "rows")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Fact, int] = {}
        self.indexes: dict[tuple[int, ...], Index] = {}
        self.picks: dict[tuple[Any, ...], Picked] = {}
        self._forget_compiled()

    def index(self, columns: tuple[int, ...]) -> Index:
        """The index over `columns`: a single column's key is its value, several columns' a tuple."""
        found = self.indexes.get(columns)
        if found is None:
            found = self.indexes[columns] = {}
            key = itemgetter(*columns)
            for fact in self.rows:
                found.setdefault(key(fact), {})[fact] = None
            self._forget_compiled()
        return found

    def pick(self, group: tuple[int, ...], key: tuple[int, ...], joined: Index) -> Picked:
        """One fact of each group, kept from now on: that which fewest facts of another relation's index join with."""
        name = (group, key, id(joined))
        found = self.picks.get(name)
        if found is None:
            found = self.picks[name] = Picked(group, self.index(group), key, joined)
            self._forget_compiled()
        return found

    def expected(self, columns: tuple[int, ...]) -> float:
        """How many facts share their values of `columns` with a fact, on average; 0 while the relation is empty.

        From the index, or from how often two facts of a sample agree.
        """
        size = len(self.rows)
        if not columns or not size:
            return size
        index = self.indexes.get(columns)
        if index:
            return size / len(index)
        sample = list(islice(self.rows, 0, None, max(1, size // _SAMPLE)))
        if len(sample) < 2:
            return size
        keys = Counter(map(itemgetter(*columns), sample))
        agreeing = sum(n * (n - 1) for n in keys.values()) / (len(sample) * (len(sample) - 1))
        return 1 + agreeing * (size - 1)

    def _forget_compiled(self) -> None:
        self.enter: Keep = self._first_enter
        self.leave: Keep = self._first_leave
        self.consolidate: Consolidate = self._first_consolidate

    def _first_enter(self, facts: Iterable[Fact]) -> None:
        self.enter = self._compiled("enter", self._loop("enter", _ENTER))
        self.enter(facts)

    def _first_leave(self, facts: Iterable[Fact]) -> None:
        self.leave = self._compiled("leave", self._loop("leave", _LEAVE))
        self.leave(facts)

    def _first_consolidate(self, pending: dict[Fact, int]) -> tuple[list[Fact], list[Fact]]:
        leave, enter = self._kept(_LEAVE, " " * 16), self._kept(_ENTER, " " * 20)
        self.consolidate = self._compiled("consolidate", _CONSOLIDATE.format(leave=leave, enter=enter))
        return self.consolidate(pending)

    def _loop(self, name: str, body: str) -> str:
        return f"def {name}(facts):\n    for fact in facts:\n        pass{self._kept(body, ' ' * 8)}\n"

    def _kept(self, body: str, indent: str) -> str:
        """The lines that keep every index for one fact."""
        text = ""
        for i, columns in enumerate(self.indexes):
            parts = [f"fact[{column}]" for column in columns]
            key = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
            text += body.format(indent=indent, key=key, i=i)
        verb = "enter" if body == _ENTER else "leave"
        return text + "".join(f"\n{indent}pick{i}.{verb}(fact)" for i in range(len(self.picks)))

    def _compiled(self, name: str, source: str) -> Any:
        scope: dict[str, Any] = {f"index{i}": index for i, index in enumerate(self.indexes.values())}
        scope |= {f"pick{i}": picked for i, picked in enumerate(self.picks.values())}
        scope["rows"] = self.rows
        exec(compile(source, f"<{name} {self.name}>", "exec"), scope)  # noqa: S102 - the code is ours
        return scope[name]
