"""The leaves of an explanation, grouped by what is wrong: one cause, the places where it strikes, need and have.

A cause is a failing literal of one rule. What sets the ways apart in which a rule was tried (the nodes, say) labels its
rows. Causes that stand alone in some way come first: mending them is enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rulekube.engine.syntax import Place
from rulekube.engine.values import Ref
from rulekube.engine.why_not_text import brief
from rulekube.engine.why_not_tree import Attempt, Failure, Missing


@dataclass(frozen=True)
class Row:
    """One place where a cause strikes. `short`: how many clauses that way is short, this one among them.

    `gap`: by how little it fails, between 0 and 1.
    """

    label: str
    detail: str
    short: int
    gap: float = field(default=1.0, compare=False)


@dataclass(frozen=True)
class Cause:
    """What is wrong, the place of the literal or rule that says so, and where it strikes."""

    kind: str
    title: str
    place: Place
    rows: tuple[Row, ...]

    @property
    def id(self) -> str:
        """Eight digits that stay the same while the rule does."""
        return identity(self.kind, self.title, str(self.place))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rows = [{"label": row.label, "detail": row.detail, "short": row.short} for row in self.rows]
        return {"id": self.id, "kind": self.kind, "title": self.title, "place": str(self.place), "rows": rows}


def identity(*parts: str) -> str:
    """Eight digits that follow from some texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def causes(missing: Missing) -> tuple[Cause, ...]:
    """All causes below a goal, the cheapest to mend first."""
    groups: dict[tuple[str, str, Place], dict[Row, None]] = {}
    for key, row in _leaves(missing, "", 0):
        groups.setdefault(key, {})[row] = None
    found = [Cause(*key, tuple(sorted(rows, key=_nearness))) for key, rows in groups.items()]
    return tuple(sorted(found, key=lambda cause: _nearness(cause.rows[0])))


def nearest(missing: Missing) -> tuple[str, int]:
    """The label of the way that lacks least, and how many clauses it is short."""
    rows = [row for _, row in _leaves(missing, "", 0)]
    best = min(rows, key=_nearness, default=Row("", "", 0))
    return best.label, best.short


def _nearness(row: Row) -> tuple[int, float]:
    """Fewest first; of equals what fails by least; what is simply not there comes last (its gap is that of nothing)."""
    return row.short, row.gap


Leaf = tuple[tuple[str, str, Place], Row]


def _leaves(missing: Missing, label: str, short: int) -> Iterator[Leaf]:
    """`short` counts what else is wrong further up."""
    for attempt in missing.attempts:
        name = _label(attempt, missing.attempts) or label
        for failure in attempt.failures:
            yield from _of_failure(failure, name, short + attempt.short)


def _of_failure(failure: Failure, label: str, short: int) -> Iterator[Leaf]:
    if failure.kind == "present":
        for one in failure.against:
            title = one.title or one.relation
            detail = one.detail or ("" if one.place else str(one.to_dict()["fact"]))
            yield (("present", title, one.place or failure.place), Row(label, detail, short, one.gap))
    elif failure.kind == "aggregate":
        yield (("aggregate", failure.detail, failure.place), Row(label, failure.literal, short, failure.gap))
        if failure.because is not None:
            yield from _leaves(failure.because, label, short)
    elif failure.because is not None and failure.because.attempts:
        yield from _leaves(failure.because, label, short - 1)
    elif failure.kind == "missing":
        relation = failure.literal.partition("(")[0]
        near = f", closest {failure.closest}" if failure.closest else ""
        gap = failure.gap if near else 2.0
        yield (("missing", f"no {relation}", failure.place), Row(label, f"no {failure.literal}{near}", short, gap))
    elif failure.kind == "comparison":
        title, _, values = failure.detail.partition(": ")
        yield (("comparison", title, failure.place), Row(label, values, short, failure.gap))
    else:
        yield ((failure.kind, failure.detail or failure.literal, failure.place), Row(label, failure.literal, short))


def _label(attempt: Attempt, attempts: Sequence[Attempt]) -> str:
    """What sets this way apart from the others of its rule: an object if there is one."""
    others = [one.bindings for one in attempts if one.place == attempt.place]
    varied = [
        value for name, value in attempt.bindings.items() if any(other.get(name, value) != value for other in others)
    ]
    return next((brief(v) for v in varied if isinstance(v, Ref)), brief(varied[0]) if varied else "")
