"""The dumb twin: the whole program from scratch, by substitution, without plans, indexes, counts or deltas.

It reads the syntax directly and shares nothing with the incremental evaluator but the syntax, the analysis and the
built-in functions, so that the two can be held against each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from rulekube.engine import builtins
from rulekube.engine.analysis import Program
from rulekube.engine.syntax import (
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
    ObjectTerm,
    RefLiteral,
    Rule,
    Variable,
)
from rulekube.engine.values import NO_VALUE, Fact, Json, Ref, order_key, to_json

Binding = dict[str, Any]
State = dict[str, set[Fact]]


def evaluate(
    program: Program, base: Mapping[str, Iterable[Fact]], resolve: Callable[[str], Ref | None] | None = None
) -> State:
    """Every fact of every relation that follows from the base facts."""
    twin = _Twin(program, resolve)
    for relation, facts in base.items():
        twin.state[relation] |= set(facts)
    for stratum in _strata(program.rules):
        twin.fixpoint(stratum)
    return twin.state


def _strata(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Rules by level: what a rule negates or aggregates is of a lower level. Terminates for stratifiable programs."""
    level = {rule.head.relation: 0 for rule in rules}
    changed = True
    while changed:
        changed = False
        for rule in rules:
            for relation, strict in _reads(rule.body):
                least = level.get(relation, 0) + strict
                if level[rule.head.relation] < least:
                    level[rule.head.relation] = least
                    changed = True
    return [[r for r in rules if level[r.head.relation] == n] for n in sorted(set(level.values()))]


def _reads(body: Iterable[Literal]) -> Iterator[tuple[str, int]]:
    for literal in body:
        if isinstance(literal, Atom):
            yield literal.relation, 0
        elif isinstance(literal, Negation):
            yield literal.atom.relation, 1
        elif isinstance(literal, Aggregate):
            yield from ((relation, 1) for relation, _ in _reads(literal.body))
        elif isinstance(literal, Disjunction):
            yield from (read for alternative in literal.alternatives for read in _reads(alternative))


