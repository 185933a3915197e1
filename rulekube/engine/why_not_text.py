"""Literals as an explanation prints them: with the values that are bound, and names for the rest.

A comparison shows both: what is written, and the values on its two sides (`Units > Left: 1500 > 400`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rulekube.engine.core import Absent, Compare, Enumerate, Goal, Lookup, Match, Test
from rulekube.engine.syntax import ArrayTerm, Call, Constant, Expression, ObjectTerm, RefLiteral, Variable
from rulekube.engine.values import NO_VALUE, Json, Ref, show
from rulekube.engine.why_not_state import Binding, State

LONGEST = 120
"""Characters of one value that are shown."""


def shown(value: Any) -> str:
    """A value as in a rule file; a long one is cut."""
    text = "_" if value is NO_VALUE else show(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"


def brief(value: Any) -> str:
    """A value as a label: an object by the last part of its path, a symbol bare."""
    if isinstance(value, Ref):
        return value.path.rsplit("/", 1)[-1]
    return value if isinstance(value, str) and value else shown(value)


def fact_text(relation: str, values: Sequence[Any]) -> str:
    """A fact or pattern as an atom."""
    return f"{relation}({', '.join(map(shown, values))})"


def expression(node: Expression, binding: Binding) -> str:
    """An expression with the bound variables' values in their places."""
    if isinstance(node, Variable):
        if node.name in binding:
            return shown(binding[node.name])
        return "_" if node.name[0] in "_$" else node.name
    if isinstance(node, Constant):
        return shown(node.value)
    if isinstance(node, RefLiteral):
        return node.path
    if isinstance(node, Call):
        parts = [expression(a, binding) for a in node.arguments]
        if node.function in ("+", "-", "*", "/", "%"):
            return f"({parts[0]} {node.function} {parts[1]})"
        return f"{node.function}({', '.join(parts)})"
    if isinstance(node, ArrayTerm):
        return f"[{', '.join(expression(i, binding) for i in node.items)}]"
    assert isinstance(node, ObjectTerm)
    entries = (f"{expression(k, binding)}: {expression(v, binding)}" for k, v in node.entries)
    return "{" + ", ".join(entries) + "}"


def atom(state: State, goal: Match | Absent) -> tuple[str, tuple[Any, ...]]:
    """The relation and terms that were written: a relation made for `not r(X, _)` stands for that atom."""
    if not goal.relation.startswith("$has"):
        return goal.relation, goal.terms
    clause = state.clauses(goal.relation)[0]
    inner = clause.goals[0]
    assert isinstance(inner, Match)
    given = {t.name: term for t, term in zip(clause.terms, goal.terms, strict=True) if isinstance(t, Variable)}
    terms = tuple(given.get(t.name, Variable("_")) if isinstance(t, Variable) else t for t in inner.terms)
    return inner.relation, terms


def literal(state: State, goal: Goal, binding: Binding) -> str:
    """A goal with its values; `not` before a negated one."""
    if isinstance(goal, Match | Absent):
        relation, terms = atom(state, goal)
        text = f"{relation}({', '.join(expression(t, binding) for t in terms)})"
        return f"not {text}" if isinstance(goal, Absent) else text
    if isinstance(goal, Enumerate):
        arguments = (*goal.inputs, *goal.outputs)
        text = f"{goal.builtin}({', '.join(expression(a, binding) for a in arguments)})"
        return f"not {text}" if goal.negated else text
    if isinstance(goal, Test):
        text = expression(goal.call, binding)
        return f"not {text}" if goal.negated else text
    if isinstance(goal, Compare):
        return f"{side(state, goal.left, binding)} {goal.operator} {side(state, goal.right, binding)}"
    return aggregate_literal(state, goal, binding)


def aggregate_literal(state: State, goal: Lookup, binding: Binding) -> str:
    """`3 = count : { active("web", _) }`; of a body with alternatives the first."""
    fold = state.fold(goal.fold)
    clause = state.clauses(fold.source)[0]
    group = zip(clause.terms, state.pattern(goal.group, binding), strict=False)
    inner = {term.name: value for term, value in group if isinstance(term, Variable) and value is not NO_VALUE}
    body = ", ".join(literal(state, one, inner) for one in clause.goals)
    return f"{expression(goal.target, binding)} = {fold.kind} : {{ {body} }}"


def side(state: State, node: Expression, binding: Binding) -> str:
    """One side of a comparison: its value, or the expression where it has none."""
    value = state.value(node, binding)
    return expression(node, binding) if value is NO_VALUE else shown(value)


def written(goal: Compare) -> str:
    """A comparison with its variables' names."""
    return f"{expression(goal.left, {})} {goal.operator} {expression(goal.right, {})}"


def compared(state: State, goal: Compare, binding: Binding) -> str:
    """What is written and the values: `Units > Left: 1500 > 400`."""
    text, values = written(goal), literal(state, goal, binding)
    return values if text == values else f"{text}: {values}"


def canonical(value: Any) -> Any:
    """A value in a JSON answer: objects by path."""
    if isinstance(value, Ref):
        return value.path
    if value is NO_VALUE:
        return None
    return value.value if isinstance(value, Json) else value


def aggregate_text(state: State, goal: Lookup, binding: Binding) -> str:
    """`count = 2, wanted 3`, or that it has no value."""
    kind = state.fold(goal.fold).kind
    value = state.fold_value(goal.fold, state.pattern(goal.group, binding))
    if value is NO_VALUE:
        return f"{kind} of nothing has no value"
    wanted = binding.get(goal.target.name, NO_VALUE)
    return f"{kind} = {shown(value)}" + (f", wanted {shown(wanted)}" if wanted is not NO_VALUE else "")
