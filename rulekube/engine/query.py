"""Questions to a database: a body is compiled once and then run over the indexes.

Relations that a question needs beyond those of the program (projections under `not`, aggregates) are computed for it
from scratch, unless the program keeps the same ones already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rulekube.engine import analysis, codegen, normal, parser, strata, typing
from rulekube.engine.aggregates import FoldState
from rulekube.engine.core import Clause, Fold
from rulekube.engine.errors import RuleError
from rulekube.engine.relation import Relation
from rulekube.engine.syntax import Literal, Module
from rulekube.engine.values import Fact, fact_key

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

ANSWER = "$answer"
_MOST_KEPT = 256
"""So many compiled questions are kept."""


class Rows(list[Fact]):
    """The answers, sorted; `columns` names their values. [()] is yes, [] is no."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Fact]) -> None:
        super().__init__(sorted(rows, key=fact_key))
        self.columns = tuple(columns)


def run(network: Assembled, text: str) -> Rows:
    """Answer a body's text. Raises RuleError."""
    prepared = network.queries.get(text)
    if prepared is None:
        prepared = Prepared(network, text)
        if prepared.lasting:
            if len(network.queries) >= _MOST_KEPT:
                del network.queries[next(iter(network.queries))]
            network.queries[text] = prepared
    return Rows(prepared.columns, prepared.answers())


def checked(
    program: analysis.Program, text: str, *, resolves: bool
) -> tuple[tuple[Literal, ...], tuple[str, ...], normal.Normalizer]:
    """A question's body, its columns and its normal form. Raises RuleError with everything that is wrong in it."""
    source = text.strip()
    body = parser.parse_body(source)
    columns = named_variables(body)
    found = analysis.check_body(program, body)
    if found:
        raise RuleError(_lined(found, source))
    normalizer = normal.Normalizer(
        {n: r.columns for n, r in program.relations.items()}, program.functions, resolves=resolves
    )
    normalizer.query(body, ANSWER, columns)
    found = analysis.check_safety(normalizer.clauses)
    found = found or typing.check(program, normalizer.clauses, normalizer.folds)
    if found:
        raise RuleError(_lined(found, source))
    return body, columns, normalizer


class Prepared:
    """A compiled question."""

    def __init__(self, network: Assembled, text: str) -> None:
        body, self.columns, normalizer = checked(network.program, text, resolves=True)
        self._scope = Scope(network, normalizer.folds.values())
        self.lasting = "RefLiteral(" not in repr(body)
        """Refs are resolved when a question is compiled, so one that names any is compiled each time."""
        self._steps = [
            (name, self._scope.compile(name, normalizer.clauses)) for name in self._scope.missing(normalizer)
        ]

    def answers(self) -> dict[Fact, int]:
        """Compute what the question needs, then its answers."""
        return self._scope.evaluate(self._steps)


class Scope:
    """The network's relations, and those made for one question."""

    def __init__(self, network: Assembled, folds: Iterable[Fold]) -> None:
        self.network = network
        self._own: dict[str, Relation] = {}
        self._folds = {f.name: FoldState(f) for f in folds if f.name not in network.folds}
        self.function = network.function
        self.resolve = network.resolve
        self.expand = network.expand

    def relation(self, name: str) -> Relation:
        """A relation of the question or of the network."""
        return self._own[name] if name in self._own else self.network.relation(name)

    def expected(self, relation: str, columns: tuple[int, ...]) -> float:
        """How many facts of a relation are expected to match when these columns are bound."""
        return self.relation(relation).expected(columns)

    def fold_values(self, name: str) -> tuple[dict[Any, Any], Any]:
        """An aggregate of the question or of the network."""
        state = self._folds.get(name) or self.network.folds[name]
        return state.values, state.empty

    def missing(self, normalizer: normal.Normalizer) -> list[str]:
        """What is to be computed, in order."""
        kept = {c.head for c in self.network.clauses if not c.head.startswith("$bindings")} | self.network.folds.keys()
        graph = strata.graph(normalizer.clauses, normalizer.folds.values())
        graph.add_node(ANSWER)
        heads = {c.head for c in normalizer.clauses} | self._folds.keys()
        names = [n for c in strata.components(graph) for n in c.names if n in heads and n not in kept]
        needed: set[str] = {ANSWER}
        for name in reversed(names):
            if name in needed:
                needed |= set(graph.predecessors(name))
        for name in names:
            if name not in self._folds:
                self._own[name] = Relation(name)
        return [name for name in names if name in needed]

    def compile(self, name: str, clauses: Sequence[Clause]) -> list[Callable[..., None]]:
        """The functions that compute a relation from nothing; none for an aggregate."""
        return [codegen.compile_full(c, self) for c in clauses if c.head == name]

    def evaluate(self, steps: Sequence[tuple[str, list[Callable[..., None]]]]) -> dict[Fact, int]:
        """Run the steps; returns the answers, each with the number of its derivations."""
        for relation in self._own.values():
            relation.leave(list(relation.rows))
            relation.rows.clear()
        for state in self._folds.values():
            state.clear()
        for name, functions in steps:
            if name in self._folds:
                state = self._folds[name]
                state.apply((fact, 1) for fact in self._own[state.fold.source].rows)
                continue
            relation = self._own[name]
            for function in functions:
                function((), 1, relation.rows)
            relation.enter(relation.rows)
        return self._own[ANSWER].rows


def named_variables(body: Sequence[Literal]) -> tuple[str, ...]:
    """The columns of a question: its variables outside aggregates' bodies, in order of mention."""
    return tuple(dict.fromkeys(v for v in normal.mentioned(body) if v[0] != "_"))


def _lined(found: Iterable[Any], text: str) -> list[Any]:
    from rulekube.engine.assembly import with_lines

    return with_lines(found, [Module("<query>", source=text)])
