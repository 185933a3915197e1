"""From syntax to core: disjunctions are multiplied out, aggregates and projections get relations of their own.

`Normalizer` is fed checked rules. What it adds: `$has` relations (for a negated atom with wildcards: the atom projected
to its bound columns), `$bindings` (the distinct bindings of an aggregate's body), `$group` (the groups, where the body
of an aggregate cannot enumerate them itself), `$asked` (the times `elapsed` literals ask for), and one `Fold` for each
different aggregate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rulekube.engine import builtins, plan
from rulekube.engine.aggregates import RANKING
from rulekube.engine.core import (
    Absent,
    Clause,
    Compare,
    Enumerate,
    Fold,
    Goal,
    Lookup,
    Match,
    Term,
    Test,
    names,
    rename,
    variables,
)
from rulekube.engine.syntax import (
    NOWHERE,
    Aggregate,
    ArrayTerm,
    Atom,
    Call,
    Comparison,
    Constant,
    Disjunction,
    Expression,
    Literal,
    Negation,
    Place,
    RefLiteral,
    Rule,
    Variable,
)

ASKED = "$asked"
UNBOUND = Constant("\0unbound", "unbound")
"""Stands in a binding for a variable that the chosen alternative of a disjunction does not mention."""


class Normalizer:
    """Collects clauses and folds; `arity` knows the declared relations' column names."""

    def __init__(
        self, columns: dict[str, tuple[str, ...]], functions: Iterable[str], *, resolves: bool = False
    ) -> None:
        self.columns = columns
        self.resolves = resolves
        self.functions = frozenset(functions)
        self.clauses: list[Clause] = []
        self.folds: dict[str, Fold] = {}
        self._made: set[str] = set()
        self._fresh = itertools.count(1)

    def copy(self) -> Normalizer:
        """Another one that knows what this one collected so far."""
        other = Normalizer(self.columns, self.functions, resolves=self.resolves)
        other.clauses, other.folds, other._made = list(self.clauses), dict(self.folds), set(self._made)
        return other

    def add(self, rule: Rule) -> list[Clause]:
        """Normalize one rule; returns its own clauses, after those of the relations made for it were collected."""
        self._fresh = itertools.count(1)
        found = []
        for alternative in alternatives(rule.body):
            goals = self.goals(alternative, names(rule.head.arguments), rule)
            self._ask(goals, rule)
            terms = self.positional(rule.head)
            found.append(Clause(rule.head.relation, terms, tuple(goals), rule, rule.place))
        self.clauses += found
        return found

    def query(self, body: Sequence[Literal], head: str, wanted: Sequence[str]) -> list[Clause]:
        """The clauses of a query: its head's columns are the `wanted` variables."""
        terms = tuple(Variable(name) for name in wanted)
        found = [Clause(head, terms, tuple(self.goals(a, set(wanted), None))) for a in alternatives(body)]
        self.clauses += found
        return found

    def goals(self, literals: Sequence[Literal], outside: set[str], rule: Rule | None) -> list[Goal]:
        """The goals of one conjunction; `outside` are the variables that its surroundings mention."""
        aggregates = [literal for literal in literals if isinstance(literal, Aggregate)]
        goals: list[Goal] = []
        for literal in literals:
            if not isinstance(literal, Aggregate):
                self._plain(literal, goals, rule)
        waiting = list(aggregates)
        while waiting:
            ready = next((a for a in waiting if self._groups_bound(a, goals, waiting)), waiting[0])
            waiting.remove(ready)
            seen = names(tuple(goals)).union(*(_mentions(a) for a in waiting), outside) | _mentions(ready)
            self._aggregate(ready, goals, seen, rule)
        return goals

    def _groups_bound(self, aggregate: Aggregate, goals: list[Goal], waiting: list[Aggregate]) -> bool:
        targets = set().union(*(names(a.target) for a in waiting if a is not aggregate))
        return not (_body_names(aggregate) & (targets - plan.bindable(goals)))

    # --- literals

    def positional(self, atom: Atom) -> tuple[Expression, ...]:
        """The arguments in the order of the declaration; columns not named are wildcards."""
        if atom.names is None:
            return atom.arguments
        given = dict(zip(atom.names, atom.arguments, strict=True))
        return tuple(given.get(c) or self._variable("_n", atom.place) for c in self.columns[atom.relation])

    def _variable(self, prefix: str, place: Place) -> Variable:
        return Variable(f"{prefix}{next(self._fresh)}", place)

    def _term(self, expression: Expression, goals: list[Goal], place: Place) -> Term:
        if isinstance(expression, Variable | Constant | RefLiteral):
            return expression
        fresh = self._variable("Value", place)
        fresh = Variable("$" + fresh.name, place)
        self._equal(fresh, expression, goals, place)
        return fresh

    def _named(self, term: Term, tests: list[Goal]) -> Term:
        """In a rule a ref literal stands for whichever object bears the path; in a question it is resolved at once."""
        if not isinstance(term, RefLiteral) or self.resolves:
            return term
        fresh = Variable(f"$Ref{next(self._fresh)}", term.place)
        tests.append(Compare("=", _path(fresh), Constant(term.path, "symbol", term.place), term.place))
        return fresh

    def _equal(self, left: Expression, right: Expression, goals: list[Goal], place: Place) -> None:
        for value, other in ((right, left), (left, right)):
            if (
                isinstance(value, Call)
                and value.function in builtins.RELATIONS
                and value.function not in self.functions
            ):
                output = self._term(other, goals, place)
                goals.append(Enumerate(value.function, value.arguments, (output,), place=place))
                return
        self._compare("=", left, right, goals, place)

    def _compare(self, operator: str, left: Expression, right: Expression, goals: list[Goal], place: Place) -> None:
        if not self.resolves and (isinstance(left, RefLiteral) or isinstance(right, RefLiteral)):
            left, right = _path(left), _path(right)
        goals.append(Compare(operator, left, right, place))

    def _plain(self, literal: Literal, goals: list[Goal], rule: Rule | None) -> None:
        if isinstance(literal, Comparison):
            if literal.operator == "=":
                self._equal(literal.left, literal.right, goals, literal.place)
            else:
                self._compare(literal.operator, literal.left, literal.right, goals, literal.place)
        elif isinstance(literal, Atom):
            self._atom(literal, goals)
        elif isinstance(literal, Negation):
            self._negation(literal, goals, rule)
        else:
            raise AssertionError(literal)

    def _atom(self, atom: Atom, goals: list[Goal]) -> None:
        if self._is_relation(atom.relation):
            tests: list[Goal] = []
            terms = tuple(self._named(self._term(a, goals, atom.place), tests) for a in self.positional(atom))
            goals += [Match(atom.relation, terms, atom.place), *tests]
        elif atom.relation in builtins.RELATIONS:
            goals.append(self._enumerate(atom, goals, negated=False))
        else:
            goals.append(Test(Call(atom.relation, atom.arguments, atom.place), place=atom.place))

    def _is_relation(self, name: str) -> bool:
        return name in self.columns

    def _enumerate(self, atom: Atom, goals: list[Goal], *, negated: bool) -> Enumerate:
        builtin = builtins.RELATIONS[atom.relation]
        count = len(builtin.inputs)
        outputs = tuple(self._term(a, goals, atom.place) for a in atom.arguments[count:])
        return Enumerate(atom.relation, atom.arguments[:count], outputs, negated, atom.place)

    def _negation(self, literal: Negation, goals: list[Goal], rule: Rule | None) -> None:
        atom = literal.atom
        if not self._is_relation(atom.relation):
            if atom.relation in builtins.RELATIONS:
                goals.append(self._enumerate(atom, goals, negated=True))
            else:
                goals.append(Test(Call(atom.relation, atom.arguments, atom.place), True, literal.place))
            return
        terms = tuple(self._term(a, goals, atom.place) for a in self.positional(atom))
        tests: list[Goal] = []
        named = tuple(self._named(t, tests) for t in terms)
        if tests or any(isinstance(t, Variable) and t.wildcard for t in terms):
            kept = tuple(dict.fromkeys(t for t in terms if isinstance(t, Variable) and not t.wildcard))
            body = [Match(atom.relation, named, atom.place), *tests]
            name = self._make("$has", kept, [body], kept, rule, literal.place)
            goals.append(Absent(name, kept, literal.place))
        else:
            goals.append(Absent(atom.relation, terms, literal.place))

    # --- relations of our own

    def _make(
        self,
        prefix: str,
        head: Sequence[Expression],
        bodies: Sequence[Sequence[Goal]],
        first: Sequence[Variable],
        rule: Rule | None,
        place: Place,
    ) -> str:
        """A relation `prefix…(head) :- bodies`, made once for all bodies that differ in variables' names only."""
        return self._make_each(prefix, [tuple(head)] * len(bodies), bodies, first, rule, place)

    def _make_each(
        self,
        prefix: str,
        heads: Sequence[tuple[Expression, ...]],
        bodies: Sequence[Sequence[Goal]],
        first: Sequence[Variable],
        rule: Rule | None,
        place: Place,
    ) -> str:
        forms = []
        for head, body in zip(heads, bodies, strict=True):
            order = dict.fromkeys(v.name for v in itertools.chain(first, variables(head), variables(tuple(body))))
            mapping = {name: f"V{i}" for i, name in enumerate(order)}
            forms.append(f"{rename(head, mapping)}:-{rename(tuple(body), mapping)}")
        name = prefix + ":" + "|".join(forms)
        if name not in self._made:
            self._made.add(name)
            self.clauses += [Clause(name, h, tuple(b), rule, place) for h, b in zip(heads, bodies, strict=True)]
        return name

    def _ask(self, goals: list[Goal], rule: Rule | None) -> None:
        asked = [g for g in goals if isinstance(g, Match | Absent) and g.relation == "elapsed"]
        rest = plan.evaluable([g for g in goals if g not in asked])
        for goal in asked:
            if isinstance(goal.terms[0], Variable) and goal.terms[0].wildcard:
                continue
            clause = Clause(ASKED, goal.terms, tuple(rest), rule, goal.place)
            if clause not in self.clauses:
                self.clauses.append(clause)

    # --- aggregates

    def _aggregate(self, aggregate: Aggregate, goals: list[Goal], outside: set[str], rule: Rule | None) -> None:
        local = _body_names(aggregate)
        group = tuple(Variable(name) for name in sorted(local & outside))
        bodies = [self.goals(a, outside | _value_names(aggregate), rule) for a in alternatives(aggregate.body)]
        for body in bodies:
            missing = {v.name for v in group} - plan.bindable(body)
            if missing:
                self._bind_groups(body, missing, goals, rule, aggregate.place)
            self._ask(body, rule)
        fold = self._fold(aggregate, group, bodies, rule)
        while any(isinstance(g, Lookup) and g.fold == fold for g in goals):
            self.folds[fold + "'"] = replace(self.folds[fold], name=fold + "'")
            fold += "'"
        target = aggregate.target
        if aggregate.kind in RANKING:
            self._ranked(aggregate, fold, group, goals)
            return
        if aggregate.operator == "=" and isinstance(target, Variable) and not target.wildcard:
            goals.append(Lookup(fold, group, target, aggregate.place))
            return
        fresh = Variable(f"$Fold{next(self._fresh)}", aggregate.place)
        goals.append(Lookup(fold, group, fresh, aggregate.place))
        goals.append(Compare(aggregate.operator, target, fresh, aggregate.place))

    def _ranked(self, aggregate: Aggregate, fold: str, group: tuple[Variable, ...], goals: list[Goal]) -> None:
        """The fold's value is the ordered tuple of its members; each is one answer, with its place in it."""
        place, target = aggregate.place, aggregate.target
        whole = Variable(f"$Fold{next(self._fresh)}", place)
        goals.append(Lookup(fold, group, whole, place))
        pair = target.items if isinstance(target, ArrayTerm) else (target, self._variable("_rank", place))
        terms = tuple(self._term(term, goals, place) for term in pair)
        limit = aggregate.limit or Constant(2**62, "int")
        goals.append(Enumerate(builtins.RANKED, (whole, limit), terms, place=place))

    def _bind_groups(
        self, body: list[Goal], missing: set[str], goals: list[Goal], rule: Rule | None, place: Place
    ) -> None:
        """The body cannot enumerate these groups (`X < G` with G from outside): join it with the groups that exist."""
        head = tuple(Variable(name) for name in sorted(missing))
        name = self._make("$group", head, [plan.evaluable(goals)], head, rule, place)
        body.insert(0, Match(name, head, place))

    def _fold(
        self, aggregate: Aggregate, group: tuple[Variable, ...], bodies: list[list[Goal]], rule: Rule | None
    ) -> str:
        grouped = {v.name for v in group}
        every = sorted({v.name for b in bodies for v in variables(tuple(b)) if _counts(v)} - grouped)
        keys = tuple(k.expression for k in aggregate.keys)
        payload: tuple[Expression, ...] = keys + aggregate.values
        heads = []
        for body in bodies:
            inside = names(tuple(body))
            bound: tuple[Any, ...] = tuple(Variable(n) if n in inside else UNBOUND for n in every)
            heads.append((*group, *bound, *payload))
        source = self._make_each("$bindings", heads, bodies, group, rule, aggregate.place)
        largest = aggregate.kind in ("argmax", "top")
        descending = tuple(
            (largest and i == 0) if k.descending is None else k.descending for i, k in enumerate(aggregate.keys)
        )
        limit = aggregate.limit.value if isinstance(aggregate.limit, Constant) else None
        name = f"$fold:{aggregate.kind}{'' if limit is None else limit}:{len(group)}:{len(every)}:{descending}:{source}"
        offset = len(group) + len(every)
        self.folds[name] = Fold(name, aggregate.kind, source, len(group), offset, descending, limit, aggregate.place)
        return name


