"""Warnings: what is well formed but surely not meant.

Each lint looks at a checked program and yields diagnostics; CHECKS lists them. The codes are stable and listed in
docs/tools.md. What the world beyond the text does is the caller's to say: `fed` names relations whose facts come from
outside, `read` those that somebody outside reads.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rulekube.engine import assembly, core, domains
from rulekube.engine.analysis import Program, RelationInfo
from rulekube.engine.core import Absent, Clause, Enumerate, Fold, Match
from rulekube.engine.domains import Domains
from rulekube.engine.errors import Diagnostic, did_you_mean
from rulekube.engine.function import Function
from rulekube.engine.syntax import NOWHERE, Call, Constant, Expression, Module, Place, Rule, Variable
from rulekube.engine.variables import occurrences

_HOW_TO_FILL = "write a rule for it, map it with .input … from, or say `.input {}` if others feed it"
TEST_PREFIXES = ("test_", "todo_test_")


@dataclass
class Subject:
    """A checked program in both its forms, and what is known of the world around it.

    A file that holds no rules is a contract: what it declares is between the program and others, who feed and read it.
    """

    modules: Sequence[Module]
    program: Program
    clauses: Sequence[Clause]
    folds: Mapping[str, Fold]
    fed: Collection[str]
    read: Collection[str]

    @cached_property
    def contracts(self) -> set[str]:
        """The relations that contracts declare."""
        return {d.name for module in self.modules if not module.rules for d in module.declarations}

    @cached_property
    def filled_from_outside(self) -> set[str]:
        """The relations whose facts come from elsewhere than rules and mappings."""
        derived = {name for name, info in self.program.relations.items() if info.derived}
        said = {external.relation for module in self.modules for external in module.externals}
        return {"elapsed", *self.fed, *said, *(self.contracts - derived)}

    @cached_property
    def domains(self) -> Domains:
        """What columns can hold."""
        return domains.infer(self.program, self.clauses, self.folds, self.filled_from_outside)

    @cached_property
    def mentioned(self) -> set[str]:
        """The relations that some body reads."""
        goals = (g for clause in self.clauses for g in clause.goals)
        return {g.relation for g in goals if isinstance(g, Match | Absent)}


def check(
    modules: Sequence[Module],
    functions: Mapping[str, Function],
    fed: Collection[str] = (),
    read: Collection[str] = (),
) -> list[Diagnostic]:
    """All warnings about a program, in order of place. Raises RuleError where it has errors."""
    program, normalizer = assembly.check(modules, functions)
    subject = Subject(modules, program, normalizer.clauses, normalizer.folds, fed, read)
    found = dict.fromkeys(diagnostic for lint in CHECKS for diagnostic in lint(subject))
    kept = [
        d for d in sorted(found, key=lambda d: (d.place, d.code, d.message)) if not _allowed(d.code, d.place, modules)
    ]
    return assembly.with_lines(kept, modules)


def _allowed(code: str, place: Place, modules: Sequence[Module]) -> bool:
    """Whether a comment above or inside the statement at a place says `allow CODE`."""
    module = next((m for m in modules if m.name == place.file), None)
    if module is None or f"allow {code}" not in module.source:
        return False
    lines = module.source.split("\n")
    starts = [*(r.place.line for r in module.rules), *(d.place.line for d in module.declarations)]
    first = max((line for line in starts if line <= place.line), default=place.line)
    while first > 1 and lines[first - 2].lstrip().startswith("//"):
        first -= 1
    return any(f"allow {code}" in line.partition("//")[2] for line in lines[first - 1 : place.line])


def never_read(subject: Subject) -> Iterator[Diagnostic]:
    """A relation that no rule reads, that is no action and no `.output`."""
    for name, info in subject.program.relations.items():
        used = (
            name in subject.mentioned
            or info.output
            or info.actuator
            or name in subject.read
            or name in subject.contracts
        )
        if not used and not name.startswith(TEST_PREFIXES) and info.place != NOWHERE:
            known = subject.mentioned - subject.program.relations.keys()
            hint = did_you_mean(name, known) or f"read it, say `.output {name}` if others do, or take it away"
            yield Diagnostic("never-read", f"relation `{name}` is never read", info.place, hint)


def never_derived(subject: Subject) -> Iterator[Diagnostic]:
    """A relation that is read although no rule, fact, mapping or feeder ever fills it."""
    heads = {clause.head for clause in subject.clauses}
    for name, info in subject.program.relations.items():
        filled = name in heads or info.mapping is not None or name in subject.filled_from_outside or info.actuator
        if not filled and info.place != NOWHERE:
            message = f"relation `{name}` is never derived: no rule, fact or mapping fills it"
            yield Diagnostic("never-derived", message, info.place, _HOW_TO_FILL.format(name))


def never_fires(subject: Subject) -> Iterator[Diagnostic]:
    """A rule all of whose alternatives are dead for a reason of their own (not only because what they read is)."""
    found = subject.domains
    heads = {clause.head for clause in subject.clauses}
    by_rule: dict[int, list[int]] = {}
    for number, clause in enumerate(subject.clauses):
        if clause.rule is not None and not clause.head.startswith("$"):
            by_rule.setdefault(id(clause.rule), []).append(number)
    for numbers in by_rule.values():
        causes = [found.dead[n] for n in numbers if n in found.dead]
        own = [cause for cause in causes if cause.empty not in heads]
        rule = subject.clauses[numbers[0]].rule
        if len(causes) == len(numbers) and own and rule is not None:
            place = own[0].place if own[0].place != NOWHERE else rule.place
            yield Diagnostic("never-fires", f"this rule can never fire: {own[0].reason}", place)


def unused_variables(subject: Subject) -> Iterator[Diagnostic]:
    """A named variable that stands in its rule once."""
    for rule in subject.program.rules:
        found = list(occurrences(rule))
        counts = Counter(v.name for v in found)
        for variable in found:
            if counts[variable.name] == 1 and not variable.wildcard:
                message = f"variable `{variable.name}` is used only once"
                others = [name for name in counts if name != variable.name and name[0] != "_"]
                hint = did_you_mean(variable.name, others) or "write `_` where any value will do"
                yield Diagnostic("unused-variable", message, variable.place, hint)


def duplicate_rules(subject: Subject) -> Iterator[Diagnostic]:
    """A rule that says what another one says already, up to the names of variables."""
    first: dict[Rule, Rule] = {}
    for rule in subject.program.rules:
        names = dict.fromkeys(v.name for v in occurrences(rule))
        plain: Rule = core.rename(rule, {name: f"V{i}" for i, name in enumerate(names)})
        other = first.setdefault(plain, rule)
        if other is not rule:
            message = f"this rule of `{rule.head.relation}` stands at {other.place} already"
            yield Diagnostic("duplicate-rule", message, rule.place, "take one of them away")


def payload_conflicts(subject: Subject) -> Iterator[Diagnostic]:
    """Rules of two files that may give one action key different payloads."""
    found = subject.domains
    for name, info in subject.program.relations.items():
        if not info.actuator:
            continue
        numbers = [n for n, clause in enumerate(subject.clauses) if clause.head == name and n in found.alive]
        for a, b in itertools.combinations(numbers, 2):
            one, other = subject.clauses[a], subject.clauses[b]
            if one.place.file != other.place.file and _may_clash(subject, info, (a, b)):
                if _allowed("payload-conflict", one.place, subject.modules):
                    continue
                message = f"this rule and {one.place} may give one key of `{name}` different payloads"
                hint = f"the key is ({', '.join(info.key)}): where both derive it, neither is carried out"
                yield Diagnostic("payload-conflict", message, other.place, hint)


def _may_clash(subject: Subject, info: RelationInfo, pair: tuple[int, int]) -> bool:
    one, other = (subject.clauses[n] for n in pair)
    known, theirs = (subject.domains.alive[n] for n in pair)
    for i, column in enumerate(info.columns):
        a, b = one.terms[i], other.terms[i]
        if column in info.key:
            both = domains.meet(domains.of(a, known), domains.of(b, theirs))
            if (both is not None and not both) or _begin_apart(_beginning(a, one), _beginning(b, other)):
                return False
    payload = [i for i, column in enumerate(info.columns) if column not in info.key]
    same = all(isinstance(one.terms[i], Constant) and one.terms[i] == other.terms[i] for i in payload)
    return not same and not _exclude(subject, info, one, other)


Beginning = tuple[str, bool, bool]
"""The text that a key surely begins with, whether that is all of it, and whether a number follows."""


def _begin_apart(a: Beginning, b: Beginning) -> bool:
    """Whether two keys begin differently."""
    short = min(len(a[0]), len(b[0]))
    if a[0][:short] != b[0][:short]:
        return True
    short_one, long_one = (a, b) if len(a[0]) < len(b[0]) else (b, a)
    rest = long_one[0][short:]
    return bool(rest) and (short_one[1] or (short_one[2] and rest[0] not in "-0123456789"))


def _beginning(term: Expression, clause: Clause) -> Beginning:
    if isinstance(term, Constant) and isinstance(term.value, str):
        return term.value, True, False
    if isinstance(term, Call) and term.function == "cat" and term.arguments:
        first = term.arguments[0]
        return _beginning(first, clause)[0], False, isinstance(first, Variable) and _counted(first, clause)
    return "", False, False


def _counted(variable: Variable, clause: Clause) -> bool:
    """Whether the variable is one of a range's numbers."""
    return any(isinstance(g, Enumerate) and g.builtin == "range" and variable in g.outputs for g in clause.goals)


