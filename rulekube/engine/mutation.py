"""Rules made wrong on purpose: each mutant leaves out a rule or a literal, or turns one around.

A suite of tests that is worth its name notices. Mutants are made from the syntax; those that do not check (most often
because a variable is no longer bound) are nobody's fault and are not counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rulekube.engine.syntax import Atom, Comparison, Disjunction, Literal, Module, Negation, Place, Rule

_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one rule of a file: `number` counts the file's rules; no `rule` means that it is left out."""

    file: str
    number: int
    rule: Rule | None
    what: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def mutants(module: Module) -> Iterator[Mutant]:
    """Every mutant of a file, in order."""
    for number, rule in enumerate(module.rules):
        if not rule.body:
            continue
        yield Mutant(module.name, number, None, f"without this rule of `{rule.head.relation}`", rule.place)
        for i, literal in enumerate(rule.body):
            text = _text(module, rule, i)
            for what, changed in _changes(literal):
                body = (*rule.body[:i], *changed, *rule.body[i + 1 :])
                if body:
                    place = getattr(literal, "place", rule.place)
                    yield Mutant(module.name, number, dataclasses.replace(rule, body=body), f"{what} `{text}`", place)


def applied(module: Module, mutant: Mutant) -> Module:
    """The file with a mutant in the place of its rule."""
    rules = list(module.rules)
    rules[mutant.number : mutant.number + 1] = [] if mutant.rule is None else [mutant.rule]
    return dataclasses.replace(module, rules=tuple(rules))


def _changes(literal: Literal) -> Iterator[tuple[str, tuple[Literal, ...]]]:
    """What may become of a literal: (how, the literals in its place)."""
    yield "without", ()
    if isinstance(literal, Atom):
        yield "negated", (Negation(literal, literal.place),)
    elif isinstance(literal, Negation):
        yield "asked for, not forbidden:", (literal.atom,)
    elif isinstance(literal, Comparison):
        yield "turned around:", (dataclasses.replace(literal, operator=_OPPOSITE[literal.operator]),)
    elif isinstance(literal, Disjunction):
        for i in range(len(literal.alternatives)):
            rest = (*literal.alternatives[:i], *literal.alternatives[i + 1 :])
            yield f"without alternative {i + 1} of", (dataclasses.replace(literal, alternatives=rest),)


def _text(module: Module, rule: Rule, i: int) -> str:
    """A literal as it is written, on one line."""
    lines = module.source.split("\n")

    def offset(place: Place) -> int:
        return sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1

    start = offset(rule.body[i].place)
    ending = offset(rule.body[i + 1].place) if i + 1 < len(rule.body) else offset(rule.place) + len(rule.text)
    return " ".join(module.source[start:ending].split()).rstrip(",. ")
