"""The plan of a program, for people: in which order each rule's literals are evaluated, and by which indexes.

A rule has one plan for each literal whose relation may change (the changed facts come first, the rest is joined to
them), and one from nothing, for the time when it is loaded. The orders are `plan.order`'s, the ones that are compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rulekube.engine import codegen, plan, views
from rulekube.engine.analysis import Program
from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Fold, Goal, Lookup, Match, names
from rulekube.engine.notation import Notation
from rulekube.engine.syntax import Place, Variable


@dataclass(frozen=True)
class Step:
    """A literal in its turn. `access`: how it is evaluated; `index`: the relation and columns of the index it asks."""

    literal: str
    access: str
    index: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Order:
    """One plan of a rule. `changed`: the literal whose changed facts it starts from; empty: from nothing."""

    changed: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class RulePlan:
    """The plans of one conjunction; a rule with alternatives has several.

    `kept`: "view" where the relation is not kept but written into the rule that reads it, "checked" where parts that
    may have changed are derived anew (see `views`); the plans are then those of the rule as it is written.
    """

    head: str
    relation: str
    place: Place
    orders: tuple[Order, ...]
    kept: str = ""


@dataclass(frozen=True)
class Planned:
    """The plans of rules, in the order of the text, and the indexes that they ask for."""

    rules: tuple[RulePlan, ...]
    indexes: Mapping[str, tuple[tuple[str, ...], ...]]


def planned(
    program: Program, clauses: Sequence[Clause], folds: Mapping[str, Fold], chosen: Sequence[Clause]
) -> Planned:
    """The plans of the chosen clauses."""
    writer = _Writer(program, Notation(clauses, folds), views.find(program, clauses, folds.values()))
    rules = tuple(writer.rule(clause) for clause in chosen if clause.goals)
    indexes: dict[str, dict[tuple[str, ...], None]] = {}
    for step in (s for rule in rules for order in rule.orders for s in order.steps):
        if step.index is not None:
            relation, columns = step.index
            indexes.setdefault(relation, {})[columns] = None
    return Planned(rules, {name: tuple(sorted(indexes[name])) for name in sorted(indexes)})


def behind(clauses: Sequence[Clause], chosen: Iterable[Clause], folds: Mapping[str, Fold]) -> list[Clause]:
    """The chosen clauses and, before each, those of the helper relations it reads."""
    found: dict[int, Clause] = {}

    def take(clause: Clause) -> None:
        for goal in clause.goals:
            name = codegen.relation_of(goal)
            for helper in clauses if name.startswith("$") else ():
                if helper.head == (folds[name].source if name in folds else name) and id(helper) not in found:
                    take(helper)
        found[id(clause)] = clause

    for clause in chosen:
        take(clause)
    return list(found.values())


class _Writer:
    def __init__(self, program: Program, notation: Notation, unkept: views.Views) -> None:
        self.program = program
        self.notation = notation
        self.unkept = unkept

    def rule(self, clause: Clause) -> RulePlan:
        changing = [i for i, goal in enumerate(clause.goals) if codegen.relation_of(goal)]
        orders = [self.order(clause, None), *(self.order(clause, i) for i in changing)]
        kept = "view" if clause.head in self.unkept.definitions else ""
        kept = "checked" if clause.head in self.unkept.checked else kept
        return RulePlan(self.notation.head(clause), clause.head, clause.place, tuple(orders), kept)

    def order(self, clause: Clause, start: int | None) -> Order:
        known = set() if start is None else names(clause.goals[start])
        steps = []
        for step in plan.order(clause.goals, start):
            steps.append(self.step(step, known))
            known |= plan.binds(step.goal)
        return Order("" if start is None else self.notation.goal(clause.goals[start]), tuple(steps))

    def step(self, step: plan.Step, known: set[str]) -> Step:
        goal = step.goal
        literal = self.notation.goal(goal)
        if isinstance(goal, Match):
            return self.match(goal, literal, known)
        if isinstance(goal, Lookup):
            return Step(literal, "the group's value")
        return Step(literal, self.access(goal, step))

    def access(self, goal: Goal, step: plan.Step) -> str:
        if isinstance(goal, Absent):
            return "absent, by hash"
        if isinstance(goal, Enumerate):
            return "test" if goal.negated else "enumerate"
        if isinstance(goal, Compare) and step.binds:
            return "bind"
        return "test"

    def match(self, goal: Match, literal: str, known: set[str]) -> Step:
        bound = [i for i, term in enumerate(goal.terms) if not isinstance(term, Variable) or term.name in known]
        if len(bound) == len(goal.terms):
            return Step(literal, "present, by hash")
        if not bound:
            return Step(literal, "all facts")
        columns = self.columns(goal, bound)
        return Step(literal, f"index ({', '.join(columns)})", (self.notation.relation(goal.relation), columns))

    def columns(self, goal: Match, bound: Sequence[int]) -> tuple[str, ...]:
        info = self.program.relations.get(goal.relation)
        return tuple(info.columns[i] if info is not None else str(i + 1) for i in bound)
