"""The nearest miss: of the facts that are there, the one that most resembles the one that is not."""

from __future__ import annotations

from itertools import islice

from rulekube.engine.values import NO_VALUE, Fact, Ref, fact_key
from rulekube.engine.why_not_state import Pattern, State

LOOKED_AT = 500
"""Facts that are compared, for each column that may differ."""


def closest(state: State, relation: str, pattern: Pattern) -> Fact | None:
    """The fact nearest to a pattern that none fits: it differs in one column if any such is there,
    and by least.

    Another object is far, another number or symbol nearer, a misspelled symbol nearest.
    """
    bound = [i for i, value in enumerate(pattern) if value is not NO_VALUE]
    if not bound:
        return None
    found: dict[Fact, None] = {}
    for i in bound:
        if len(bound) == 1 and isinstance(pattern[i], Ref):
            return None
        relaxed = (*pattern[:i], NO_VALUE, *pattern[i + 1 :])
        found.update(dict.fromkeys(islice(state.facts(relation, relaxed), LOOKED_AT)))
    if not found and len(bound) > 2:
        only = tuple(value if i == bound[0] else NO_VALUE for i, value in enumerate(pattern))
        found.update(dict.fromkeys(islice(state.facts(relation, only), LOOKED_AT)))
    return min(found, key=lambda fact: (distance(pattern, fact), fact_key(fact)), default=None)


def distance(pattern: Pattern, fact: Fact) -> float:
    """How far a fact is from a pattern: the sum over its columns, each between 0 (the same) and 2 (another object)."""
    total = 0.0
    for wanted, value in zip(pattern, fact, strict=True):
        if wanted is NO_VALUE or wanted == value:
            continue
        if isinstance(wanted, str) and isinstance(value, str):
            total += edits(wanted[:64], value[:64]) / max(len(wanted[:64]), len(value[:64]))
        else:
            total += 2 if isinstance(wanted, Ref) else 1
    return total


def edits(one: str, other: str) -> int:
    """How many letters must be inserted, deleted or replaced to turn one text into the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != against))
    return row[-1]
