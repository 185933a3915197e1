"""The tree of an explanation: goals, attempts to derive them, the literals that failed, the facts against them.

All are frozen values, with a plain form for JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rulekube.engine.core import Clause
from rulekube.engine.syntax import Place
from rulekube.engine.values import Fact
from rulekube.engine.why_not_state import Pattern
from rulekube.engine.why_not_text import canonical, fact_text


@dataclass(frozen=True)
class Against:
    """A fact that a negated literal must not find: the rule that derives it (None for a base fact), and its values."""

    relation: str
    fact: Fact
    title: str
    rule: str = ""
    place: Place | None = None
    detail: str = ""
    gap: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        text = fact_text(self.relation, self.fact)
        place = str(self.place) if self.place else ""
        return {"fact": text, "title": self.title, "rule": self.rule, "place": place, "detail": self.detail}


@dataclass(frozen=True)
class Failure:
    """A literal that fails. Kind: missing, present, comparison, test, aggregate.

    `literal` has the values bound; `detail` says need and have; `closest` is the fact that nearly fits.
    """

    kind: str
    literal: str
    place: Place
    detail: str = ""
    closest: str = ""
    against: tuple[Against, ...] = ()
    because: Missing | None = None
    weight: int = 1
    gap: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "kind": self.kind,
            "literal": self.literal,
            "place": str(self.place),
            "detail": self.detail,
            "closest": self.closest,
            "against": [one.to_dict() for one in self.against],
            "because": self.because.to_dict() if self.because else None,
        }


@dataclass(frozen=True)
class Attempt:
    """One rule with one way to bind its variables. `unreached` literals lack values that failing ones would bind.

    `ways` counts the bindings that fail in the same literals.
    """

    rule: str
    place: Place
    bindings: Mapping[str, Any]
    satisfied: tuple[str, ...]
    failures: tuple[Failure, ...]
    unreached: tuple[str, ...] = ()
    ways: int = 1
    clause: Clause | None = field(default=None, compare=False, repr=False)

    @property
    def nearness(self) -> tuple[int, float]:
        """The key by which attempts are ranked: how many clauses short, and by how little."""
        gaps = [gap for failure in self.failures for gap in (failure.gap, *(one.gap for one in failure.against))]
        return self.short, min(gaps, default=1.0)

    @property
    def short(self) -> int:
        """How many clauses short this is."""
        return sum(failure.weight for failure in self.failures) + len(self.unreached)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "rule": self.rule,
            "place": str(self.place),
            "bindings": {name: canonical(value) for name, value in self.bindings.items()},
            "satisfied": list(self.satisfied),
            "failures": [failure.to_dict() for failure in self.failures],
            "unreached": list(self.unreached),
            "short": self.short,
            "ways": self.ways,
        }


@dataclass(frozen=True)
class Missing:
    """Why no fact of `relation` fits `pattern`. `attempts` are sorted, the nearest misses first.

    `note` says what ended the explanation here: a base relation, a limit, a fact that waits for itself.
    """

    relation: str
    pattern: Pattern
    attempts: tuple[Attempt, ...] = ()
    tried: int = 0
    closest: str = ""
    note: str = ""
    gap: float = 1.0

    @property
    def goal(self) -> str:
        """The goal as an atom, `_` for what any value would do."""
        return fact_text(self.relation, self.pattern)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "goal": self.goal,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "tried": self.tried,
            "closest": self.closest,
            "note": self.note,
        }
