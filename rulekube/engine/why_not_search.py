"""Why a fact does not hold: every rule that could have derived it, and in each all literals that fail.

The search goes the way evaluation does, with one difference: a literal that nothing satisfies is noted and passed over,
so that a way to bind a rule's variables shows all that is wrong with it and not only what was met first. A missing
derived fact is explained in turn, down to base facts; a negation names the facts that stand against it, and the rule
and values that each rests on. Ways are ranked by what they lack: the first are the nearest misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from rulekube.engine.core import Absent, Clause, Compare, Goal, Lookup, Match, Test
from rulekube.engine.syntax import Constant, Variable
from rulekube.engine.values import NO_VALUE, Fact, order_key
from rulekube.engine.why_not_closest import closest, distance
from rulekube.engine.why_not_state import Binding, Known, Pattern, State, bound
from rulekube.engine.why_not_text import aggregate_text, atom, compared, expression, fact_text, literal
from rulekube.engine.why_not_tree import Against, Attempt, Failure, Missing

WAYS = 2_000
"""Ways to bind one rule's variables that are looked at."""
STEPS = 200_000
"""Literals that one explanation looks at."""


@dataclass(frozen=True)
class Limits:
    """How far an explanation goes: levels below the goal, ways shown per relation, facts shown against a negation."""

    depth: int = 6
    ways: int = 20
    against: int = 10


@dataclass(frozen=True)
class _Way:
    """`failed` and `left` are positions among `goals`, the clause's own and what its head asks."""

    clause: Clause
    goals: tuple[Goal, ...]
    binding: Binding
    failed: tuple[int, ...]
    left: tuple[int, ...]
    weights: tuple[int, ...]


