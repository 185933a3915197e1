"""What would make a goal hold: the smallest changes of base facts, each tried before it is shown.

The search for candidates is abduction: it walks down from the goal through the literals that fail. A missing base fact
may be inserted, or a fact that differs in one column altered; where a fact stands against a negation, something that it
rests on may go; where a comparison or an aggregate is not as wanted, a number below it may be tuned. The walk may be
wrong in both directions, so nothing is believed: every candidate is committed hypothetically, and only what makes the
goal hold is answered, the smallest sets first and no superset of one that suffices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Goal, Lookup, Match, names
from rulekube.engine.repairs_change import NOTHING, Change, Changes, constantly, setting
from rulekube.engine.syntax import Call, Expression, Variable
from rulekube.engine.values import NO_VALUE, Fact, Ref, fact_key
from rulekube.engine.why_not_closest import distance
from rulekube.engine.why_not_search import head_tests, is_trivial, standing
from rulekube.engine.why_not_state import Binding, Known, Pattern, State, bound
from rulekube.engine.why_not_text import atom
from rulekube.engine.why_not_tree import Missing

DEPTH = 16
"""Relations between the goal and a changed base fact."""
BRANCHES = 8
"""Alternatives that are followed at one point: derivations of a fact, members of an aggregate, similar facts."""

AROUND_ONE = 1_000
"""Steps that are spent on the values behind one comparison."""
SHARES = 3
"""Among how many nearest misses the steps that are left are divided."""


@dataclass
class Abduction:
    """One search for candidates. `may_change` says whether facts of a relation
    may be inserted, altered or retracted; `steps` bounds the walk.

    `hints` are explanations of what is missing: their nearest misses are walked first, each with its share of steps.
    """

    state: State
    may_change: Callable[[str, str], bool]
    steps: int = 15_000
    hints: Mapping[tuple[str, Pattern], Missing] = field(default_factory=dict)
    _trail: list[tuple[str, Pattern]] = field(default_factory=list)
    _seen: set[tuple[str, Fact]] = field(default_factory=set)

    def candidates(self, relation: str, pattern: Pattern, size: int) -> Iterator[Changes]:
        """Sets of at most `size` changes after which some fact may fit the pattern; some occur twice."""
        yield from (changes for changes, _ in self._obtain(relation, pattern, size) if changes)

    def _spent(self) -> bool:
        self.steps -= 1
        return self.steps < 0

    # --- making something true

    def _obtain(self, relation: str, pattern: Pattern, size: int) -> Iterator[tuple[Changes, Pattern]]:
        """Ways to make a fact that fits hold, and the fact as far as it is known."""
        if size <= 0 or (relation, pattern) in self._trail or len(self._trail) > DEPTH or self._spent():
            return
        if self.state.is_base(relation):
            given = (one for one in self._given(relation, pattern) if self.may_change(relation, one.operation))
            yield from ((frozenset((one,)), one.new or pattern) for one in given)
            return
        self._trail.append((relation, pattern))
        yield from self._hinted(relation, pattern, size)
        for clause in self.state.clauses(relation):
            binding = bound(clause, pattern, self.state)
            if binding is not None and clause.goals:
                goals = (*clause.goals, *head_tests(clause, pattern))
                for changes, found in self._achieve(clause, goals, binding, size):
                    if changes:
                        yield changes, self.state.pattern(clause.terms, found)
        self._trail.pop()

    def _hinted(self, relation: str, pattern: Pattern, size: int) -> Iterator[tuple[Changes, Pattern]]:
        """The ways by the nearest misses."""
        missing = self.hints.get((relation, pattern))
        attempts = missing.attempts if missing is not None else ()
        for number, attempt in enumerate(attempts):
            clause, binding = attempt.clause, dict(attempt.bindings)
            head = bound(clause, pattern, self.state) if clause is not None else None
            if clause is None or head is None:
                continue
            kept, self.steps = self.steps, self.steps // min(1 + len(attempts) - number, SHARES)
            share = self.steps
            goals = (*clause.goals, *head_tests(clause, pattern))
            for changes, found in self._achieve(clause, goals, {**binding, **head}, size):
                if not changes:
                    continue
                yield changes, self.state.pattern(clause.terms, found)
            self.steps = kept - (share - max(self.steps, 0))

    def _given(self, relation: str, pattern: Pattern) -> Iterator[Change]:
        """Alter a fact that differs in one column, or insert one."""
        named = self._names(relation)
        for i, wanted in enumerate(pattern):
            if wanted is NO_VALUE or isinstance(wanted, Ref) or i in named:
                continue
            relaxed = (*pattern[:i], NO_VALUE, *pattern[i + 1 :])
            near = sorted(
                islice(self.state.facts(relation, relaxed), 50), key=lambda f: (distance(pattern, f), fact_key(f))
            )
            for fact in near[:2]:
                yield Change(relation, fact, (*fact[:i], wanted, *fact[i + 1 :]))
        if self._is_taken(relation, pattern):
            return
        if NO_VALUE not in pattern:
            yield Change(relation, None, pattern)
            return
        like = sorted(islice(self.state.facts(relation, (NO_VALUE,) * len(pattern)), 50), key=fact_key)
        for fact in like[:3]:
            filled = tuple(f if p is NO_VALUE else p for f, p in zip(fact, pattern, strict=True))
            yield Change(relation, None, filled)

    def _is_taken(self, relation: str, pattern: Pattern) -> bool:
        """Whether an object has one such fact at most, and has it: then it can be altered, and none be added."""
        if self.state.network.program.relations[relation].mapping is None:
            return False
        columns = self._names(relation)
        key = tuple(value if i in columns else NO_VALUE for i, value in enumerate(pattern))
        return NO_VALUE not in (key[i] for i in columns) and next(self.state.facts(relation, key), None) is not None

    def _names(self, relation: str) -> set[int]:
        """The columns that say which fact it is, not what it says: the object, and its path's indexes and keys."""
        info = self.state.network.program.relations[relation]
        keys = re.findall(r"[\[{](\w+)[\]}]", info.mapping.path) if info.mapping is not None else []
        return {0 if len(info.columns) > 1 else -1, *(info.columns.index(key) for key in keys if key in info.columns)}

    def _achieve(
        self, clause: Clause, left: Sequence[Goal], binding: Binding, size: int
    ) -> Iterator[tuple[Changes, Binding]]:
        """Ways to make all goals hold that are left."""
        if self._spent():
            return
        i = self.state.next_goal(left, binding) if left else None
        if i is None:
            yield NOTHING, binding
            return
        goal, rest = left[i], [*left[:i], *left[i + 1 :]]
        satisfied = False
        for extended in self.state.satisfy(goal, binding):
            satisfied = True
            yield from self._achieve(clause, rest, extended, size)
        if satisfied and not self._open(goal, binding):
            return
        for changes, extended in self._mend(clause, goal, binding, size) if size > 0 else ():
            for more, found in self._achieve(clause, rest, extended, size - len(changes)):
                yield changes | more, found
        if not satisfied:  # what mends another goal may do for this one too
            yield from self._achieve(clause, rest, binding, size)

    def _open(self, goal: Goal, binding: Binding) -> bool:
        """Whether other facts than those that are there may be of use."""
        if not isinstance(goal, Match) or not self.state.is_base(goal.relation):
            return False
        return NO_VALUE in self.state.pattern(goal.terms, binding)

    def _mend(self, clause: Clause, goal: Goal, binding: Binding, size: int) -> Iterator[tuple[Changes, Binding]]:
        """Ways to make one goal hold."""
        state = self.state
        if isinstance(goal, Match):
            for changes, fact in self._obtain(goal.relation, state.pattern(goal.terms, binding), size):
                given = {
                    t.name: value
                    for t, value in zip(goal.terms, fact, strict=True)
                    if isinstance(t, Variable) and value is not NO_VALUE
                }
                yield changes, {**given, **binding}
        elif isinstance(goal, Absent):
            relation, _ = atom(state, goal)
            facts = [(relation, fact) for fact in islice(standing(state, goal, binding), BRANCHES)]
            for changes in self._break_all(facts, size):
                yield changes, binding
        else:
            for change in self._influence(clause, binding, self._concerned(goal), goal):
                yield frozenset((change,)), binding

    # --- making something false

    def _break_all(self, facts: Sequence[Known], size: int) -> Iterator[Changes]:
        """Ways to make all these facts vanish; one change may do for several."""
        if not facts:
            yield NOTHING
            return
        for changes in self._break(facts[0], size):
            yield changes
            if len(facts) > 1 and len(changes) < size:
                for more in self._break_all(facts[1:], size - len(changes)):
                    yield changes | more

    def _break(self, known: Known, size: int) -> Iterator[Changes]:
        """Ways to make a fact vanish."""
        if size <= 0 or known in self._trail or len(self._trail) > DEPTH or self._spent():
            return
        relation, fact = known
        if self.state.is_base(relation):
            if self.may_change(relation, "retract"):
                yield frozenset((Change(relation, fact, None),))
            return
        self._trail.append(known)
        for clause, binding in islice(self.state.derivations(known), BRANCHES):
            for goal in sorted(clause.goals, key=_order):
                yield from self._refute(clause, goal, binding, size)
        self._trail.pop()

    def _refute(self, clause: Clause, goal: Goal, binding: Binding, size: int) -> Iterator[Changes]:
        if isinstance(goal, Match):
            yield from self._break((goal.relation, self.state.pattern(goal.terms, binding)), size)
        elif isinstance(goal, Absent):
            relation, terms = atom(self.state, goal)
            for changes, _ in self._obtain(relation, self.state.pattern(terms, binding), size):
                yield changes
        elif not (isinstance(goal, Compare) and is_trivial(goal)):
            for change in self._influence(clause, binding, self._concerned(goal), goal):
                yield frozenset((change,))

    # --- making values other ones

    @staticmethod
    def _concerned(goal: Goal) -> set[str]:
        if isinstance(goal, Lookup):
            return {goal.target.name}
        return names(goal.inputs) if isinstance(goal, Enumerate) else names(goal)

    def _influence(self, clause: Clause, binding: Binding, wanted: set[str], goal: Goal) -> list[Change]:
        """Single changes that may give these variables other values, or the goal what it looks for."""
        self._seen = set()
        kept, self.steps = self.steps, min(self.steps // 2, AROUND_ONE)
        share = self.steps
        found: dict[Change, None] = dict.fromkeys(self._edited(clause, binding, goal))
        found.update(dict.fromkeys(self._tuned(clause, binding, wanted, 0)))
        self.steps = kept - (share - max(self.steps, 0))
        return sorted(found, key=lambda change: change.rank)

    def _edited(self, clause: Clause, binding: Binding, goal: Goal) -> Iterator[Change]:
        """`V = "x"`: the base fact that gave V says "x". `field(J, "k", "x")`: the JSON says so."""
        if isinstance(goal, Compare) and goal.operator == "=":
            for side, other in ((goal.left, goal.right), (goal.right, goal.left)):
                value = self.state.value(other, binding)
                if value is not NO_VALUE:
                    yield from self._assigned(clause, binding, side, value)
        if isinstance(goal, Enumerate) and goal.builtin == "field":
            value = self.state.value(goal.outputs[1], binding)
            value = self._looked_for(clause, binding, goal) if value is NO_VALUE else value
            yield from self._set_field(clause, binding, goal, value)

    def _assigned(self, clause: Clause, binding: Binding, side: Expression, value: Any) -> Iterator[Change]:
        """Changes after which an expression has this value; only a variable, or `symbol` of one, is understood."""
        if isinstance(side, Call) and side.function == "symbol":
            side = side.arguments[0]
        if not isinstance(side, Variable):
            return
        yield from self._replaced(clause, binding, side.name, constantly(value), 0)
        for goal in clause.goals:
            if isinstance(goal, Enumerate) and goal.builtin == "field" and goal.outputs[1] == side:
                yield from self._set_field(clause, binding, goal, value)
            elif isinstance(goal, Compare) and goal.left == side and isinstance(goal.right, Call):
                yield from self._assigned(clause, binding, goal.right, value)

    def _set_field(self, clause: Clause, binding: Binding, goal: Enumerate, value: Any) -> Iterator[Change]:
        key, source = self.state.value(goal.outputs[0], binding), goal.inputs[0]
        if key is not NO_VALUE and value is not NO_VALUE and isinstance(source, Variable):
            yield from self._replaced(clause, binding, source.name, setting(key, value), 0)

    def _looked_for(self, clause: Clause, binding: Binding, goal: Enumerate) -> Any:
        """What a field's value must become, as another literal says: `Wanted = symbol(Value)`."""
        for other in (*clause.goals, *head_tests(clause, self._trail[-1][1] if self._trail else ())):
            if isinstance(other, Compare) and names(goal.outputs[1]) <= names(other):
                for value in self.state.pattern((other.left, other.right), binding):
                    if value is not NO_VALUE:
                        return value
        return NO_VALUE

    def _replaced(
        self, clause: Clause, binding: Binding, variable: str, changed: Callable[[Any], Any], depth: int
    ) -> Iterator[Change]:
        """The base facts that a variable's value comes from, altered."""
        for goal in clause.goals:
            if not isinstance(goal, Match) or depth > DEPTH or self._spent():
                continue
            columns = [i for i, t in enumerate(goal.terms) if isinstance(t, Variable) and t.name == variable]
            fact = self.state.pattern(goal.terms, binding)
            if not columns or NO_VALUE in fact:
                continue
            if self.state.is_base(goal.relation):
                if self.may_change(goal.relation, "alter"):
                    open_ = set(columns) - self._names(goal.relation)
                    new = tuple(changed(v) if i in open_ else v for i, v in enumerate(fact))
                    if new != fact:
                        yield Change(goal.relation, fact, new)
                continue
            for below, values in islice(self.state.derivations((goal.relation, fact)), BRANCHES):
                for i in columns:
                    term = below.terms[i]
                    if isinstance(term, Variable):
                        yield from self._replaced(below, values, term.name, changed, depth + 1)

    def _tuned(self, clause: Clause, binding: Binding, wanted: set[str], depth: int) -> Iterator[Change]:
        """Numbers of base facts that these variables depend on, and facts that an aggregate below them counts."""
        if depth > DEPTH or self._spent():
            return
        wanted = _closure(clause, wanted)
        for goal in clause.goals:
            if isinstance(goal, Match):
                columns = [i for i, t in enumerate(goal.terms) if names(t) & wanted]
                fact = self.state.pattern(goal.terms, binding)
                if columns and NO_VALUE not in fact:
                    yield from self._tuned_fact((goal.relation, fact), columns, depth)
            elif isinstance(goal, Lookup) and goal.target.name in wanted:
                yield from self._tuned_fold(goal, binding, depth)

    def _tuned_fact(self, known: Known, columns: Sequence[int], depth: int) -> Iterator[Change]:
        relation, fact = known
        if known in self._seen:
            return
        self._seen.add(known)
        if self.state.is_base(relation):
            types = self.state.network.program.relations[relation].types
            if self.may_change(relation, "alter"):
                for i in sorted(set(columns) - self._names(relation)):
                    if types[i] in ("int", "float", "quantity"):
                        yield Change(relation, fact, None, i)
            return
        for clause, binding in islice(self.state.derivations(known), BRANCHES):
            yield from self._tuned(clause, binding, names(tuple(clause.terms[i] for i in columns)), depth + 1)

    def _tuned_fold(self, goal: Lookup, binding: Binding, depth: int) -> Iterator[Change]:
        fold = self.state.fold(goal.fold)
        group = self.state.pattern(goal.group, binding)
        members = sorted(self.state.members(goal.fold, group), key=fact_key)[: 2 * BRANCHES]
        for member in members:
            for clause, found in islice(self.state.derivations((fold.source, member)), BRANCHES):
                yield from self._tuned(clause, found, names(clause.terms[fold.offset :]), depth + 1)
                for inner in clause.goals:
                    if isinstance(inner, Match):
                        fact = self.state.pattern(inner.terms, found)
                        for changes in self._break((inner.relation, fact), 1):
                            yield from changes
        if depth <= 2 and fold.kind in ("count", "sum", "max", "argmax"):
            source = self.state.clauses(fold.source)
            width = len(source[0].terms) if source else 0
            for changes, _ in self._joined(fold.source, group, width):
                yield from changes

    def _joined(self, source: str, group: Fact, width: int) -> Iterator[tuple[Changes, Pattern]]:
        """Facts that would give an aggregate another member."""
        pattern = (*group, *[NO_VALUE] * (width - len(group)))
        for clause in self.state.clauses(source):
            binding = bound(clause, pattern, self.state)
            if binding is None:
                continue
            for goal in clause.goals:
                if isinstance(goal, Match):
                    yield from islice(self._obtain(goal.relation, self.state.pattern(goal.terms, binding), 1), BRANCHES)


def _order(goal: Goal) -> int:
    """What is refuted first: tests, then absences, then the rest."""
    return 0 if isinstance(goal, Compare) else 1 if isinstance(goal, Absent) else 2


def _closure(clause: Clause, wanted: set[str]) -> set[str]:
    """The variables that these follow from within a clause, themselves included."""
    found: set[str] = set()
    more = set(wanted)
    while not more <= found:
        found |= more
        for goal in clause.goals:
            if isinstance(goal, Compare) and is_trivial(goal) and names(goal) & found:
                more |= names(goal)
            elif isinstance(goal, Enumerate) and not goal.negated and names(goal.outputs) & found:
                more |= names(goal.inputs)
    return found