class _Twin:
    def __init__(self, program: Program, resolve: Callable[[str], Ref | None] | None) -> None:
        self.program = program
        self.resolve = resolve
        self.state: State = {name: set() for name in program.relations}

    def fixpoint(self, rules: Sequence[Rule]) -> None:
        size = -1
        while size != sum(map(len, self.state.values())):
            size = sum(map(len, self.state.values()))
            for rule in rules:
                self.state[rule.head.relation] |= set(self.heads(rule))

    def heads(self, rule: Rule) -> list[Fact]:
        found = []
        outside = _names(rule.head.arguments)
        for body in _multiplied(rule.body):
            for binding in self.solve(body, {}, outside | _mentioned(body)):
                fact = tuple(self.value(a, binding) for a in self.positional(rule.head))
                if NO_VALUE not in fact:
                    found.append(fact)
        return found

    # --- bodies

    def solve(self, body: Sequence[Literal], binding: Binding, outside: set[str]) -> Iterator[Binding]:
        """Every way to satisfy the body, wildcards bound too. Takes any literal that can be evaluated now."""
        if not body:
            yield binding
            return
        for i, literal in enumerate(body):
            if self.ready(literal, binding, outside):
                rest = [*body[:i], *body[i + 1 :]]
                for extended in self.satisfy(literal, binding, outside):
                    yield from self.solve(rest, extended, outside)
                return
        raise AssertionError(f"unsafe: {body} with {sorted(binding)}")

    def ready(self, literal: Literal, binding: Binding, outside: set[str]) -> bool:
        bound = binding.keys()
        if isinstance(literal, Atom):
            if literal.relation in builtins.RELATIONS:
                inputs = len(builtins.RELATIONS[literal.relation].inputs)
                compound = [a for a in literal.arguments[inputs:] if not isinstance(a, Variable)]
                return _names((*literal.arguments[:inputs], *compound)) <= bound
            if literal.relation in self.program.functions:
                return _names(literal.arguments) <= bound
            return _names([a for a in literal.arguments if not isinstance(a, Variable)]) <= bound
        if isinstance(literal, Negation):
            return {n for n in _names(literal.atom.arguments) if n[0] != "_"} <= bound
        if isinstance(literal, Comparison):
            return self._comparable(literal, binding)
        assert isinstance(literal, Aggregate)
        return self._outer(literal, outside) | _names(literal.limit) <= bound

    @staticmethod
    def _outer(literal: Aggregate, outside: set[str]) -> set[str]:
        """The group: variables of the aggregate that its surroundings mention."""
        return _inner(literal) & outside

    @staticmethod
    def _comparable(literal: Comparison, binding: Binding) -> bool:
        if isinstance(literal.left, RefLiteral) or isinstance(literal.right, RefLiteral):
            return _names([literal.left, literal.right]) <= binding.keys()
        for side, other in ((literal.left, literal.right), (literal.right, literal.left)):
            free = isinstance(side, Variable) and side.name not in binding
            assignable = free and literal.operator == "="
            if _names([other]) <= binding.keys() and (assignable or _names([side]) <= binding.keys()):
                return True
        return False

    def satisfy(self, literal: Literal, binding: Binding, outside: set[str]) -> Iterator[Binding]:
        if isinstance(literal, Atom):
            for row, terms in self.rows(literal, binding):
                extended = self.unify(terms, row, binding)
                if extended is not None:
                    yield extended
        elif isinstance(literal, Negation):
            rows = self.rows(literal.atom, binding)
            if not any(self.unify(terms, row, binding) is not None for row, terms in rows):
                yield binding
        elif isinstance(literal, Comparison):
            yield from self.compare(literal, binding)
        else:
            assert isinstance(literal, Aggregate)
            value = self.aggregate(literal, binding, outside)
            if isinstance(value, list):
                yield from self.ranked(literal, value, binding)
            elif value is not NO_VALUE:
                yield from self.compare(Comparison(literal.operator, literal.target, Constant(value, "any")), binding)

    def rows(self, atom: Atom, binding: Binding) -> Iterator[tuple[Fact, Sequence[Expression]]]:
        name = atom.relation
        if name in self.program.relations:
            terms = self.positional(atom)
            for fact in self.state[name]:
                yield fact, terms
        elif name in builtins.RELATIONS:
            builtin = builtins.RELATIONS[name]
            count = len(builtin.inputs)
            inputs = [self.value(a, binding) for a in atom.arguments[:count]]
            if NO_VALUE not in inputs:
                for row in builtin.call(*inputs):
                    yield row, atom.arguments[count:]
        elif self.value(Call(name, atom.arguments), binding) is True:
            yield (), ()

    def positional(self, atom: Atom) -> Sequence[Expression]:
        if atom.names is None:
            return atom.arguments
        given = dict(zip(atom.names, atom.arguments, strict=True))
        columns = self.program.relations[atom.relation].columns
        return [given.get(c) or Variable(f"_{c}@{atom.place}") for c in columns]

    def unify(self, terms: Sequence[Expression], row: Fact, binding: Binding) -> Binding | None:
        extended = dict(binding)
        for term, value in zip(terms, row, strict=True):
            if isinstance(term, Variable) and term.name not in extended:
                extended[term.name] = value
            elif isinstance(term, RefLiteral):
                if not isinstance(value, Ref) or value.path != term.path:
                    return None
            elif self.value(term, extended) != value:
                return None
        return extended

    def compare(self, literal: Comparison, binding: Binding) -> Iterator[Binding]:
        for side, other in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(side, Call) and side.function == "range":
                first, end = (self.value(a, binding) for a in side.arguments)
                for number in range(first, end):
                    yield from self.compare(Comparison("=", other, Constant(number, "int")), binding)
                return
        for side, other in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(side, Variable) and side.name not in binding:
                value = self.value(other, binding)
                if value is not NO_VALUE:
                    yield {**binding, side.name: value}
                return
        left, right = self.value(literal.left, binding), self.value(literal.right, binding)
        if isinstance(literal.left, RefLiteral) or isinstance(literal.right, RefLiteral):
            left, right = str(left), str(right)
        if left is not NO_VALUE and right is not NO_VALUE and _OPERATORS[literal.operator](left, right):
            yield binding

    # --- aggregates

    def aggregate(self, literal: Aggregate, binding: Binding, outside: set[str]) -> Any:
        group = {n: binding[n] for n in self._outer(literal, outside) if n in binding}
        shown = _names(literal.values) | _names([k.expression for k in literal.keys])
        distinct = {}
        for body in _multiplied(literal.body):
            inner = outside | _mentioned(body) | shown
            for found in self.solve(body, group, inner):
                distinct[frozenset(found.items())] = found
        members = []
        for found in distinct.values():
            values = tuple(self.value(v, found) for v in literal.values)
            keys = tuple(self.value(k.expression, found) for k in literal.keys)
            if NO_VALUE not in values and NO_VALUE not in keys:
                members.append((keys, values))
        return _fold(literal, members)

    def ranked(self, literal: Aggregate, ordered: list[Any], binding: Binding) -> Iterator[Binding]:
        """One after the other the members of top, bottom and rank, with their places."""
        most = len(ordered) if literal.limit is None else self.value(literal.limit, binding)
        for place, member in enumerate(ordered, 1):
            if place <= most:
                pair = literal.target.items if isinstance(literal.target, ArrayTerm) else (literal.target,)
                extended = self.unify(pair, (member, place)[: len(pair)], binding)
                if extended is not None:
                    yield extended

    # --- expressions

    def value(self, node: Expression, binding: Binding) -> Any:
        if isinstance(node, Variable):
            return binding[node.name]
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, RefLiteral):
            found = self.resolve(node.path) if self.resolve is not None else None
            return Ref(node.path) if found is None else found
        if isinstance(node, Call):
            arguments = [self.value(a, binding) for a in node.arguments]
            return NO_VALUE if NO_VALUE in arguments else self.program.functions[node.function].call(*arguments)
        if isinstance(node, ArrayTerm):
            items = [self.value(item, binding) for item in node.items]
            return NO_VALUE if NO_VALUE in items else Json([builtins.plain(item) for item in items])
        assert isinstance(node, ObjectTerm)
        entries = [(self.value(k, binding), self.value(v, binding)) for k, v in node.entries]
        if any(NO_VALUE in entry for entry in entries):
            return NO_VALUE
        return Json({k: builtins.plain(v) for k, v in entries})


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _multiplied(body: Sequence[Literal]) -> list[list[Literal]]:
    """Conjunctions without disjunctions."""
    bodies: list[list[Literal]] = [[]]
    for literal in body:
        if isinstance(literal, Disjunction):
            ways = [way for alternative in literal.alternatives for way in _multiplied(alternative)]
        else:
            ways = [[literal]]
        bodies = [[*one, *way] for one, way in itertools.product(bodies, ways)]
    return bodies


