"""The core form as text: goals and helper relations as people would write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Fold, Goal, Lookup, Match
from rulekube.engine.syntax import ArrayTerm, Call, Constant, Expression, ObjectTerm, RefLiteral, Variable
from rulekube.engine.values import show

_INFIX = {"+", "-", "*", "/", "%"}


def expression(node: Expression) -> str:
    """An expression."""
    if isinstance(node, Variable):
        return "_" if node.wildcard else node.name.lstrip("$")
    if isinstance(node, Constant):
        return show(node.value)
    if isinstance(node, RefLiteral):
        return node.path
    if isinstance(node, Call):
        arguments = [expression(a) for a in node.arguments]
        if node.function in _INFIX and len(arguments) == 2:
            return f"({arguments[0]} {node.function} {arguments[1]})"
        return f"{node.function}({', '.join(arguments)})"
    if isinstance(node, ArrayTerm):
        return f"[{', '.join(map(expression, node.items))}]"
    assert isinstance(node, ObjectTerm)
    return "{" + ", ".join(f"{expression(k)}: {expression(v)}" for k, v in node.entries) + "}"


def atom(relation: str, terms: Sequence[Expression]) -> str:
    """An atom."""
    return f"{relation}({', '.join(map(expression, terms))})"


class Notation:
    """Writes a program's goals; helper relations (`$…`) are written as what they stand for."""

    def __init__(self, clauses: Sequence[Clause], folds: Mapping[str, Fold]) -> None:
        self._clauses = clauses
        self._folds = folds

    @cached_property
    def _bodies(self) -> dict[str, Clause]:
        return {clause.head: clause for clause in reversed(self._clauses) if clause.head[0] == "$"}

    def relation(self, name: str) -> str:
        """A short name of a relation or aggregate, for people."""
        if name in self._folds:
            return f"{self._folds[name].kind} {{ {self._contents(self._folds[name].source)} }}"
        return f"{{ {self._contents(name)} }}" if name in self._bodies else name

    def _contents(self, name: str) -> str:
        clause = self._bodies.get(name)
        return ", ".join(self.goal(g) for g in clause.goals) if clause else name

    def head(self, clause: Clause) -> str:
        """What a clause derives."""
        return self.relation(clause.head) if clause.head[0] == "$" else atom(clause.head, clause.terms)

    def goal(self, goal: Goal) -> str:
        """One goal."""
        if isinstance(goal, Match):
            return atom(goal.relation, goal.terms)
        if isinstance(goal, Absent):
            return f"not {self._absent(goal)}"
        if isinstance(goal, Lookup):
            return f"{expression(goal.target)} = {self.relation(goal.fold)}"
        if isinstance(goal, Compare):
            return f"{expression(goal.left)} {goal.operator} {expression(goal.right)}"
        if isinstance(goal, Enumerate):
            return ("not " if goal.negated else "") + atom(goal.builtin, (*goal.inputs, *goal.outputs))
        return ("not " if goal.negated else "") + expression(goal.call)

    def _absent(self, goal: Absent) -> str:
        clause = self._bodies.get(goal.relation)
        first = clause.goals[0] if clause is not None and len(clause.goals) == 1 else None
        if clause is None or not isinstance(first, Match):
            return atom(goal.relation, goal.terms)
        given = {t.name: g for t, g in zip(clause.terms, goal.terms, strict=True) if isinstance(t, Variable)}
        return atom(first.relation, [given.get(t.name, t) if isinstance(t, Variable) else t for t in first.terms])
