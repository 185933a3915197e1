"""The network that keeps every derived relation up to date.

A node is a base relation, a derived relation, an aggregate or a component of mutually recursive relations. A commit
feeds signed counts into base nodes; nodes are settled once each, in topological order. Settling a node adds its pending
counts, finds which facts appeared or vanished, and runs the compiled rules that read it: these add to the pending
counts of nodes further down. While a node's changes run through the rules, all nodes before it show the new state and
all nodes after it the old one, so each derivation that came or went is counted exactly once.

Everything a settled node did is in the log; `undo` plays it backwards, after a failure or for a hypothetical commit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from rulekube.engine.aggregates import FoldState
from rulekube.engine.codegen import Delta
from rulekube.engine.core import Clause
from rulekube.engine.errors import EvaluationError
from rulekube.engine.relation import Relation
from rulekube.engine.values import Fact

Pending = dict[Fact, int]
Undo = tuple[Any, ...]
"""A function and its arguments."""


class Consumer:
    """A goal of a rule that reads a node. `sign` is -1 where it reads it negated; `alone` where the rule reads it once.

    What it derives goes to the pending counts `gained` (or, for derivations that went, `lost`) of `target`.
    """

    __slots__ = ("alone", "clause", "delta", "gained", "lost", "position", "sign", "target")

    def __init__(
        self, clause: Clause, position: int, sign: int, alone: bool, target: Node, gained: Pending, lost: Pending
    ) -> None:
        self.clause = clause
        self.position = position
        self.sign = sign
        self.alone = alone
        self.target = target
        self.gained = gained
        self.lost = lost
        self.delta: Delta


class Node:
    """One step of the network. `rank` is its place in the topological order."""

    rank = 0
    queued = False

    def settle(self, network: Network) -> None:
        """Take in what is pending and pass on what it changes."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what is pending: the commit failed."""
        raise NotImplementedError


