"""The order in which a clause's goals are evaluated.

A plan starts either from a changed fact of one goal or from nothing, and takes at each step the goal that is cheapest
now: tests and assignments as soon as their variables are bound, then lookups, then the atom that is expected to match
the fewest facts (or, where nothing is known of its relation yet, the one with the largest share of bound columns). The
text's order decides between equals, so that plans are stable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rulekube.engine.core import Absent, Compare, Enumerate, Goal, Lookup, Match, Never, Test, names
from rulekube.engine.syntax import Variable


@dataclass(frozen=True)
class Step:
    """One goal in its turn. `binds`: for `=`, the side (`left` or `right`) that is a variable to be bound."""

    goal: Goal
    position: int
    binds: str = ""


class Stuck(Exception):  # noqa: N818 - an answer of the planner that the checker turns into diagnostics
    """No goal of `rest` can be evaluated with the variables bound so far."""

    def __init__(self, rest: Sequence[Goal], bound: set[str]) -> None:
        super().__init__()
        self.rest = tuple(rest)
        self.bound = frozenset(bound)


Expected = Callable[[str, tuple[int, ...]], float]
"""How many facts of a relation are expected to match when these columns are bound; 0 where nothing is known."""


def unknown(_relation: str, _columns: tuple[int, ...]) -> float:
    """Nothing is known of any relation."""
    return 0


def order(
    goals: Sequence[Goal], start: int | None = None, bound: Iterable[str] = (), expected: Expected = unknown
) -> list[Step]:
    """The steps after `start` (whose variables are bound then). Raises Stuck for an unsafe clause."""
    known = set(bound)
    used = [names(goal) for goal in goals]
    if start is not None:
        known |= used[start]
    steps: list[Step] = []
    left = [i for i in range(len(goals)) if i != start]
    while left:
        cost, best = min((_cost(goals[i], used[i], known, expected), i) for i in left)
        if cost >= _NEVER:
            raise Stuck([goals[i] for i in left], known)
        goal = goals[best]
        steps.append(Step(goal, best, "" if used[best] <= known else _binding_side(goal, known)))
        known |= binds(goal)
        left.remove(best)
    return steps


def evaluable(goals: Sequence[Goal]) -> list[Goal]:
    """The goals that can be evaluated without anything from outside, in their own order."""
    try:
        order(goals)
    except Stuck as stuck:
        return [goal for goal in goals if goal not in stuck.rest]
    return list(goals)


def bindable(goals: Sequence[Goal]) -> set[str]:
    """The variables that the goals can bind by themselves."""
    return set().union(*map(binds, evaluable(goals)))


def binds(goal: Goal | Never) -> set[str]:
    """The variables that are bound once the goal was evaluated."""
    if isinstance(goal, Absent) or (isinstance(goal, Enumerate) and goal.negated):
        return names(goal) - {v for v in names(goal) if v[0] == "_"}
    return names(goal)


_NEVER = 1e18
_UNJOINED = 1e9
"""Added to what an atom costs that shares no variable with what is bound: a product comes last."""


def _cost(goal: Goal | Never, used: set[str], known: set[str], expected: Expected) -> float:
    """What it costs to evaluate a goal that uses these variables, now."""
    if isinstance(goal, Match):
        return _match_cost(goal, known, expected)
    if isinstance(goal, Compare):
        if used <= known:
            return 0
        return 1 if _binding_side(goal, known) else _NEVER
    if isinstance(goal, Absent):
        return 2 if used <= known else _NEVER
    if isinstance(goal, Never):
        return 4.5 if used <= known else _NEVER
    if isinstance(goal, Test):
        return 0.5 if used <= known else _NEVER
    if isinstance(goal, Lookup):
        return 3 if names(goal.group) <= known else _NEVER
    wanted = names(goal.inputs)
    if goal.negated:
        wanted |= {n for n in names(goal.outputs) if n[0] != "_"}
    return 4 if wanted <= known else _NEVER


def _match_cost(goal: Match, known: set[str], expected: Expected) -> float:
    """All columns bound: 2. Otherwise from 5 upwards, by the facts expected to match."""
    columns = tuple(i for i, t in enumerate(goal.terms) if not isinstance(t, Variable) or t.name in known)
    if len(columns) == len(goal.terms):
        return 2
    matches = expected(goal.relation, columns) or 10 + 100 * (1 - len(columns) / len(goal.terms))
    joins = any(isinstance(t, Variable) and t.name in known for t in goal.terms)
    return matches + (5 if joins or not known else _UNJOINED)


def _binding_side(goal: Goal | Never, known: set[str]) -> str:
    if not isinstance(goal, Compare) or goal.operator != "=":
        return ""
    if isinstance(goal.left, Variable) and goal.left.name not in known and names(goal.right) <= known:
        return "left"
    if isinstance(goal.right, Variable) and goal.right.name not in known and names(goal.left) <= known:
        return "right"
    return ""
