"""Mutually recursive relations: delete and re-derive, with derivation counts.

A fact that loses a derivation is deleted, with everything that follows from it, unless it has a *firm* derivation: one
by a rule that reads nothing of the component, which cannot be circular. Every derivation that goes is counted, so a
deleted fact whose count is still positive follows from facts that were not deleted: it comes back, with what follows
from it. Nothing else of the component is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

from rulekube.engine.incremental import Consumer, Network, Node, Pending
from rulekube.engine.relation import Relation
from rulekube.engine.values import Fact


class Member:
    """One relation of the component. Its `rows` hold what is present; `counts` and `firm` the derivations."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.counts: dict[Fact, int] = {}
        self.firm: dict[Fact, int] = {}
        self.gained: Pending = {}
        self.lost: Pending = {}
        self.firm_gained: Pending = {}
        self.firm_lost: Pending = {}
        self.inside: list[Consumer] = []
        self.outside: list[Consumer] = []
        self.deleted: dict[Fact, None] = {}
        self.added: dict[Fact, None] = {}

    def pendings(self) -> tuple[Pending, ...]:
        """All pending counts."""
        return self.gained, self.lost, self.firm_gained, self.firm_lost


class RecursiveNode(Node):
    """The component; settled as one."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.entangled = False
        """Whether a rule outside reads the component in two places."""

    def forget(self) -> None:
        """Drop what is pending."""
        for member in self.members:
            for pending in member.pendings():
                pending.clear()
            member.deleted.clear()
            member.added.clear()

    def settle(self, network: Network) -> None:
        """Delete what lost support, bring back what has other support, insert what is new; tell the rules outside."""
        doomed: dict[int, dict[Fact, None]] = {}
        born: dict[int, dict[Fact, None]] = {}
        for i, member in enumerate(self.members):
            doomed[i], born[i] = self._take(member, network)
        while any(doomed.values()):
            for i, member in enumerate(self.members):
                self._delete(member, doomed.pop(i), network)
                doomed[i] = {}
            self._gather_lost(doomed, network)
        for i, member in enumerate(self.members):
            born[i].update(dict.fromkeys(f for f in member.deleted if member.counts.get(f, 0) > 0))
        while any(born.values()):
            for i, member in enumerate(self.members):
                self._insert(member, born.pop(i), network)
                born[i] = {}
            self._gather_born(born, network)
        self._publish(network)

    def _take(self, member: Member, network: Network) -> tuple[dict[Fact, None], dict[Fact, None]]:
        """Add what came from outside the component; returns the facts to delete and the facts to insert."""
        lost = dict.fromkeys((*member.firm_lost, *member.lost))
        gained = dict.fromkeys((*member.firm_gained, *member.gained))
        for counts, pendings in (
            (member.firm, (member.firm_lost, member.firm_gained)),
            (member.counts, member.pendings()),
        ):
            for pending in pendings:
                self._count(counts, pending, network)
        for pending in member.pendings():
            pending.clear()
        rows, firm = member.relation.rows, member.firm
        doomed = {f: None for f in lost if f in rows and firm.get(f, 0) <= 0}
        born = {f: None for f in gained if f not in rows and member.counts.get(f, 0) > 0}
        return doomed, born

    @staticmethod
    def _count(counts: dict[Fact, int], pending: Pending, network: Network) -> None:
        if not pending:
            return
        change = pending.copy()
        _add(counts, change, 1)
        network.log.append((_add, counts, change, -1))

    def _delete(self, member: Member, facts: dict[Fact, None], network: Network) -> None:
        rows, relation = member.relation.rows, member.relation
        present = [f for f in facts if f in rows]
        if not present:
            return
        singly = [c for c in member.inside if not c.alone]
        gone: list[Fact] = []
        network.log.append((_put_back, relation, gone))
        together = [c for c in member.inside if c.alone]
        _feed(network, together, present, -1)
        for fact in present:
            if singly:
                _feed(network, singly, (fact,), -1)
            gone.append(fact)
            del rows[fact]
            relation.leave((fact,))
            member.deleted[fact] = None

    def _insert(self, member: Member, facts: dict[Fact, None], network: Network) -> None:
        rows, relation = member.relation.rows, member.relation
        absent = [f for f in facts if f not in rows and member.counts.get(f, 0) > 0]
        if not absent:
            return
        singly = [c for c in member.inside if not c.alone]
        came: list[Fact] = []
        network.log.append((_take_away, relation, came))
        for fact in absent:
            came.append(fact)
            rows[fact] = 1
            relation.enter((fact,))
            if fact in member.deleted:
                del member.deleted[fact]
            else:
                member.added[fact] = None
            if singly:
                _feed(network, singly, (fact,), 1)
        _feed(network, [c for c in member.inside if c.alone], absent, 1)

    def _gather_lost(self, doomed: dict[int, dict[Fact, None]], network: Network) -> None:
        for i, member in enumerate(self.members):
            lost = member.lost
            self._count(member.counts, lost, network)
            doomed[i] = {f: None for f in lost if f in member.relation.rows and member.firm.get(f, 0) <= 0}
            lost.clear()

    def _gather_born(self, born: dict[int, dict[Fact, None]], network: Network) -> None:
        for i, member in enumerate(self.members):
            gained = member.gained
            self._count(member.counts, gained, network)
            born[i] = {f: None for f in gained if f not in member.relation.rows}
            gained.clear()

    def _publish(self, network: Network) -> None:
        """Tell the nodes after the component what changed in the end.

        Where a rule outside reads the component in two places, the members go back to their old state first and come
        forward one at a time, so that the rule sees one change after the other.
        """
        changes = [(m, list(m.added), list(m.deleted)) for m in self.members]
        for member, inserted, retracted in changes:
            member.added.clear()
            member.deleted.clear()
            network.note(member.relation.name, inserted, retracted)
            if self.entangled:
                _take_away(member.relation, inserted)
                _put_back(member.relation, retracted)
                network.log.append((_swap, member.relation, inserted, retracted))
        for member, inserted, retracted in changes:
            if self.entangled:
                _forward(network, member, inserted, retracted)
                network.log.append((_swap, member.relation, retracted, inserted))
            together = [c for c in member.outside if c.alone]
            if retracted:
                network.feed(together, retracted, -1)
            if inserted:
                network.feed(together, inserted, 1)


def _forward(network: Network, member: Member, inserted: list[Fact], retracted: list[Fact]) -> None:
    """Bring one relation from its old state to its new one, fact by fact where a rule reads it twice."""
    relation = member.relation
    singly = [c for c in member.outside if not c.alone]
    for fact in retracted:
        network.feed(singly, (fact,), -1)
        _take_away(relation, (fact,))
    for fact in inserted:
        _put_back(relation, (fact,))
        network.feed(singly, (fact,), 1)


def _feed(network: Network, consumers: list[Consumer], facts: list[Fact] | tuple[Fact, ...], sign: int) -> None:
    network.touch(len(facts))
    for consumer in consumers:
        effect = sign * consumer.sign
        network.running = consumer.clause
        consumer.delta(facts, effect, consumer.gained if effect > 0 else consumer.lost)


def _add(counts: dict[Fact, int], change: Pending, sign: int) -> None:
    for fact, count in change.items():
        total = counts.get(fact, 0) + sign * count
        if total:
            counts[fact] = total
        else:
            counts.pop(fact, None)


def _put_back(relation: Relation, facts: Iterable[Fact]) -> None:
    absent = [fact for fact in facts if fact not in relation.rows]
    relation.rows.update(dict.fromkeys(absent, 1))
    relation.enter(absent)


def _take_away(relation: Relation, facts: Iterable[Fact]) -> None:
    present = [fact for fact in facts if fact in relation.rows]
    for fact in present:
        del relation.rows[fact]
    relation.leave(present)


def _swap(relation: Relation, absent: list[Fact], present: list[Fact]) -> None:
    """Undo a step of `_publish`: put back the one, take away the other."""
    _put_back(relation, absent)
    _take_away(relation, present)
