"""Relations that are checked instead of counted: a changed fact names the part that may change, which is derived anew.

Their rules hold a `never` (see `views`), of which no count of derivations can tell cheaply when it begins or ceases to
be true. Every fact that such a rule reads determines some columns of the head. The facts that changed in one commit
mark the values of these columns; settling derives the marked parts once, however many facts marked them, and compares
them with what is there. Where much is marked, everything is derived and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rulekube.engine import views
from rulekube.engine.codegen import Environment, compile_full, compile_part, relation_of
from rulekube.engine.core import Absent, Clause, Match
from rulekube.engine.incremental import Network, Pending, RelationNode
from rulekube.engine.relation import Relation

_MANY = 1000
"""Where more parts than this are marked, and more than a quarter of the facts there are, everything is derived."""


class CheckedNode(RelationNode):
    """A relation whose marked parts are derived anew. `marked` holds, by columns of the head, the values marked."""

    def __init__(self, relation: Relation, clauses: Sequence[Clause], environment: Environment) -> None:
        self.clauses = tuple(clauses)
        self.environment = environment
        self.marked: dict[tuple[int, ...], Pending] = {}
        self.whole = False
        """Whether all of it is to be derived anew."""
        self.present = True
        """Whether its rules are in force; otherwise nothing is derived."""
        super().__init__(relation)

    def rewire(self) -> None:
        """Rules have changed or are to be planned anew."""
        super().rewire()
        self._parts: dict[tuple[int, ...], Callable[[Any, Pending], None]] = {}
        self._full: list[Callable[..., None]] = []

    def marks(self, clause: Clause) -> list[tuple[Clause, Pending]]:
        """For each goal that the clause reads: how a changed fact marks a part, as a clause, and where to."""
        found = []
        for leaf in views.leaves(clause.goals):
            columns = views.part(clause, leaf)
            goal = Match(leaf.relation, leaf.terms, leaf.place) if isinstance(leaf, Match | Absent) else leaf
            terms = tuple(clause.terms[i] for i in columns)
            mark = replace(clause, head=f"{clause.head}{columns}", terms=terms, goals=(goal,))
            found.append((mark, self.marked.setdefault(columns, {})))
        return list({(mark, relation_of(mark.goals[0])): (mark, out) for mark, out in found}.values())

    def forget(self) -> None:
        """Drop what is pending."""
        super().forget()
        self.whole = False
        for marked in self.marked.values():
            marked.clear()

    def settle(self, network: Network) -> None:
        """Derive what is marked and pass on how it differs."""
        number = sum(map(len, self.marked.values()))
        network.touch(number)
        if self.whole or (number > _MANY and 4 * number > len(self.relation.rows)):
            self._derive_all()
        else:
            for columns, marked in self.marked.items():
                if marked:
                    self._derive_part(columns, marked)
        for marked in self.marked.values():
            marked.clear()
        self.whole = False
        super().settle(network)

    def _derive_part(self, columns: tuple[int, ...], marked: Pending) -> None:
        derive = self._parts.get(columns)
        if derive is None:
            derive = self._parts[columns] = compile_part(self.clauses, columns, self.environment)
        found: Pending = {}
        derive(marked, found)
        rows, pending = self.relation.rows, self.pending
        if len(columns) == len(self.clauses[0].terms):
            for key in marked:
                if key in rows and key not in found:
                    pending[key] = -1
        else:
            index = self.relation.index(columns)
            for key in marked:
                for fact in index.get(key[0] if len(columns) == 1 else key, ()):
                    if fact not in found:
                        pending[fact] = -1
        for fact in found:
            if fact not in rows:
                pending[fact] = 1

    def _derive_all(self) -> None:
        found: Pending = {}
        if self.present:
            self._full = self._full or [compile_full(clause, self.environment) for clause in self.clauses]
            for full in self._full:
                full((), 1, found)
        rows, pending = self.relation.rows, self.pending
        pending.update(dict.fromkeys((fact for fact in rows if fact not in found), -1))
        pending.update(dict.fromkeys((fact for fact in found if fact not in rows), 1))
