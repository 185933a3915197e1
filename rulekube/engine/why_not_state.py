"""One state of a database, read goal by goal: what explanations walk through.

The evaluator runs compiled rules over whole deltas; an explanation instead asks, for one goal and the values bound so
far, which ways there are to satisfy it. Indexes are made for one explanation and dropped with it, so that asking leaves
nothing behind that later commits would have to keep. Relations that nobody keeps (the bindings of an aggregate, the
relations of `views`) are computed from their clauses as they are asked for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rulekube.engine import builtins
from rulekube.engine.aggregates import FoldState
from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Fold, Goal, Lookup, Match, Term, Test, names
from rulekube.engine.syntax import ArrayTerm, Call, Constant, Expression, ObjectTerm, RefLiteral, Variable
from rulekube.engine.values import NO_VALUE, Fact, Json, NoValue

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled
    from rulekube.engine.why_not_views import Views

Binding = dict[str, Any]
Pattern = tuple[Any, ...]
"""A value for every column of a relation, NO_VALUE where any will do."""
Known = tuple[str, Fact]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class State:
    """The facts of a network as they are now, and the clauses they follow by. Of use until the next commit."""

    def __init__(self, network: Assembled, views: Views | None = None) -> None:
        self.network, self.views = network, views
        self._clauses: dict[str, list[Clause]] = {}
        for clause in [*network.clauses, *(views.clauses if views else ())]:
            self._clauses.setdefault(clause.head, []).append(clause)
        self._folds: dict[str, Fold] = dict(views.folds) if views else {}
        self._indexes: dict[tuple[str, tuple[int, ...]], dict[Any, list[Fact]]] = {}
        self._values: dict[tuple[str, Fact], Any] = {}
        kept = {c.head for c in network.clauses if not c.head.startswith("$bindings")}
        self._kept = kept | network.program.relations.keys() | {"elapsed"}

    # --- relations

    def clauses(self, relation: str) -> list[Clause]:
        """The clauses that derive a relation; none for a base relation."""
        return self._clauses.get(relation, [])

    def is_base(self, relation: str) -> bool:
        """Whether facts of this relation come from outside."""
        return relation in self.network.entry

    def facts(self, relation: str, pattern: Pattern) -> Iterator[Fact]:
        """The facts of a relation that fit a pattern."""
        if relation not in self._kept:
            yield from self._computed(relation, pattern)
            return
        rows = self.network.relation(relation).rows
        known = tuple(i for i, value in enumerate(pattern) if value is not NO_VALUE)
        if len(known) == len(pattern):
            if pattern in rows:
                yield pattern
        elif not known:
            yield from list(rows)
        else:
            yield from self._index(relation, known).get(itemgetter(*known)(pattern), ())

    def _index(self, relation: str, columns: tuple[int, ...]) -> dict[Any, list[Fact]]:
        found = self._indexes.get((relation, columns))
        if found is None:
            found = self._indexes[relation, columns] = {}
            key = itemgetter(*columns)
            for fact in self.network.relation(relation).rows:
                found.setdefault(key(fact), []).append(fact)
        return found

    def _computed(self, relation: str, pattern: Pattern) -> Iterator[Fact]:
        seen: set[Fact] = set()
        for clause in self.clauses(relation):
            binding = bound(clause, pattern, self)
            if binding is None:
                continue
            for found in self.solve(clause.goals, binding):
                fact = tuple(self.value(t, found) for t in clause.terms)
                if NO_VALUE not in fact and fact not in seen and fits(fact, pattern):
                    seen.add(fact)
                    yield fact

    def derivations(self, known: Known) -> Iterator[tuple[Clause, Binding]]:
        """The ways in which a fact follows: a clause, and the values of its variables."""
        relation, fact = known
        for clause in self.clauses(relation):
            if not clause.goals and self.is_base(relation):
                continue
            binding = bound(clause, fact, self)
            if binding is not None:
                for found in self.solve(clause.goals, binding):
                    if tuple(self.value(t, found) for t in clause.terms) == fact:
                        yield clause, found

    # --- aggregates

    def fold(self, name: str) -> Fold:
        """The aggregate of this name."""
        return self._folds[name] if name in self._folds else self.network.folds[name].fold

    def fold_value(self, name: str, group: Fact) -> Any:
        """The value of an aggregate for a group; NO_VALUE where it has none."""
        if name not in self._folds:
            values, empty = self.network.fold_values(name)
            return values.get(group[0] if len(group) == 1 else group, empty)
        if (name, group) not in self._values:
            state = FoldState(self._folds[name])
            state.apply([(fact, 1) for fact in self.members(name, group)])
            self._values[name, group] = state.values.get(group[0] if len(group) == 1 else group, state.empty)
        return self._values[name, group]

    def members(self, name: str, group: Fact) -> list[Fact]:
        """The bindings that an aggregate ranges over for a group: (group…, binding…, keys…, values…)."""
        fold = self.fold(name)
        width = len(self.clauses(fold.source)[0].terms)
        return list(self._computed(fold.source, (*group, *[NO_VALUE] * (width - len(group)))))

    # --- goals

    def solve(self, goals: Sequence[Goal], binding: Binding) -> Iterator[Binding]:
        """Every way to satisfy all the goals."""
        if not goals:
            yield binding
            return
        i = self.next_goal(goals, binding)
        if i is None:
            return
        rest = [*goals[:i], *goals[i + 1 :]]
        for extended in self.satisfy(goals[i], binding):
            yield from self.solve(rest, extended)

    def next_goal(self, goals: Sequence[Goal], binding: Binding) -> int | None:
        """The goal to look at next: tests first, then atoms, those that share nothing last."""
        costs = [(self._cost(goal, binding), i) for i, goal in enumerate(goals)]
        cost, i = min(costs)
        return i if cost < 9 else None

    def _cost(self, goal: Goal, binding: Binding) -> int:
        if isinstance(goal, Match):
            return self._match_cost(goal, binding)
        if isinstance(goal, Absent | Test):
            return 0 if names(goal) <= binding.keys() else 9
        if isinstance(goal, Compare):
            return 1 if self._side(goal, binding) else 0 if names(goal) <= binding.keys() else 9
        needed = names(goal.group) if isinstance(goal, Lookup) else names(goal.inputs)
        if isinstance(goal, Enumerate) and goal.negated:
            needed = names(goal) - {n for n in names(goal) if n[0] == "_"}
        return 2 if needed <= binding.keys() else 9

    def _match_cost(self, goal: Match, binding: Binding) -> int:
        """What finds one fact first; what finds none late, when more is bound that tells which one is missing."""
        pattern = self.pattern(goal.terms, binding)
        free = pattern.count(NO_VALUE)
        if not free or free == len(pattern):
            return 8 if free else 0
        if goal.relation not in self._kept:
            return 5
        found = len(list(islice(self.facts(goal.relation, pattern), 2)))
        return (7, 3, 4)[found]

    @staticmethod
    def _side(goal: Compare, binding: Binding) -> str:
        """The side of `=` that is a variable to be bound."""
        for side, other in (("left", goal.right), ("right", goal.left)):
            variable = getattr(goal, side)
            if goal.operator == "=" and isinstance(variable, Variable) and variable.name not in binding:
                return side if names(other) <= binding.keys() else ""
        return ""

    def satisfy(self, goal: Goal, binding: Binding) -> Iterator[Binding]:
        """The ways to satisfy one goal, as larger bindings. What a function refuses is not satisfied."""
        try:
            yield from self._satisfy(goal, binding)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
            return

    def _satisfy(self, goal: Goal, binding: Binding) -> Iterator[Binding]:
        if isinstance(goal, Match):
            for fact in self.facts(goal.relation, self.pattern(goal.terms, binding)):
                yield from self._unified(goal.terms, fact, binding)
        elif isinstance(goal, Absent):
            if next(self.facts(goal.relation, self.pattern(goal.terms, binding)), None) is None:
                yield binding
        elif isinstance(goal, Enumerate):
            yield from self._enumerate(goal, binding)
        elif isinstance(goal, Test):
            if self.value(goal.call, binding) is (not goal.negated):
                yield binding
        elif isinstance(goal, Compare):
            yield from self._compare(goal, binding)
        else:
            value = self.fold_value(goal.fold, self.pattern(goal.group, binding))
            if value is not NO_VALUE:
                yield from self._unified((goal.target,), (value,), binding)

    def _enumerate(self, goal: Enumerate, binding: Binding) -> Iterator[Binding]:
        inputs = [self.value(i, binding) for i in goal.inputs]
        rows = builtins.RELATIONS[goal.builtin].call(*inputs) if NO_VALUE not in inputs else ()
        found = [extended for row in rows for extended in self._unified(goal.outputs, row, binding)]
        if goal.negated:
            if not found and NO_VALUE not in inputs:
                yield binding
            return
        yield from found

    def _compare(self, goal: Compare, binding: Binding) -> Iterator[Binding]:
        side = self._side(goal, binding)
        if side:
            variable, other = (goal.left, goal.right) if side == "left" else (goal.right, goal.left)
            value = self.value(other, binding)
            assert isinstance(variable, Variable)
            if value is not NO_VALUE:
                yield {**binding, variable.name: value}
            return
        left, right = self.value(goal.left, binding), self.value(goal.right, binding)
        if left is not NO_VALUE and right is not NO_VALUE and OPERATORS[goal.operator](left, right):
            yield binding

    def _unified(self, terms: Sequence[Term], row: Sequence[Any], binding: Binding) -> Iterator[Binding]:
        extended = dict(binding)
        for term, value in zip(terms, row, strict=True):
            if isinstance(term, Variable):
                if extended.setdefault(term.name, value) != value:
                    return
            elif self.value(term, extended) != value:
                return
        yield extended

    # --- values

    def pattern(self, terms: Sequence[Expression], binding: Binding) -> Pattern:
        """The values of terms, NO_VALUE for what is not bound."""
        return tuple(self.value(t, binding) for t in terms)

    def value(self, node: Expression, binding: Binding) -> Any:
        """An expression's value; NO_VALUE where it has none, or not all is bound."""
        if isinstance(node, Variable):
            return binding.get(node.name, NO_VALUE)
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, RefLiteral):
            return self.network.resolve(node.path)
        if isinstance(node, Call):
            arguments = [self.value(a, binding) for a in node.arguments]
            return NO_VALUE if NO_VALUE in arguments else self.network.function(node.function)(*arguments)
        if isinstance(node, ArrayTerm):
            items = [self.value(item, binding) for item in node.items]
            return NO_VALUE if NO_VALUE in items else Json([builtins.plain(item) for item in items])
        assert isinstance(node, ObjectTerm)
        entries = [(self.value(k, binding), self.value(v, binding)) for k, v in node.entries]
        if any(isinstance(value, NoValue) for entry in entries for value in entry):
            return NO_VALUE
        return Json({k: builtins.plain(v) for k, v in entries})


def fits(fact: Fact, pattern: Pattern) -> bool:
    """Whether a fact is one that the pattern means."""
    return all(wanted is NO_VALUE or wanted == value for value, wanted in zip(fact, pattern, strict=True))


def bound(clause: Clause, pattern: Pattern, state: State) -> Binding | None:
    """What a clause's variables must be for its head to fit; None where the head cannot."""
    binding: Binding = {}
    for term, wanted in zip(clause.terms, pattern, strict=True):
        if wanted is NO_VALUE:
            continue
        if isinstance(term, Variable):
            if binding.setdefault(term.name, wanted) != wanted:
                return None
        elif not names(term) and state.value(term, {}) != wanted:
            return None
    return binding
