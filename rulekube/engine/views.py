"""Relations that need not be kept: a conclusion about all members, with what only it reads written into it.

    candidate(S, P) :- selector(S, K, V), label(P, K, V).
    mismatch(S, P) :- candidate(S, P), selector(S, K, V), not label(P, K, V).
    endpoint(S, P) :- candidate(S, P), ready(P), not mismatch(S, P).

Nobody but `endpoint` reads `candidate` and `mismatch`, so they become views, and the rule

    endpoint(S, P) :- selector*(S, K1, V1), label(P, K1, V1), ready(P), never { selector(S, K, V), not label(P, K, V) }.

The candidate inside `mismatch` is dropped, for the rule has it already. As every pair must match, any one pair of a
service generates the same endpoints: `selector*` is one fact for each service (a `Pick`), the one with the fewest
labels. A relation with such a rule is *checked* (`checked`): a changed fact names the part of it that may change.

Only programs that say what comes out (`.output`) have views, and outputs and actions are none.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rulekube.engine import strata
from rulekube.engine.analysis import Program
from rulekube.engine.core import (
    Absent,
    Clause,
    Compare,
    Fold,
    Goal,
    Lookup,
    Match,
    Never,
    Pick,
    Term,
    Test,
    names,
    variables,
)
from rulekube.engine.syntax import Constant, Expression, RefLiteral, Variable


@dataclass(frozen=True)
class Views:
    """The definitions of the relations that are not kept, and the rules of the checked ones, rewritten."""

    definitions: dict[str, Clause] = field(default_factory=dict)
    checked: dict[str, tuple[Clause, ...]] = field(default_factory=dict)

    def expand(self, goals: Sequence[Goal]) -> tuple[Any, ...]:
        """The goals with every view replaced by its definition."""
        if not any(isinstance(g, Match | Absent) and g.relation in self.definitions for g in goals):
            return tuple(goals)
        return tuple(dict.fromkeys(self._expanded(goals, itertools.count(1))))

    def _expanded(self, goals: Sequence[Goal], fresh: Iterator[int]) -> Iterator[Any]:
        for goal in goals:
            if not isinstance(goal, Match | Absent) or goal.relation not in self.definitions:
                yield goal
                continue
            body = _instance(self.definitions[goal.relation], goal.terms, fresh)
            if isinstance(goal, Match):
                yield from self._expanded(body, fresh)
                continue
            inner = [g for g in body if g not in goals or not isinstance(g, Match)]
            shared = tuple(dict.fromkeys(v for v in variables(goal.terms)))
            yield Never(tuple(self._expanded(inner, fresh)), shared, goal.place)


def find(program: Program, clauses: Sequence[Clause], folds: Iterable[Fold]) -> Views:
    """The views of a program."""
    found = Views()
    if not any(info.output for info in program.relations.values()):
        return found
    finder = _Finder(program, clauses, folds)
    for head in finder.rules:
        finder.consider(head, found)
    return found


class _Finder:
    def __init__(self, program: Program, clauses: Sequence[Clause], folds: Iterable[Fold]) -> None:
        self.program = program
        self.rules: dict[str, list[Clause]] = defaultdict(list)
        self.readers: dict[str, set[str]] = defaultdict(set)
        for clause in clauses:
            self.rules[clause.head].append(clause)
            for goal in clause.goals:
                if isinstance(goal, Match | Absent):
                    self.readers[goal.relation].add(clause.head)
        components = strata.components(strata.graph(clauses, folds))
        self.recursive = {name for c in components if c.recursive for name in c.names}

    def consider(self, head: str, found: Views) -> None:
        """Make `head` a checked relation where it negates a relation that only it reads."""
        if head in found.definitions or head in self.recursive or head not in self.program.relations:
            return
        rules = self.rules[head]
        denied = {g.relation for c in rules for g in c.goals if isinstance(g, Absent)}
        denied = {name for name in denied if self._plain(name) and self.readers[name] == {head}}
        if not denied or (denied | {head}) & (found.checked.keys() | found.definitions.keys()):
            return
        users = denied | {head}
        read = {g.relation for name in users for c in self.rules[name] for g in c.goals if isinstance(g, Match)}
        inner = {name for name in read - users if self._plain(name) and self.readers[name] <= users}
        views = Views({name: self.rules[name][0] for name in denied | (inner - found.checked.keys())})
        rewritten = tuple(replace(c, goals=picked(c.terms, views.expand(c.goals))) for c in rules)
        if all(isinstance(t, Variable) for c in rules for t in c.terms) and all(map(_reaching, rewritten)):
            found.definitions.update(views.definitions)
            found.checked[head] = rewritten

    def _plain(self, name: str) -> bool:
        """Whether a relation may be a view: neither output nor action, one rule, nothing recursive."""
        info, rules = self.program.relations.get(name), self.rules.get(name, [])
        if info is None or info.output or info.key or info.actuator or len(rules) != 1 or name in self.recursive:
            return False
        terms, goals = rules[0].terms, rules[0].goals
        return (
            bool(goals)
            and all(isinstance(t, Variable) for t in terms)
            and len(set(terms)) == len(terms)
            and all(isinstance(g, Match | Absent | Compare | Test) for g in goals)
        )


def leaves(goals: Iterable[Any]) -> Iterator[Match | Absent | Lookup]:
    """Every goal that reads a relation or an aggregate, those inside `never` included."""
    for goal in goals:
        if isinstance(goal, Never):
            yield from leaves(goal.goals)
        elif isinstance(goal, Match | Absent | Lookup):
            yield goal


def part(clause: Clause, leaf: Match | Absent | Lookup) -> tuple[int, ...]:
    """The columns of the head that a changed fact of a leaf determines."""
    known = names(leaf)
    return tuple(i for i, t in enumerate(clause.terms) if isinstance(t, Variable) and t.name in known)


def _reaching(clause: Clause) -> bool:
    """Whether every fact that the clause reads determines a part of its head."""
    return bool(clause.goals) and all(part(clause, leaf) for leaf in leaves(clause.goals))


# --- any one member generates


def picked(head: tuple[Expression, ...], goals: tuple[Any, ...]) -> tuple[Any, ...]:
    """The goals with a `Pick` in the place of a generator that a `never` makes free to choose."""
    for never in (g for g in goals if isinstance(g, Never)):
        inside = _for_all(never)
        if inside is None:
            continue
        member, demand = inside
        for generator, wanted in itertools.permutations((g for g in goals if type(g) is Match), 2):
            images = _images(never, member, generator)
            if images is None or not _same(demand.terms, wanted, demand.relation, images):
                continue
            others = names(tuple(g for g in goals if g is not generator and g is not wanted)) | names(head)
            if others & set(images.values()):
                continue
            pick = _pick(generator, wanted, member, images)
            return tuple(pick if g is generator else g for g in goals)
    return goals


def _for_all(never: Never) -> tuple[Match, Absent] | None:
    """`never { member, not demand }`: all members meet the demand."""
    if len(never.goals) != 2:
        return None
    member, demand = sorted(never.goals, key=lambda g: isinstance(g, Absent))
    return (member, demand) if isinstance(member, Match) and isinstance(demand, Absent) else None


def _images(never: Never, member: Match, generator: Match) -> dict[str, str] | None:
    """What the inner variables of a member are called in the generator outside, should it be the same but for them."""
    shared = {v.name for v in never.shared}
    images: dict[str, str] = {}
    if member.relation != generator.relation:
        return None
    for inner, outer in zip(member.terms, generator.terms, strict=True):
        if not isinstance(inner, Variable) or not isinstance(outer, Variable) or inner.wildcard or outer.wildcard:
            return None
        if inner.name in shared:
            if inner != outer:
                return None
        elif outer.name in shared or inner.name in images or outer.name in images.values():
            return None
        else:
            images[inner.name] = outer.name
    return images


def _same(demand: tuple[Term, ...], wanted: Match, relation: str, images: dict[str, str]) -> bool:
    """Whether the goal outside is what `never` demands, by the other names."""
    named = tuple(Variable(images.get(t.name, t.name)) if isinstance(t, Variable) else t for t in demand)
    return wanted.relation == relation and wanted.terms == named and bool(images)


def _pick(generator: Match, wanted: Match, member: Match, images: dict[str, str]) -> Pick:
    own = {v: i for i, v in enumerate(t.name if isinstance(t, Variable) else "" for t in generator.terms)}
    group = tuple(i for i, t in enumerate(member.terms) if isinstance(t, Variable) and t.name not in images)
    joined = [(own[t.name], i) for i, t in enumerate(wanted.terms) if isinstance(t, Variable) and t.name in own]
    joined = [(mine, theirs) for mine, theirs in joined if mine not in group]
    mine, theirs = tuple(m for m, _ in joined), tuple(t for _, t in joined)
    return Pick(generator.relation, generator.terms, generator.place, group, wanted.relation, mine, theirs)


# --- substitution


def _instance(definition: Clause, terms: tuple[Term, ...], fresh: Iterator[int]) -> tuple[Goal, ...]:
    """The body of a definition for these arguments, its own variables renamed apart."""
    mapping: dict[str, Expression] = {}
    for variable, term in zip(definition.terms, terms, strict=True):
        assert isinstance(variable, Variable)
        mapping[variable.name] = term
    number = next(fresh)
    for own in names(definition.goals) - mapping.keys():
        mapping[own] = Variable(f"{own}'{number}")
    body: tuple[Goal, ...] = _substituted(definition.goals, mapping)
    return body


def _substituted(node: Any, mapping: dict[str, Expression]) -> Any:
    if isinstance(node, Variable):
        return mapping.get(node.name, node)
    if isinstance(node, tuple):
        return tuple(_substituted(item, mapping) for item in node)
    if isinstance(node, Constant | RefLiteral | str | bool | int | None):
        return node
    changed = {f.name: _substituted(getattr(node, f.name), mapping) for f in dataclasses.fields(node) if f.compare}
    return replace(node, **changed)
