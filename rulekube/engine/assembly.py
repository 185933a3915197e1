"""From modules to a running network: check, normalize, stratify, compile, connect."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rulekube.engine import analysis, codegen, normal, strata, typing
from rulekube.engine.aggregates import FoldState
from rulekube.engine.analysis import Program
from rulekube.engine.builtins import Function
from rulekube.engine.core import Absent, Clause, Fold, Match
from rulekube.engine.delta import Changes
from rulekube.engine.errors import Diagnostic, EvaluationError, RuleError, did_you_mean
from rulekube.engine.incremental import BindingsNode, Consumer, FoldNode, Network, Node, RelationNode
from rulekube.engine.recursion import Member, RecursiveNode
from rulekube.engine.relation import Relation
from rulekube.engine.syntax import Module
from rulekube.engine.values import Fact, Ref, show_fact

Facts = Mapping[str, Iterable[Sequence[Any]]]


class Assembled(Network):
    """A network together with the program it runs; the environment of its compiled rules."""

    def __init__(self, program: Program, resolve: Callable[[str], Ref | None] | None) -> None:
        super().__init__()
        self.program = program
        self.clauses: list[Clause] = []
        self._resolve = resolve
        self._relations: dict[str, Relation] = {}
        self.folds: dict[str, FoldState] = {}
        self.entry: dict[str, RelationNode] = {}
        self._given: dict[str, dict[Fact, None]] = {}
        self.queries: dict[str, Any] = {}

    # --- the environment of compiled rules

    def relation(self, name: str) -> Relation:
        """The facts of a relation, made empty when first asked for."""
        found = self._relations.get(name)
        if found is None:
            found = self._relations[name] = Relation(name)
        return found

    def fold_values(self, name: str) -> tuple[dict[Any, Any], Any]:
        """The values of an aggregate by group, and the value of an empty group."""
        state = self.folds[name]
        return state.values, state.empty

    def function(self, name: str) -> Callable[..., Any]:
        """A function by name."""
        return self.program.functions[name].call

    def resolve(self, path: str) -> Ref:
        """The current object of this path; without one, a ref that no object has."""
        found = self._resolve(path) if self._resolve is not None else None
        return Ref(path) if found is None else found

    # --- base facts

    def retract_and_insert(self, retract: Facts, insert: Facts) -> None:
        """Make the changes of base facts pending. Raises EvaluationError for a fact that does not fit."""
        self.log.clear()
        try:
            for name, facts in insert.items():
                wanted = dict.fromkeys(self._checked(name, facts), 1)
                if name in retract:
                    for fact in self._checked(name, retract[name]):
                        wanted.setdefault(fact, -1)
                self._pend(name, wanted)
            for name, facts in retract.items():
                if name not in insert:
                    self._pend(name, dict.fromkeys(self._checked(name, facts), -1))
        except BaseException:
            self.abandon()
            raise

    def insert(self, facts: Facts) -> None:
        """Make insertions pending."""
        self.retract_and_insert({}, facts)

    def given(self, name: str) -> list[Fact]:
        """The facts of a base relation that were committed (not those that the text states)."""
        if name in self._given:
            return list(self._given[name])
        return list(self.relation(name).rows) if name in self.entry else []

    def _pend(self, name: str, wanted: dict[Fact, int]) -> None:
        node = self.entry[name]
        kept = self._given.get(name)
        present: Mapping[Fact, Any] = node.relation.rows if kept is None else kept
        changed = {fact: sign for fact, sign in wanted.items() if (sign > 0) != (fact in present)}
        if not changed:
            return
        node.pending.update(changed)
        if kept is not None:
            _toggle(kept, changed, 1)
            self.log.append((_toggle, kept, changed, -1))
        self.push(node)

    def _checked(self, name: str, facts: Iterable[Sequence[Any]]) -> Iterable[Fact]:
        """The facts as tuples of the right length."""
        if name not in self.entry:
            raise EvaluationError(self._refusal(name))
        columns = self.program.relations[name].columns
        arity = len(columns)
        rows = [fact if type(fact) is tuple else tuple(fact) for fact in facts]
        for row in rows:
            if len(row) != arity:
                raise EvaluationError(f"{show_fact(name, row)} does not fit {name}({', '.join(columns)})")
        return rows

    def _refusal(self, name: str) -> str:
        if name in self.program.relations:
            return f"relation `{name}` is derived by rules; facts cannot be inserted or retracted"
        return f"relation `{name}` is not declared; {did_you_mean(name, self.entry) or 'declare it with .decl'}"

    # --- answers

    def changes(self, changed: Mapping[str, tuple[list[Fact], list[Fact]]]) -> Changes:
        """The changes of declared relations."""
        found = Changes()
        for name, (inserted, retracted) in changed.items():
            if name[0] != "$":
                if inserted:
                    found.inserted[name] = inserted
                if retracted:
                    found.retracted[name] = retracted
        return found

    def visible(self) -> dict[str, list[Fact]]:
        """All facts of declared relations."""
        return {name: list(self.relation(name).rows) for name in self.program.relations}

    def state_given(self, name: str) -> None:
        """The text states facts of this base relation, so committed ones are told apart."""
        self._given[name] = {}


def _toggle(kept: dict[Fact, None], changed: Mapping[Fact, int], sign: int) -> None:
    for fact, change in changed.items():
        if change * sign > 0:
            kept[fact] = None
        else:
            del kept[fact]


def build(
    modules: Sequence[Module], functions: Mapping[str, Function], resolve: Callable[[str], Ref | None] | None
) -> Assembled:
    """Check the modules and connect their network; rules that need no facts are pending. Raises RuleError."""
    program, normalizer = check(modules, functions)
    network = Assembled(program, resolve)
    _connect(network, normalizer)
    return network


def check(modules: Sequence[Module], functions: Mapping[str, Function]) -> tuple[Program, normal.Normalizer]:
    """All checks of a program. Raises RuleError with every diagnostic."""
    program, found = analysis.assemble(modules, functions)
    normalizer = normal.Normalizer({n: r.columns for n, r in program.relations.items()}, functions)
    if not found:
        for rule in program.rules:
            normalizer.add(rule)
        found += analysis.check_safety(normalizer.clauses)
        found += strata.check(strata.graph(normalizer.clauses, normalizer.folds.values()))
        if not found:
            found += typing.check(program, normalizer.clauses, normalizer.folds)
    if found:
        raise RuleError(with_lines(found, modules))
    return program, normalizer


def with_lines(found: Iterable[Diagnostic], modules: Iterable[Module]) -> list[Diagnostic]:
    """The diagnostics with their source lines."""
    sources = {module.name: module.source.split("\n") for module in modules}
    lined = []
    for diagnostic in found:
        lines = sources.get(diagnostic.place.file, [])
        line = lines[diagnostic.place.line - 1] if 0 < diagnostic.place.line <= len(lines) else ""
        lined.append(dataclasses.replace(diagnostic, line=line))
    return lined


class _Connector:
    """Makes the nodes of a program in order, then the consumers between them."""

    def __init__(self, network: Assembled, normalizer: normal.Normalizer) -> None:
        self.network = network
        self.normalizer = normalizer
        self.rules: dict[str, list[Clause]] = defaultdict(list)
        for clause in normalizer.clauses:
            self.rules[clause.head].append(clause)
        self.folds_by_source: dict[str, list[Fold]] = defaultdict(list)
        for fold in normalizer.folds.values():
            self.folds_by_source[fold.source].append(fold)
        self.nodes: dict[str, Node] = {}
        self.members: dict[str, Member] = {}

    def nodes_in_order(self) -> None:
        program, network = self.network.program, self.network
        graph = strata.graph(self.normalizer.clauses, self.normalizer.folds.values())
        graph.add_nodes_from(program.relations)
        for rank, component in enumerate(strata.components(graph)):
            node = self._node(component)
            node.rank = rank
            network.nodes.append(node)
            for name in component.names:
                self.nodes[name] = node
        for name, info in program.relations.items():
            node = self.nodes[name]
            if not info.derived and isinstance(node, RelationNode):
                network.entry[name] = node
                if self.rules[name]:
                    network.state_given(name)

    def _node(self, component: strata.Component) -> Node:
        name = component.names[0]
        network = self.network
        if component.recursive:
            self.members.update({n: Member(network.relation(n)) for n in component.names})
            return RecursiveNode([self.members[n] for n in component.names])
        if name in self.normalizer.folds:
            state = network.folds[name] = FoldState(self.normalizer.folds[name])
            return FoldNode(name, state)
        if name in self.folds_by_source:
            return BindingsNode(network.relation(name) if len(self.rules[name]) > 1 else None)
        return RelationNode(network.relation(name))

    def connect(self) -> None:
        for source, folds in self.folds_by_source.items():
            bindings = self.nodes[source]
            assert isinstance(bindings, BindingsNode)
            for fold in folds:
                target = self.nodes[fold.name]
                assert isinstance(target, FoldNode)
                bindings.folds.append(target)
        for clause in self.normalizer.clauses:
            self._clause(clause)

    def _clause(self, clause: Clause) -> None:
        target = self.nodes[clause.head]
        read = [codegen.relation_of(goal) for goal in clause.goals]
        inside = any(self.nodes[name] is target for name in read if name)
        gained, lost = self._pendings(clause.head, target, inside)
        for position, goal in enumerate(clause.goals):
            name = read[position]
            if not name:
                continue
            delta = codegen.compile_delta(clause, position, self.network)
            sign = -1 if isinstance(goal, Absent) else 1
            alone = read.count(name) == 1
            consumer = Consumer(delta, sign, alone, target, gained, lost)
            self._attach(name, consumer, inside=self.nodes[name] is target)
            node = self.nodes[name]
            if isinstance(node, RecursiveNode) and node is not target:
                several = sum(1 for other in read if other and self.nodes[other] is node) > 1
                node.entangled = node.entangled or several
        if not any(isinstance(goal, Match) for goal in clause.goals):
            codegen.compile_full(clause, self.network)((), 1, gained)
            self.network.push(target)

    def _pendings(self, head: str, target: Node, inside: bool) -> tuple[dict[Fact, int], dict[Fact, int]]:
        if isinstance(target, RecursiveNode):
            member = self.members[head]
            return (member.gained, member.lost) if inside else (member.firm_gained, member.firm_lost)
        assert isinstance(target, RelationNode | BindingsNode)
        return target.pending, target.pending

    def _attach(self, name: str, consumer: Consumer, *, inside: bool) -> None:
        node = self.nodes[name]
        if isinstance(node, RelationNode):
            node.add(consumer)
        elif isinstance(node, FoldNode):
            node.consumers.append(consumer)
        else:
            member = self.members[name]
            (member.inside if inside else member.outside).append(consumer)


def _connect(network: Assembled, normalizer: normal.Normalizer) -> None:
    network.clauses = normalizer.clauses
    connector = _Connector(network, normalizer)
    connector.nodes_in_order()
    connector.connect()