@dataclass
class Search:
    """One explanation over one state."""

    state: State
    limits: Limits = field(default_factory=Limits)
    steps: int = STEPS
    cut: bool = False
    _open: set[tuple[str, Pattern]] = field(default_factory=set)
    done: dict[tuple[str, Pattern], Missing] = field(default_factory=dict)

    def explain(self, relation: str, pattern: Pattern, depth: int = 0) -> Missing:
        """Why no fact of the relation fits the pattern."""
        key = (relation, pattern)
        if key in self.done:
            return self.done[key]
        if key in self._open:
            return Missing(relation, pattern, note="this waits for itself")
        if depth > self.limits.depth:
            return Missing(relation, pattern, note="deeper than the limit", **self._closest(relation, pattern))
        self._open.add(key)
        found = self._explained(relation, pattern, depth)
        self._open.discard(key)
        if not self._open or not found.note:
            self.done[key] = found
        return found

    def _explained(self, relation: str, pattern: Pattern, depth: int) -> Missing:
        near = self._closest(relation, pattern)
        clauses = [c for c in self.state.clauses(relation) if c.goals]
        if not clauses:
            note = "" if self.state.clauses(relation) or self.state.is_base(relation) else "no rule derives it"
            return Missing(relation, pattern, note=note, **near)
        ways = [way for clause in clauses for way in self._ways(clause, pattern)]
        ways.sort(key=lambda w: (sum(w.weights) + len(w.left), -len(w.goals), w.clause.place, _key(w.binding)))
        attempts = self._attempts(ways, depth)
        note = "" if ways else "no rule's head fits"
        return Missing(relation, pattern, attempts, len(ways), note=note, **near)

    def _closest(self, relation: str, pattern: Pattern) -> dict[str, Any]:
        """The nearest fact as text, and how far it is."""
        near = closest(self.state, relation, pattern)
        return {"closest": fact_text(relation, near), "gap": distance(pattern, near)} if near is not None else {}

    def _attempts(self, ways: Sequence[_Way], depth: int) -> tuple[Attempt, ...]:
        """The nearest ways as attempts; those that fail in the same literals are one."""
        found: dict[tuple[str, ...], Attempt] = {}
        for way in ways:
            texts = (str(way.clause.place), *(literal(self.state, way.goals[i], way.binding) for i in way.failed))
            if texts in found:
                found[texts] = replace(found[texts], ways=found[texts].ways + 1)
            elif len(found) < self.limits.ways:
                found[texts] = self._attempt(way, depth)
        return tuple(sorted(found.values(), key=lambda attempt: attempt.nearness))

    def _attempt(self, way: _Way, depth: int) -> Attempt:
        state, clause = self.state, way.clause
        good = (i for i in range(len(clause.goals)) if i not in way.failed and i not in way.left)
        return Attempt(
            clause.rule.text if clause.rule else "",
            clause.place,
            {name: value for name, value in way.binding.items() if name[0] not in "_$"},
            tuple(literal(state, way.goals[i], way.binding) for i in good),
            tuple(self._failure(way.goals[i], way.binding, depth) for i in way.failed),
            tuple(literal(state, way.goals[i], way.binding) for i in way.left),
            clause=clause,
        )

    # --- ways

    def _ways(self, clause: Clause, pattern: Pattern) -> list[_Way]:
        binding = bound(clause, pattern, self.state)
        if binding is None:
            return []
        goals = (*clause.goals, *head_tests(clause, pattern))
        found = islice(self._walk(clause, goals, tuple(range(len(goals))), binding, ()), WAYS + 1)
        ways = [way for way in found if way.failed or way.left]
        self.cut = self.cut or len(ways) > WAYS
        return ways[:WAYS]

    def _walk(
        self, clause: Clause, goals: tuple[Goal, ...], left: tuple[int, ...], binding: Binding, failed: tuple[int, ...]
    ) -> Iterator[_Way]:
        """Every way through the goals that are left, passing over those that nothing satisfies."""
        if self.steps <= 0:
            self.cut = True
            return
        self.steps -= 1
        chosen = self.state.next_goal([goals[i] for i in left], binding) if left else None
        if chosen is None:
            order = tuple(sorted(failed))
            weights = tuple(self._weight(goals[i], binding) for i in order)
            yield _Way(clause, goals, binding, order, left, weights)
            return
        i = left[chosen]
        rest = left[:chosen] + left[chosen + 1 :]
        satisfied = False
        for extended in self.state.satisfy(goals[i], binding):
            satisfied = True
            yield from self._walk(clause, goals, rest, extended, failed)
        if not satisfied:
            yield from self._walk(clause, goals, rest, binding, (*failed, i))

    def _weight(self, goal: Goal, binding: Binding) -> int:
        return len(self._standing(goal, binding)) if isinstance(goal, Absent) else 1

    def _standing(self, goal: Absent, binding: Binding) -> list[Fact]:
        return sorted(islice(standing(self.state, goal, binding), self.limits.against), key=_fact_key)

    # --- failures

    def _failure(self, goal: Goal, binding: Binding, depth: int) -> Failure:
        state = self.state
        text = literal(state, goal, binding)
        if isinstance(goal, Match):
            relation, terms = atom(state, goal)
            pattern = state.pattern(terms, binding)
            fitting = next(state.facts(relation, pattern), None)
            if fitting is not None:
                detail = "one variable stands in several columns"
                return Failure("missing", text, goal.place, detail, fact_text(relation, fitting))
            because = self.explain(relation, pattern, depth + 1)
            return Failure("missing", text, goal.place, because.note, because.closest, (), because, gap=because.gap)
        if isinstance(goal, Absent):
            against = tuple(self._against(goal, binding, fact) for fact in self._standing(goal, binding))
            return Failure("present", text, goal.place, against=against, weight=len(against) or 1)
        if isinstance(goal, Compare):
            gap = self.gap(goal, binding)
            return Failure("comparison", text, goal.place, compared(state, goal, binding), gap=gap)
        if isinstance(goal, Lookup):
            return self._aggregate(goal, binding, text, depth)
        return Failure("test", text, goal.place, "" if isinstance(goal, Test) else "nothing is there")

    def _aggregate(self, goal: Lookup, binding: Binding, text: str, depth: int) -> Failure:
        state = self.state
        group = state.pattern(goal.group, binding)
        because = None
        if not state.members(goal.fold, group):
            source = state.fold(goal.fold).source
            width = len(state.clauses(source)[0].terms)
            because = self.explain(source, (*group, *[NO_VALUE] * (width - len(group))), depth + 1)
        return Failure("aggregate", text, goal.place, aggregate_text(state, goal, binding), because=because)

    def _against(self, goal: Absent, binding: Binding, fact: Fact) -> Against:
        relation, terms = atom(self.state, goal)
        pattern = self.state.pattern(terms, binding)
        fresh = [value for value, wanted in zip(fact, pattern, strict=True) if wanted is NO_VALUE]
        title = ": ".join(str(value) for value in fresh if isinstance(value, str) and value)
        derived = next(self.state.derivations((relation, fact)), None)
        if derived is None:
            return Against(relation, fact, title)
        clause, _ = derived
        grounds = dict(self.grounds((relation, fact), [*binding.values(), *fact]))
        rule = clause.rule.text if clause.rule else ""
        gap = min(grounds.values(), default=1.0)
        return Against(relation, fact, title, rule, clause.place, "; ".join(grounds), gap)

    def grounds(self, known: Known, given: Sequence[Any], depth: int = 2) -> Iterator[tuple[str, float]]:
        """What a derived fact rests on, in few words: its rule's tests and absences, or else its other values.

        With each, how narrowly: 0 is by nothing. `given` are values that need not be said again.
        """
        derived = next(self.state.derivations(known), None)
        if derived is None:
            return
        clause, binding = derived
        tests = [goal for goal in clause.goals if isinstance(goal, Compare) and not is_trivial(goal)]
        telling = [goal for goal in tests if goal.operator != "=" and not isinstance(goal.right, Constant)] or [
            goal for goal in tests if goal.operator != "="
        ]
        said = [(compared(self.state, goal, binding), self.gap(goal, binding)) for goal in telling]
        said += [self._absence(goal, binding) for goal in clause.goals if isinstance(goal, Absent)]
        yield from said
        rest = [
            f"{name} {expression(Variable(name), binding)}"
            for name, value in binding.items()
            if name[0] not in "_$" and value not in given
        ]
        if rest and not said:
            yield ", ".join(rest), 1.0
        if not said and depth:
            for goal in clause.goals:
                if isinstance(goal, Match) and any(c.goals for c in self.state.clauses(goal.relation)):
                    fact = self.state.pattern(goal.terms, binding)
                    yield from self.grounds((goal.relation, fact), [*given, *binding.values()], depth - 1)

    def _absence(self, goal: Absent, binding: Binding) -> tuple[str, float]:
        relation, terms = atom(self.state, goal)
        pattern = self.state.pattern(terms, binding)
        near = closest(self.state, relation, pattern)
        text = f"no {fact_text(relation, pattern)}"
        return (f"{text}, closest {fact_text(relation, near)}", distance(pattern, near)) if near else (text, 1.0)

    def gap(self, goal: Compare, binding: Binding) -> float:
        """How far the two sides of a comparison are apart, 0 to 1."""
        left, right = self.state.value(goal.left, binding), self.state.value(goal.right, binding)
        if type(left) in (int, float) and type(right) in (int, float):
            return float(abs(left - right) / max(abs(left), abs(right), 1))
        return 1.0


