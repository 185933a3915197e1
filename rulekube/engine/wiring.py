"""Connecting a network, and changing it while it holds facts.

`adopt` takes a network from the program it runs to another one. Clauses that are gone are derived once more in the old
state, as lost; clauses that are new are derived in the new one, as gained; both run through the network as a commit
does. A relation whose node changes its nature (it became recursive, say) gives up all its clauses and takes them again.
What neither changes nor reads what changes is not looked at. From the empty program to the first one it is the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rulekube.engine import codegen, normal, strata, views
from rulekube.engine.aggregates import FoldState
from rulekube.engine.analysis import Program
from rulekube.engine.checked import CheckedNode
from rulekube.engine.core import Absent, Clause, Match
from rulekube.engine.incremental import BindingsNode, Consumer, FoldNode, Node, Pending, RelationNode
from rulekube.engine.recursion import Member, RecursiveNode
from rulekube.engine.relation import Relation
from rulekube.engine.values import Fact

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

Changed = dict[str, tuple[list[Fact], list[Fact]]]
Attachment = tuple[Node, list[Consumer], Consumer]
Shape = tuple[Any, ...]
"""What a node is made for; a name whose shape differs gets another node."""


class Wiring:
    """The nodes by name, and every clause's attachments to the nodes that it reads."""

    def __init__(self, network: Assembled) -> None:
        self.network = network
        self.nodes: dict[str, Node] = {}
        self.members: dict[str, Member] = {}
        self.clauses: list[Clause] = []
        """What the network runs: the program's clauses, without those of views and with checked ones rewritten."""
        self.shapes: dict[str, Shape] = {}
        self.taken: dict[str, list[Fact]] = {}
        """Committed facts of relations that take none any more; kept until the next change, should this one fail."""
        self.attached: dict[Clause, list[list[Attachment]]] = defaultdict(list)

    def adopt(self, program: Program, normalizer: normal.Normalizer) -> Changed:
        """Run another program from now on; returns the changed facts (inserted, retracted) by relation."""
        network = self.network
        self.taken.clear()
        plan = _Plan(program, normalizer, keep_all=network.keeps_all)
        reshaped = {name for name, shape in self.shapes.items() if plan.shapes.get(name) != shape}
        kept = _common(self.clauses, plan.clauses, reshaped)
        self._take_out(self.clauses, kept)
        self._take_back_facts(program)
        first = network.settle()
        network.log.clear()
        stale = [c for c in kept.elements() if any(codegen.relation_of(g) in reshaped for g in views.leaves(c.goals))]
        for clause in stale:
            self._detach(clause)
        network.program, network.clauses, network.views = program, normalizer.clauses, plan.views
        self._rebuild(plan, reshaped)
        self.clauses = plan.clauses
        network.folds = {name: network.folds[name] for name in plan.folds}
        for clause in stale:
            self._attach(clause)
        self._put_in(plan.clauses, kept)
        return _composed(first, network.settle())

    def replan(self) -> None:
        """Forget all compiled rules; they are planned anew when next fed."""
        for node in self.network.nodes:
            if isinstance(node, RelationNode):
                node.rewire()
        for copies in self.attached.values():
            for attachments in copies:
                for _, _, consumer in attachments:
                    consumer.delta = self._compiled_when_used(consumer)

    # --- out with the old

    def _take_out(self, clauses: Iterable[Clause], kept: Counter[Clause]) -> None:
        gone = Counter(clauses)
        gone.subtract(kept)
        network = self.network
        for clause in gone.elements():
            node = self.nodes[clause.head]
            if isinstance(node, CheckedNode):
                node.whole, node.present = True, False
                network.push(node)
            elif self._may_hold(clause):
                _, lost = self._pendings(clause)
                network.compile_full(clause)((), -1, lost)
                network.push(self._sink(clause))
        for clause in gone.elements():
            self._detach(clause)

    def _take_back_facts(self, program: Program) -> None:
        """Facts that were committed to a relation that is gone, or is derived from now on, go."""
        for name in list(self.network.entry):
            if name not in program.relations or program.relations[name].derived:
                given = self.network.given(name)
                if given:
                    self.taken[name] = given
                    self.network.retract_and_insert({name: given}, {})
                del self.network.entry[name]
                self.network.forget_given(name)

    def _detach(self, clause: Clause) -> None:
        for node, consumers, consumer in self.attached[clause].pop():
            consumers.remove(consumer)
            if isinstance(node, RelationNode):
                node.rewire()
            elif isinstance(node, RecursiveNode):
                readers = {c.clause for member in node.members for c in member.outside}
                node.entangled = any(self._reads_twice(reader, node) for reader in readers)

    def _reads_twice(self, clause: Clause, node: RecursiveNode) -> bool:
        """Whether a clause reads a recursive component in two places."""
        read = map(codegen.relation_of, clause.goals)
        return sum(1 for name in read if name and self.nodes.get(name) is node) > 1

    def _may_hold(self, clause: Clause) -> bool:
        return all(self.network.relation(g.relation).rows for g in clause.goals if isinstance(g, Match))

    # --- the nodes

    def _rebuild(self, plan: _Plan, reshaped: set[str]) -> None:
        network = self.network
        for name in reshaped:
            self.nodes.pop(name)
            self.members.pop(name, None)
        network.nodes.clear()
        for rank, component in enumerate(plan.components):
            node = self.nodes.get(component.names[0]) or self._made(component, plan)
            if isinstance(node, RelationNode):
                node.rewire()
            node.rank = rank
            network.nodes.append(node)
            self.nodes.update(dict.fromkeys(component.names, node))
        for source, names in plan.folds_of.items():
            bindings = self.nodes[source]
            assert isinstance(bindings, BindingsNode)
            bindings.folds = [node for node in map(self.nodes.get, names) if isinstance(node, FoldNode)]
        self.shapes = plan.shapes
        for name, info in plan.program.relations.items():
            base = self.nodes[name]
            if not info.derived and isinstance(base, RelationNode):
                network.entry[name] = base
                if plan.stated(name):
                    network.state_given(name)

    def _made(self, component: strata.Component, plan: _Plan) -> Node:
        name, network = component.names[0], self.network
        if component.recursive:
            self.members.update({n: Member(network.relation(n)) for n in component.names})
            return RecursiveNode([self.members[n] for n in component.names])
        if name in plan.folds:
            state = network.folds[name] = FoldState(plan.folds[name])
            return FoldNode(name, state)
        if name in plan.folds_of:
            return BindingsNode(network.relation(name) if plan.kept(name) else None)
        if name in plan.views.checked:
            return CheckedNode(network.relation(name), plan.views.checked[name], network)
        return RelationNode(Relation(name) if name in plan.views.definitions else network.relation(name))

    # --- in with the new

    def _put_in(self, clauses: Iterable[Clause], kept: Counter[Clause]) -> None:
        new = Counter(clauses)
        new.subtract(kept)
        network = self.network
        for clause in new.elements():
            self._attach(clause)
            node = self.nodes[clause.head]
            if isinstance(node, CheckedNode):
                node.whole = True
                network.push(node)
            elif self._may_hold(clause):
                gained, _ = self._pendings(clause)
                network.compile_full(clause)((), 1, gained)
                network.push(self._sink(clause))

    def _attach(self, clause: Clause) -> None:
        target = self.nodes[clause.head]
        if isinstance(target, CheckedNode):
            marks = [self._mark(mark, out, target) for mark, out in target.marks(clause)]
            self.attached[clause].append(marks)
            return
        sink = self._sink(clause)
        read = [codegen.relation_of(goal) for goal in clause.goals]
        gained, lost = self._pendings(clause)
        attachments: list[Attachment] = []
        for position, goal in enumerate(clause.goals):
            name = read[position]
            if not name:
                continue
            node = self.nodes[name]
            sign = -1 if isinstance(goal, Absent) else 1
            consumer = Consumer(clause, position, sign, read.count(name) == 1, sink, gained, lost)
            consumer.delta = self._compiled_when_used(consumer)
            consumers = self._readers(name, consumer.alone, inside=node is target)
            consumers.append(consumer)
            if isinstance(node, RelationNode):
                node.rewire()
            attachments.append((node, consumers, consumer))
            if isinstance(node, RecursiveNode) and node is not target:
                node.entangled = node.entangled or self._reads_twice(clause, node)
        self.attached[clause].append(attachments)

    def _mark(self, mark: Clause, out: Pending, target: CheckedNode) -> Attachment:
        """Let the facts that a checked relation reads mark the part of it that they may change."""
        name = codegen.relation_of(mark.goals[0])
        consumer = Consumer(mark, 0, 1, True, target, out, out)
        consumer.delta = self._compiled_when_used(consumer)
        node, consumers = self.nodes[name], self._readers(name, True, inside=False)
        consumers.append(consumer)
        if isinstance(node, RelationNode):
            node.rewire()
        return node, consumers, consumer

    def _compiled_when_used(self, consumer: Consumer) -> codegen.Delta:
        """Most rules of a large program are never fed; those that are get compiled by their first changed fact."""

        def first(changed: Iterable[Fact], sign: int, out: Pending) -> None:
            consumer.delta = self.network.compile_delta(consumer.clause, consumer.position)
            consumer.delta(changed, sign, out)

        return first

    def _pendings(self, clause: Clause) -> tuple[Pending, Pending]:
        """Where the clause's derivations go: gained and lost."""
        target = self.nodes[clause.head]
        if isinstance(target, RecursiveNode):
            member = self.members[clause.head]
            read = (codegen.relation_of(goal) for goal in clause.goals)
            inside = any(self.nodes[name] is target for name in read if name)
            return (member.gained, member.lost) if inside else (member.firm_gained, member.firm_lost)
        sink = self._sink(clause)
        assert isinstance(sink, RelationNode | BindingsNode | FoldNode)
        return sink.pending, sink.pending

    def _sink(self, clause: Clause) -> Node:
        """The node whose pending counts the clause adds to: bindings that one aggregate needs go straight to it."""
        target = self.nodes[clause.head]
        if isinstance(target, BindingsNode) and target.relation is None and len(target.folds) == 1:
            return target.folds[0]
        return target

    def _readers(self, name: str, alone: bool, *, inside: bool) -> list[Consumer]:
        node = self.nodes[name]
        if isinstance(node, RelationNode):
            return node.together if alone else node.singly
        if isinstance(node, FoldNode):
            return node.consumers
        member = self.members[name]
        return member.inside if inside else member.outside