def _exclude(subject: Subject, info: RelationInfo, one: Clause, other: Clause) -> bool:
    """Whether one asks of the key what the other forbids."""
    asked_here, forbidden_here = _of_key(subject, info, one)
    asked_there, forbidden_there = _of_key(subject, info, other)
    return _meet(asked_here, forbidden_there) or _meet(asked_there, forbidden_here)


Pattern = tuple[str, tuple[Any, ...]]
"""A relation and its terms: columns of the key by position, constants, None for whatever else."""


def _of_key(subject: Subject, info: RelationInfo, clause: Clause) -> tuple[list[Pattern], list[Pattern]]:
    """What a clause asks of its key's columns, and what it forbids of them."""
    key = {t.name: i for i, t in enumerate(clause.terms) if info.columns[i] in info.key and isinstance(t, Variable)}

    def pattern(terms: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(key.get(t.name) if isinstance(t, Variable) else (t,) for t in terms)

    asked = [(g.relation, pattern(g.terms)) for g in clause.goals if isinstance(g, Match)]
    forbidden = []
    for goal in clause.goals:
        if isinstance(goal, Absent) and None not in pattern(goal.terms):
            relation, terms = _behind(subject, goal)
            forbidden.append((relation, pattern(terms)))
    return asked, forbidden


def _behind(subject: Subject, goal: Absent) -> tuple[str, Sequence[Any]]:
    """What a negated atom was before its wildcards were put behind a relation of their own."""
    for clause in subject.clauses if goal.relation.startswith("$") else ():
        first = clause.goals[0] if len(clause.goals) == 1 else None
        if clause.head == goal.relation and isinstance(first, Match):
            given = {t.name: g for t, g in zip(clause.terms, goal.terms, strict=True) if isinstance(t, Variable)}
            return first.relation, [given.get(t.name, t) if isinstance(t, Variable) else t for t in first.terms]
    return goal.relation, goal.terms


def _meet(asked: Sequence[Pattern], forbidden: Sequence[Pattern]) -> bool:
    return any(
        relation == other and all(b is None or a == b for a, b in zip(terms, barred, strict=True))
        for relation, terms in asked
        for other, barred in forbidden
    )


CHECKS: tuple[Callable[[Subject], Iterator[Diagnostic]], ...] = (
    never_read,
    never_derived,
    never_fires,
    unused_variables,
    duplicate_rules,
    payload_conflicts,
)
