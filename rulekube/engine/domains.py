"""What the columns of a program's relations can hold at all, whatever objects there are: an abstract evaluation.

A domain is a finite set of constants and kinds of objects, or None for "anything". Domains start empty and grow until
no rule adds to them. A rule is dead where a relation it reads stays empty, a constant is not in a column's domain, or
its comparisons contradict one another: it can never fire. Which relations are fed from outside, the caller says.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rulekube.engine.analysis import Program
from rulekube.engine.core import Absent, Clause, Compare, Fold, Lookup, Match
from rulekube.engine.syntax import Constant, Expression, Variable

Domain = frozenset[tuple[str, Any]] | None
_MOST = 64
_HAVE_A_VALUE = {"count", "sum", "array", "object"}  # folds of nothing
_CLOSED_TYPES = {"symbol", "int", "bool", "ref"}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


@dataclass
class Dead(Exception):  # noqa: N818 - an answer, not an error
    """Why a clause can never fire. `empty`: the relation that stays empty, where that is the cause."""

    reason: str
    place: Any
    empty: str = ""


@dataclass
class Domains:
    """The result: by relation the domain of each column, and by clause the domains of its variables or its death."""

    columns: dict[str, list[Domain]]
    kind_columns: dict[str, int] = field(default_factory=dict)
    """Of relations mapped from objects of any kind, the column that holds the kind."""
    holds: set[str] = field(default_factory=set)
    """The relations that may have a fact."""
    alive: dict[int, dict[str, Domain]] = field(default_factory=dict)
    dead: dict[int, Dead] = field(default_factory=dict)


def infer(program: Program, clauses: Sequence[Clause], folds: Mapping[str, Fold], fed: Container[str]) -> Domains:
    """The domains of all relations; clauses are known by their position."""
    found = Domains({})
    for name, info in program.relations.items():
        outside = info.mapping is not None or name in fed
        columns: list[Domain] = [None if outside else frozenset() for _ in info.columns]
        if info.mapping is not None and info.mapping.kind != "*" and info.types[0] == "ref":
            columns[0] = frozenset({("kind", info.mapping.kind)})
        elif info.mapping is not None and info.types[0] == "ref":
            paths = [column.path or column.name for column in info.mapping.columns]
            if "kind" in paths:
                found.kind_columns[name] = paths.index("kind")
        found.columns[name] = columns
        if outside:
            found.holds.add(name)
    closed = {name: [t in _CLOSED_TYPES for t in info.types] for name, info in program.relations.items()}
    grown = True
    while grown:
        grown = False
        for number, clause in enumerate(clauses):
            found.dead.pop(number, None)
            try:
                found.alive[number] = known = _variables(clause, found, folds)
            except Dead as dead:
                found.dead[number] = dead
                continue
            grown |= _derive(clause, known, found, closed.get(clause.head))
    return found


def _derive(clause: Clause, known: Mapping[str, Domain], found: Domains, closed: Sequence[bool] | None) -> bool:
    grown = clause.head not in found.holds
    found.holds.add(clause.head)
    columns = found.columns.setdefault(clause.head, [frozenset() for _ in clause.terms])
    for i, term in enumerate(clause.terms):
        before = columns[i]
        if before is None:
            continue
        added = of(term, known) if closed is None or closed[i] else None
        columns[i] = after = None if added is None or len(before | added) > _MOST else before | added
        grown |= after != before
    return grown


def of(term: Expression, known: Mapping[str, Domain]) -> Domain:
    """The domain of an expression."""
    if isinstance(term, Variable):
        return known.get(term.name)
    if isinstance(term, Constant) and isinstance(term.value, str | int):
        return frozenset({("value", term.value)})
    return None


def meet(a: Domain, b: Domain) -> Domain:
    """What is in both."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _variables(clause: Clause, found: Domains, folds: Mapping[str, Fold]) -> dict[str, Domain]:
    """The domains of a clause's variables. Raises Dead."""
    known: dict[str, Domain] = {}
    for _ in range(2):  # so that what a later goal says of a variable reaches the earlier ones
        for goal in clause.goals:
            if isinstance(goal, Match):
                _match(goal, known, found)
            elif isinstance(goal, Lookup):
                fold = folds[goal.fold]
                if fold.kind not in _HAVE_A_VALUE and fold.source not in found.holds:
                    raise Dead(f"the aggregate `{fold.kind}` ranges over nothing", goal.place)
            elif isinstance(goal, Compare):
                _compare(goal, known)
    _bounds(clause.goals)
    _opposites(clause.goals)
    return known