def _path(expression: Expression) -> Expression:
    if isinstance(expression, RefLiteral):
        return Constant(expression.path, "symbol", expression.place)
    return Call("symbol", (expression,), getattr(expression, "place", NOWHERE))


def _counts(variable: Variable) -> bool:
    """Whether a variable takes part in what makes bindings distinct (those we made up are functions of others)."""
    return variable.name[0] != "$"


def alternatives(body: Sequence[Literal]) -> list[tuple[Literal, ...]]:
    """The body multiplied out: conjunctions without disjunctions."""
    choices: list[list[tuple[Literal, ...]]] = []
    for literal in body:
        if isinstance(literal, Disjunction):
            choices.append([a for alternative in literal.alternatives for a in alternatives(alternative)])
        else:
            choices.append([(literal,)])
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*choices)]


def literal_names(literals: Iterable[Literal]) -> set[str]:
    """The variables that literals mention, aggregates' inner ones included."""
    found: set[str] = set()
    for literal in literals:
        if isinstance(literal, Atom):
            found |= names(literal.arguments)
        elif isinstance(literal, Negation):
            found |= names(literal.atom.arguments)
        elif isinstance(literal, Comparison):
            found |= names((literal.left, literal.right))
        elif isinstance(literal, Disjunction):
            for alternative in literal.alternatives:
                found |= literal_names(alternative)
        else:
            found |= _mentions(literal)
    return found


def mentioned(literals: Iterable[Literal]) -> Iterator[str]:
    """The variables that literals show to their surroundings, in order, with repetitions."""
    for literal in literals:
        if isinstance(literal, Disjunction):
            for alternative in literal.alternatives:
                yield from mentioned(alternative)
        elif isinstance(literal, Aggregate):
            yield from (v.name for v in variables(literal.target))
        else:
            yield from (v.name for v in variables(_operands(literal)))


def _operands(literal: Atom | Negation | Comparison) -> tuple[Expression, ...]:
    if isinstance(literal, Atom):
        return literal.arguments
    return literal.atom.arguments if isinstance(literal, Negation) else (literal.left, literal.right)


def _value_names(aggregate: Aggregate) -> set[str]:
    return names(aggregate.values) | names(tuple(k.expression for k in aggregate.keys))


def _body_names(aggregate: Aggregate) -> set[str]:
    return literal_names(aggregate.body) | _value_names(aggregate)


def _mentions(aggregate: Aggregate) -> set[str]:
    """What an aggregate shows to its surroundings: its target and its limit.

    Two aggregates do not share their inner variables.
    """
    return names((aggregate.target, aggregate.limit or ()))
