"""The dependency graph of a program's declared relations: what each reads, in which stratum, and where it recurs.

Helper relations are seen through. A relation's stratum is the number of negations and aggregates below it: it can be
decided once all lower strata are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from rulekube.engine.analysis import Program, RelationInfo
from rulekube.engine.core import Absent, Clause, Fold, Lookup, Match


@dataclass(frozen=True)
class Node:
    """A relation. `role`: input, action, derived or base; `recursive`: those it recurses with."""

    name: str
    role: str
    stratum: int
    recursive: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """`target` reads `source`. `how`: "" plainly, "not" negated, or the aggregate's kind."""

    source: str
    target: str
    how: str


@dataclass(frozen=True)
class Dependencies:
    """All nodes, by stratum and name, and all edges, sorted."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def to_dict(self) -> dict[str, list[dict[str, object]]]:
        """As plain values."""
        return {"relations": [dict(vars(n)) for n in self.nodes], "edges": [dict(vars(e)) for e in self.edges]}


def graph(program: Program, clauses: Sequence[Clause], folds: Mapping[str, Fold]) -> Dependencies:
    """The graph of a whole program."""
    edges = sorted(_edges(clauses, folds), key=lambda e: (e.target, e.source, e.how))
    found: nx.DiGraph[str] = nx.DiGraph()
    found.add_nodes_from(program.relations)
    for edge in edges:
        known = found.get_edge_data(edge.source, edge.target, {"strict": False})
        found.add_edge(edge.source, edge.target, strict=known["strict"] or bool(edge.how))
    strata, together = _strata(found)
    nodes = [Node(n, _role(info), strata[n], together[n]) for n, info in program.relations.items() if n in strata]
    return Dependencies(tuple(sorted(nodes, key=lambda n: (n.stratum, n.name))), tuple(edges))


def part(whole: Dependencies, relation: str) -> Dependencies:
    """What a relation depends on, and itself."""
    below: nx.DiGraph[str] = nx.DiGraph([(e.source, e.target) for e in whole.edges])
    kept = {relation} | (nx.ancestors(below, relation) if relation in below else set())
    return only(whole, kept)


def only(whole: Dependencies, kept: Container[str]) -> Dependencies:
    """The nodes of these names and the edges between them."""
    return Dependencies(
        tuple(n for n in whole.nodes if n.name in kept),
        tuple(e for e in whole.edges if e.source in kept and e.target in kept),
    )


def _edges(clauses: Sequence[Clause], folds: Mapping[str, Fold]) -> set[Edge]:
    helpers: dict[str, list[Clause]] = {}
    for clause in clauses:
        if clause.head[0] == "$":
            helpers.setdefault(clause.head, []).append(clause)

    def reads(clause: Clause, how: str) -> Iterable[tuple[str, str]]:
        for goal in clause.goals:
            if isinstance(goal, Match):
                yield from seen(goal.relation, how)
            elif isinstance(goal, Absent):
                yield from seen(goal.relation, how or "not")
            elif isinstance(goal, Lookup):
                fold = folds[goal.fold]
                yield from seen(fold.source, how or fold.kind)

    def seen(name: str, how: str) -> Iterable[tuple[str, str]]:
        if name[0] != "$":
            yield name, how
        for clause in helpers.get(name, ()):
            yield from reads(clause, how)

    return {Edge(s, c.head, how) for c in clauses if c.head[0] != "$" for s, how in reads(c, "")}


def _strata(found: nx.DiGraph[str]) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    condensed = nx.condensation(found)
    strata: dict[str, int] = {}
    together: dict[str, tuple[str, ...]] = {}
    for number in nx.topological_sort(condensed):
        members = sorted(condensed.nodes[number]["members"])
        below = [strata[s] + d["strict"] for n in members for s, _, d in found.in_edges(n, data=True) if s in strata]
        recursive = len(members) > 1 or found.has_edge(members[0], members[0])
        for name in members:
            strata[name] = max(below, default=0)
            together[name] = tuple(members) if recursive else ()
    return strata, together


def _role(info: RelationInfo) -> str:
    if info.actuator:
        return "action"
    if info.mapping is not None:
        return "input"
    return "derived" if info.derived else "base"