def _match(goal: Match, known: dict[str, Domain], found: Domains) -> None:
    if goal.relation not in found.holds:
        raise Dead(f"`{goal.relation}` is always empty", goal.place, goal.relation)
    columns = list(found.columns[goal.relation])
    kind = goal.terms[found.kind_columns[goal.relation]] if goal.relation in found.kind_columns else None
    if isinstance(kind, Constant):
        columns[0] = frozenset({("kind", kind.value)})
    for i, (term, domain) in enumerate(zip(goal.terms, columns, strict=True)):
        if isinstance(term, Variable):
            _narrow(term, meet(known.get(term.name), domain), known, goal.place)
        elif isinstance(term, Constant) and domain is not None:
            one = of(term, known)
            if one is not None and not one & domain:
                raise Dead(f"column {i + 1} of `{goal.relation}` is never {_shown(one)}; {_said(domain)}", goal.place)


def _narrow(variable: Variable, domain: Domain, known: dict[str, Domain], place: Any) -> None:
    if domain is not None and not domain:
        raise Dead(f"nothing can be `{variable.name}` in all the places where it stands", place)
    known[variable.name] = domain


def _compare(goal: Compare, known: dict[str, Domain]) -> None:
    left, right = of(goal.left, known), of(goal.right, known)
    if goal.operator == "=":
        both = meet(left, right)
        if both is not None and not both:
            raise Dead("the two sides are never equal", goal.place)
        for side in (goal.left, goal.right):
            if isinstance(side, Variable):
                _narrow(side, meet(known.get(side.name), both), known, goal.place)
    elif left is not None and right is not None and not any(_fits(goal.operator, a, b) for a in left for b in right):
        raise Dead(f"`{goal.operator}` never holds here", goal.place)


def _fits(operator: str, a: tuple[str, Any], b: tuple[str, Any]) -> bool:
    if a[0] != "value" or b[0] != "value":
        return True
    x, y = a[1], b[1]
    if operator == "!=":
        return bool(x != y)
    if isinstance(x, str) != isinstance(y, str):
        return True
    return bool({"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[operator])


def _bounds(goals: Iterable[object]) -> None:
    """Constants that bound one variable from both sides must leave something between them."""
    limits: dict[tuple[str, type], list[Any]] = {}
    for goal in goals:
        if not isinstance(goal, Compare) or goal.operator == "!=":
            continue
        for variable, operator, bound in (
            (goal.left, goal.operator, goal.right),
            (goal.right, _FLIPPED[goal.operator], goal.left),
        ):
            if not isinstance(variable, Variable) or not isinstance(bound, Constant) or bound.value is None:
                continue
            low, high = limits.setdefault((variable.name, type(bound.value)), [None, None])
            strict = operator in ("<", ">")
            if operator in (">", ">=", "=") and (low is None or (bound.value, strict) > low):
                low = (bound.value, strict)
            if operator in ("<", "<=", "=") and (high is None or (bound.value, not strict) < high):
                high = (bound.value, not strict)
            limits[variable.name, type(bound.value)] = [low, high]
            if low and high and (low[0] > high[0] or (low[0] == high[0] and (low[1] or not high[1]))):
                raise Dead(f"no `{variable.name}` fits all the comparisons", goal.place)


def _opposites(goals: Sequence[object]) -> None:
    present = {(g.relation, g.terms) for g in goals if isinstance(g, Match)}
    for goal in goals:
        if isinstance(goal, Absent) and (goal.relation, goal.terms) in present:
            raise Dead(f"`{goal.relation}` is asked to hold and not to hold", goal.place)


def _shown(domain: frozenset[tuple[str, Any]]) -> str:
    return ", ".join(sorted(f'"{v}"' if isinstance(v, str) else str(v) for _, v in domain))


def _said(domain: frozenset[tuple[str, Any]]) -> str:
    values = frozenset(entry for entry in domain if entry[0] == "value")
    return f"it is one of {_shown(values)}" if 0 < len(values) <= 8 else "no rule or fact puts it there"