class RelationNode(Node):
    """A base relation, or a derived one that is not recursive: its derivations are counted."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.pending: Pending = {}
        self.together: list[Consumer] = []
        self.singly: list[Consumer] = []
        self.rewire()

    def rewire(self) -> None:
        """The rules that read this relation have changed: compile them together when next fed."""
        self._feed: Callable[[Sequence[Fact], int], None] | None = None
        self._targets: list[tuple[Pending, Node]] = []

    def _pass_on(self, network: Network, retracted: list[Fact], inserted: list[Fact]) -> None:
        """Run what changed through the rules that read this relation once."""
        network.touch(len(retracted) + len(inserted))
        feed = self._feed
        if feed is None:
            if not self.together:
                return
            feed = self._feed = network.compile_feed(self.together, self.relation.name)
            outs = {id(out): (out, c.target) for c in self.together for out in (c.gained, c.lost)}
            self._targets = list(outs.values())
        if retracted:
            feed(retracted, -1)
        if inserted:
            feed(inserted, 1)
        for out, target in self._targets:
            if out and not target.queued:
                target.queued = True
                heappush(network.queue, target.rank)

    def forget(self) -> None:
        """Drop what is pending."""
        self.pending.clear()

    def settle(self, network: Network) -> None:
        """Take in what is pending and pass on what it changes."""
        relation, pending = self.relation, self.pending
        if not pending:
            return
        if self.singly:
            self._settle_singly(network)
            return
        change = pending.copy()
        pending.clear()
        inserted, retracted = relation.consolidate(change)
        network.log.append((_revert, relation, change))
        if inserted or retracted:
            network.changed[relation.name] = (inserted, retracted)
            self._pass_on(network, retracted, inserted)

    def _settle_singly(self, network: Network) -> None:
        """Rules that read the relation twice see it change one fact at a time."""
        relation, rows = self.relation, self.relation.rows
        change = {fact: count for fact, count in self.pending.items() if count}
        self.pending.clear()
        inserted, retracted = [], []
        done: Pending = {}
        network.log.append((_revert, relation, done))
        for fact, count in change.items():
            before = rows.get(fact, 0)
            if before and before + count:
                rows[fact] = before + count
                done[fact] = count
            elif before:
                network.feed(self.singly, (fact,), -1)
                done[fact] = count
                del rows[fact]
                relation.leave((fact,))
                retracted.append(fact)
            else:
                done[fact] = count
                rows[fact] = count
                relation.enter((fact,))
                inserted.append(fact)
                network.feed(self.singly, (fact,), 1)
        network.note(relation.name, inserted, retracted)
        self._pass_on(network, retracted, inserted)


def _revert(relation: Relation, change: Pending) -> None:
    relation.consolidate({fact: -count for fact, count in change.items()})


def _revert_fold(state: FoldState, change: Pending) -> None:
    state.apply([(fact, -count) for fact, count in change.items()])


class FoldNode(Node):
    """An aggregate."""

    def __init__(self, name: str, state: FoldState) -> None:
        self.name = name
        self.state = state
        self.pending: Pending = {}
        self.consumers: list[Consumer] = []

    def forget(self) -> None:
        """Drop what is pending."""
        self.pending.clear()

    def settle(self, network: Network) -> None:
        """Take in what is pending and pass on what it changes."""
        change = {fact: count for fact, count in self.pending.items() if count}
        self.pending.clear()
        if not change:
            return
        inserted, retracted = self.state.apply(change.items())
        network.log.append((_revert_fold, self.state, change))
        if retracted:
            network.feed(self.consumers, retracted, -1)
        if inserted:
            network.feed(self.consumers, inserted, 1)


class BindingsNode(Node):
    """The distinct bindings of aggregates' bodies, on their way to the aggregates.

    They are not kept (`relation` is None) where the body has one alternative, for then each has one derivation.
    """

    def __init__(self, relation: Relation | None) -> None:
        self.relation = relation
        self.pending: Pending = {}
        self.folds: list[FoldNode] = []

    def forget(self) -> None:
        """Drop what is pending."""
        self.pending.clear()

    def settle(self, network: Network) -> None:
        """Take in what is pending and pass on what it changes."""
        relation = self.relation
        change = self.pending.copy()
        self.pending.clear()
        if relation is not None:
            inserted, retracted = relation.consolidate(change)
            network.log.append((_revert, relation, change))
            change = dict.fromkeys(retracted, -1)
            change.update(dict.fromkeys(inserted, 1))
        network.touch(len(change))
        for fold in self.folds:
            fold.pending.update(change)
            network.push(fold)


def in_rule(clause: Clause | None) -> str:
    """The rule of a clause as the end of a message; nothing for a clause without one."""
    rule = clause.rule if clause is not None else None
    return "" if rule is None else f", in {rule.place}: {rule.text or rule.head.relation}"


class Network:
    """The nodes in order, and the commit that runs through them."""

    def __init__(self) -> None:
        self.log: list[Undo] = []
        self.changed: dict[str, tuple[list[Fact], list[Fact]]] = {}
        self.nodes: list[Node] = []
        self.touched = 0
        """Facts that were handed to compiled rules so far; a measure of the work done."""
        self.overdue: Callable[[], bool] | None = None
        """Asked between the steps of a commit; the commit fails once it answers yes."""
        self.running: Clause | None = None
        """The rule that ran last in the recursive component that is being settled."""
        self.settling: Node | None = None
        self.allowed: float = math.inf
        """How far `touched` may go; past it the commit fails."""
        self.version = 0
        """Grows whenever facts may have changed."""
        self.queue: list[int] = []
        """The ranks of the nodes that are to be settled, a heap."""

    def compile_feed(self, consumers: list[Consumer], name: str) -> Callable[[Sequence[Fact], int], None]:
        """One function that runs changed facts through all these rules."""
        raise NotImplementedError

    def note(self, relation: str, inserted: list[Fact], retracted: list[Fact]) -> None:
        """Remember what changed, for the commit's answer."""
        if inserted or retracted:
            self.changed[relation] = (inserted, retracted)

    def push(self, node: Node) -> None:
        """Ask for a node to be settled."""
        if not node.queued:
            node.queued = True
            heappush(self.queue, node.rank)

    def touch(self, facts: int) -> None:
        """Count work; a commit that does more than it is allowed fails."""
        self.touched += facts
        if self.touched > self.allowed:
            raise EvaluationError(f"the commit was undone: it derives too many facts{self.at_rule()}")
        if self.overdue is not None and self.overdue():
            raise EvaluationError(f"the commit was undone: its time is up{self.at_rule()}")

    def at_rule(self) -> str:
        """The rule that derived what is being settled, for messages."""
        return in_rule(self.running)

    def feed(self, consumers: list[Consumer], facts: Sequence[Fact], sign: int) -> None:
        """Run facts that appeared (+1) or vanished (-1) through the rules that read them."""
        self.touch(len(facts))
        for consumer in consumers:
            effect = sign * consumer.sign
            out = consumer.gained if effect > 0 else consumer.lost
            consumer.delta(facts, effect, out)
            target = consumer.target
            if out and not target.queued:
                target.queued = True
                heappush(self.queue, target.rank)

    def settle(self) -> dict[str, tuple[list[Fact], list[Fact]]]:
        """Settle all queued nodes; returns (inserted, retracted) by relation. On failure all is undone."""
        self.changed = {}
        self.version += 1
        try:
            queue, nodes = self.queue, self.nodes
            while queue:
                node = nodes[heappop(queue)]
                node.queued = False
                self.settling = node
                node.settle(self)
        except BaseException:
            self.abandon()
            raise
        return self.changed

    def abandon(self) -> None:
        """Undo what was settled and drop what is pending."""
        self.queue.clear()
        for node in self.nodes:
            node.queued = False
            node.forget()
        self.undo()

    def undo(self) -> None:
        """Play the log of the last commit backwards."""
        self.version += 1
        for function, *arguments in reversed(self.log):
            function(*arguments)
        self.log.clear()
