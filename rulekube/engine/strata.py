"""The order of evaluation: the dependency graph, its components, and what makes a program unstratifiable.

A component of mutually recursive relations is evaluated as one; negation and aggregation may only look at components
that come before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from rulekube.engine.core import Absent, Clause, Fold, Goal, Lookup, Match, Never
from rulekube.engine.errors import Diagnostic
from rulekube.engine.syntax import Place


@dataclass(frozen=True)
class Component:
    """Relations (or one aggregate) evaluated together."""

    names: tuple[str, ...]
    recursive: bool


def graph(clauses: Iterable[Clause], folds: Iterable[Fold]) -> nx.DiGraph[str]:
    """Edges from what is read to what is derived; `strict` edges pass through negation or aggregation."""
    found: nx.DiGraph[str] = nx.DiGraph()
    for clause in clauses:
        found.add_node(clause.head)
        _edges(found, clause.goals, clause.head)
    for fold in folds:
        _edge(found, fold.source, fold.name, fold.place, fold.kind)
    return found


def _edges(g: nx.DiGraph[str], goals: Iterable[Goal | Never], head: str) -> None:
    for goal in goals:
        if isinstance(goal, Match):
            _edge(g, goal.relation, head, goal.place, "")
        elif isinstance(goal, Absent):
            _edge(g, goal.relation, head, goal.place, "not")
        elif isinstance(goal, Lookup):
            _edge(g, goal.fold, head, goal.place, "")
        elif isinstance(goal, Never):
            _edges(g, goal.goals, head)


def _edge(g: nx.DiGraph[str], source: str, target: str, place: Place, strict: str) -> None:
    known = g.get_edge_data(source, target)
    if known is None or (strict and not known["strict"]):
        g.add_edge(source, target, place=place, strict=strict)


def components(g: nx.DiGraph[str]) -> list[Component]:
    """The components in an order in which each comes after all it reads; stable for equal programs."""
    condensed = nx.condensation(g)
    order = nx.lexicographical_topological_sort(condensed, key=lambda n: min(condensed.nodes[n]["members"]))
    found = []
    for node in order:
        members = tuple(sorted(condensed.nodes[node]["members"]))
        found.append(Component(members, len(members) > 1 or g.has_edge(members[0], members[0])))
    return found


def check(g: nx.DiGraph[str]) -> list[Diagnostic]:
    """One diagnostic per component that negates or aggregates itself, with the cycle spelled out."""
    found = []
    for component in components(g):
        if not component.recursive:
            continue
        inner = g.subgraph(component.names)
        strict = sorted((d["place"], a, b, d["strict"]) for a, b, d in inner.edges(data=True) if d["strict"])
        if strict:
            place, source, target, how = strict[0]
            path = nx.shortest_path(inner, target, source)
            found.append(_unstratifiable(g, place, how, [*path, target]))
    return found


def _unstratifiable(g: nx.DiGraph[str], place: Place, how: str, cycle: list[str]) -> Diagnostic:
    """Spell out the cycle: each relation reads the next one. Relations of our own making are left out."""
    reads = list(reversed(cycle[1:]))
    start = next(i for i, name in enumerate(reads) if name[0] != "$")
    reads = [*reads[start:], *reads[: start + 1]]
    shown, passing = f"`{reads[0]}`", ""
    for reader, read in itertools.pairwise(reads):
        passing = g.get_edge_data(read, reader)["strict"] or passing
        if read[0] != "$":
            shown += f" <- {passing} `{read}`" if passing else f" <- `{read}`"
            passing = ""
    verb = "negation" if how == "not" else f"an aggregate (`{how}`)"
    message = f"`{reads[0]}` depends on itself through {verb}: {shown}"
    hint = "break the cycle: negation and aggregates may only look at relations decided before"
    return Diagnostic("unstratifiable", message, place, hint)