def _names(node: Any) -> set[str]:
    if isinstance(node, Variable):
        return {node.name}
    if isinstance(node, tuple | list):
        return set().union(*map(_names, node))
    if isinstance(node, Call):
        return _names(node.arguments)
    if isinstance(node, ArrayTerm):
        return _names(node.items)
    return _names(node.entries) if isinstance(node, ObjectTerm) else set()


def _mentioned(body: Iterable[Literal]) -> set[str]:
    """The variables that literals show to their surroundings."""
    found: set[str] = set()
    for literal in body:
        if isinstance(literal, Atom):
            found |= _names(literal.arguments)
        elif isinstance(literal, Negation):
            found |= _names(literal.atom.arguments)
        elif isinstance(literal, Comparison):
            found |= _names([literal.left, literal.right])
        elif isinstance(literal, Disjunction):
            found |= set().union(*map(_mentioned, literal.alternatives))
        else:
            found |= _names([literal.target, literal.limit])
    return found


def _inner(literal: Aggregate) -> set[str]:
    """The variables of an aggregate's body, values and keys, those of aggregates inside it included."""
    found = _mentioned(literal.body) | _names(literal.values) | _names([k.expression for k in literal.keys])
    for body in _multiplied(literal.body):
        for inner in body:
            if isinstance(inner, Aggregate):
                found |= _inner(inner)
    return found


def _fold(literal: Aggregate, members: list[tuple[Fact, Fact]]) -> Any:
    kind = literal.kind
    if kind == "count":
        return len(members)
    values = [member[1][0] for member in members]
    if kind == "sum":
        exact = sum(Fraction(v) for v in values)
        return float(exact) if any(isinstance(v, float) for v in values) else int(exact)
    if kind == "array":
        return to_json([builtins.plain(v) for _, (v,) in _ordered(literal, members)])
    if kind in ("top", "bottom", "rank"):
        return [v for _, (v,) in _ordered(literal, members)]
    if kind == "object":
        largest_first = sorted((m[1] for m in members), key=lambda kv: order_key(kv[1]), reverse=True)
        return to_json({k: builtins.plain(v) for k, v in largest_first})
    if not members:
        return NO_VALUE
    if kind == "mean":
        return float(sum(Fraction(v) for v in values) / len(values))
    if kind in ("min", "max"):
        return (min if kind == "min" else max)(values, key=order_key)
    return _arg(literal, members)


def _ordered(literal: Aggregate, members: list[tuple[Fact, Fact]]) -> list[tuple[Fact, Fact]]:
    """By the value, then stably by the keys from the last to the first."""
    found = sorted(members, key=lambda m: order_key(m[1][0]))
    for i in reversed(range(len(literal.keys))):
        found.sort(key=lambda m, i=i: order_key(m[0][i]), reverse=_descending(literal, i))  # type: ignore[misc]
    return found


def _descending(literal: Aggregate, i: int) -> bool:
    written = literal.keys[i].descending
    return written if written is not None else (i == 0 and literal.kind in ("argmax", "top"))


def _arg(literal: Aggregate, members: list[tuple[Fact, Fact]]) -> Any:
    """Keep the best by one key after the other, then the smallest value."""
    for i in range(len(literal.keys)):
        best = (max if _descending(literal, i) else min)(order_key(m[0][i]) for m in members)
        members = [m for m in members if order_key(m[0][i]) == best]
    return min((m[1][0] for m in members), key=order_key)