class _Plan:
    """What a program's network consists of."""

    def __init__(self, program: Program, normalizer: normal.Normalizer, *, keep_all: bool) -> None:
        self.program = program
        found = views.find(program, normalizer.clauses, normalizer.folds.values())
        self.views = views.Views() if keep_all else found
        replaced = self.views.checked.keys() | self.views.definitions.keys()
        self.clauses = [c for c in normalizer.clauses if c.head not in replaced]
        self.clauses += [c for clauses in self.views.checked.values() for c in clauses]
        self.folds = normalizer.folds
        self._rules = Counter(clause.head for clause in self.clauses)
        self.folds_of: dict[str, list[str]] = defaultdict(list)
        for fold in normalizer.folds.values():
            self.folds_of[fold.source].append(fold.name)
        graph = strata.graph(self.clauses, normalizer.folds.values())
        graph.add_nodes_from(program.relations)
        graph.add_node(normal.ASKED)
        self.components = strata.components(graph)
        self.shapes = {name: self._shape(component) for component in self.components for name in component.names}

    def kept(self, name: str) -> bool:
        """Whether bindings are stored: where two alternatives may derive the same one."""
        return self._rules[name] > 1

    def stated(self, name: str) -> bool:
        """Whether the text states facts of the relation."""
        return self._rules[name] > 0

    def _shape(self, component: strata.Component) -> Shape:
        name = component.names[0]
        if component.recursive:
            return ("recursive", *component.names)
        if name in self.folds:
            return ("fold",)
        if name in self.folds_of:
            return ("bindings", self.kept(name), *self.folds_of[name])
        if name in self.views.checked:
            return ("checked", *self.views.checked[name])
        if name in self.views.definitions:
            return ("view",)
        return ("relation",)


def _common(old: Iterable[Clause], new: Iterable[Clause], reshaped: set[str]) -> Counter[Clause]:
    """The clauses that stay, with how often they stand in both programs."""
    both = Counter(old) & Counter(new)
    return Counter({clause: n for clause, n in both.items() if clause.head not in reshaped})


def _composed(first: Changed, second: Changed) -> Changed:
    """Two changes one after the other as one: what came and went again is left out."""
    composed: Changed = {}
    for name in dict.fromkeys((*first, *second)):
        came, went = first.get(name, ([], []))
        came_then, went_then = second.get(name, ([], []))
        lost, gained = dict.fromkeys(went_then), dict.fromkeys(came_then)
        had, gone = dict.fromkeys(came), dict.fromkeys(went)
        inserted = [f for f in had if f not in lost] + [f for f in gained if f not in gone]
        retracted = [f for f in gone if f not in gained] + [f for f in lost if f not in had]
        if inserted or retracted:
            composed[name] = (inserted, retracted)
    return composed
