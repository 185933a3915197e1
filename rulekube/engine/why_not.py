"""The answer to `why_not`: verdict, causes, the search's tree, and what would mend it; as text and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rulekube.engine.provenance import Proof
from rulekube.engine.repairs_answer import Repair
from rulekube.engine.why_not_causes import Cause, nearest
from rulekube.engine.why_not_tree import Missing


@dataclass(frozen=True)
class WhyNot:
    """Why a goal does not hold; where it does, its `proof` and nothing else.

    `causes` are grouped and sorted, `repairs` were tried, `missing` is the whole search. `limits` say where it was cut.
    """

    goal: str
    proof: Proof | None = None
    missing: Missing | None = None
    causes: tuple[Cause, ...] = ()
    repairs: tuple[Repair, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the goal holds after all."""
        return self.proof is not None

    def to_dict(self) -> dict[str, Any]:
        """As plain values; `render` makes the text from them."""
        label, short = nearest(self.missing) if self.missing else ("", 0)
        return {
            "goal": self.goal,
            "holds": self.holds,
            "proof": self.proof.to_dict() if self.proof else None,
            "closest": {"label": label, "short": short} if short else None,
            "causes": [cause.to_dict() for cause in self.causes],
            "repairs": [repair.to_dict() for repair in self.repairs],
            "missing": self.missing.to_dict() if self.missing else None,
            "limits": list(self.limits),
        }

    def __str__(self) -> str:
        return render(self.to_dict())


def render(answer: Mapping[str, Any], rows: int = 8) -> str:
    """An answer's plain values as text, at most so many causes, and rows of each."""
    return "\n".join(_lines(answer, rows))


def _lines(answer: Mapping[str, Any], rows: int) -> Iterator[str]:
    if answer["holds"]:
        yield f"HOLDS: {answer['goal']}; `why` shows its proof"
        return
    yield _verdict(answer)
    width = max((len(cause["title"]) for cause in answer["causes"]), default=0)
    for cause in answer["causes"][:rows]:
        labels = " ".join(dict.fromkeys(row["label"] for row in cause["rows"][:rows] if row["label"]))
        yield f" {cause['title']:<{width}}   {labels + '   ' if labels else ''}{cause['place']}"
        yield from _rows(cause["rows"], rows)
    if len(answer["causes"]) > rows:
        yield f" … and {len(answer['causes']) - rows} further causes (--all shows them)"
    if answer["repairs"]:
        yield "Repairs, each tried on a copy of the state:"
    for number, repair in enumerate(answer["repairs"], 1):
        changes = " and ".join(change["text"] for change in repair["changes"])
        then = f"   => {', '.join(repair['then'])}" if repair["then"] else ""
        yield f" {number}. {changes}{then}"
    yield from (f"({limit})" for limit in answer["limits"])


def _rows(rows: Sequence[Mapping[str, Any]], most: int) -> Iterator[str]:
    details = dict.fromkeys(row["detail"] for row in rows if row["detail"])
    if len(details) <= 1:
        yield from (f"     {detail}" for detail in details)
        return
    width = max(len(row["label"]) for row in rows)
    for row in rows[:most]:
        yield f"     {row['label']:<{width}}  {row['detail']}".rstrip() if width else f"     {row['detail']}"
    if len(rows) > most:
        yield f"     … and {len(rows) - most} more (--all shows them)"


def _verdict(answer: Mapping[str, Any]) -> str:
    missing, closest = answer["missing"], answer["closest"]
    if not missing["attempts"]:
        near = f" Closest: {missing['closest']}." if missing["closest"] else ""
        return f"NOT {answer['goal']}: {missing['note'] or 'no such fact was given'}.{near}"
    rules = len({attempt["place"] for attempt in missing["attempts"]})
    tried = f"{missing['tried']} {'way' if missing['tried'] == 1 else 'ways'} to bind {'it' if rules == 1 else 'them'}"
    near = f" Closest: {closest['label']}, {closest['short']} short." if closest and closest["label"] else ""
    return f"NOT {answer['goal']}: no rule derives it ({rules} {'rule' if rules == 1 else 'rules'}, {tried}).{near}"