def head_tests(clause: Clause, pattern: Pattern) -> tuple[Compare, ...]:
    """What a pattern asks of the expressions in a clause's head."""
    return tuple(
        Compare("=", term, Constant(wanted, "any"), clause.place)
        for term, wanted in zip(clause.terms, pattern, strict=False)
        if wanted is not NO_VALUE and not isinstance(term, Variable | Constant)
    )


def standing(state: State, goal: Absent, binding: Binding) -> Iterator[Fact]:
    """The facts that a negated atom finds although it must not."""
    pattern = state.pattern(goal.terms, binding)
    if not goal.relation.startswith("$has"):
        yield from state.facts(goal.relation, pattern)
        return
    for clause in state.clauses(goal.relation):
        match, inner = clause.goals[0], bound(clause, pattern, state)
        if isinstance(match, Match) and inner is not None:
            for found in state.solve(clause.goals, inner):
                yield state.pattern(match.terms, found)


def is_trivial(goal: Compare) -> bool:
    """Whether a comparison only names a value."""
    return goal.operator == "=" and (isinstance(goal.left, Variable) or isinstance(goal.right, Variable))


def _key(binding: Binding) -> list[Any]:
    return [(name, order_key(value)) for name, value in sorted(binding.items())]


def _fact_key(fact: Fact) -> list[Any]:
    return [order_key(value) for value in fact]
