"""A change of one base fact, as repairs propose it, and what may be done to a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rulekube.engine.values import Fact, Json


@dataclass(frozen=True)
class Change:
    """One base fact inserted (`old` is None), retracted (`new` is None) or altered.

    `tuned` is the column whose number is still to be found; `new` is then None.
    """

    relation: str
    old: Fact | None
    new: Fact | None
    tuned: int = -1

    @property
    def operation(self) -> str:
        """`insert`, `alter` or `retract`."""
        if self.old is None:
            return "insert"
        return "alter" if self.new is not None or self.tuned >= 0 else "retract"

    @property
    def rank(self) -> int:
        """The order in which equally large repairs are tried: alter, insert, retract."""
        return ("alter", "insert", "retract").index(self.operation)


Changes = frozenset[Change]
NOTHING: Changes = frozenset()


def constantly(value: Any) -> Callable[[Any], Any]:
    """This value, whatever was there."""
    return lambda _: value


def setting(key: str, new: Any) -> Callable[[Any], Any]:
    """A JSON object with one field set."""

    def changed(old: Any) -> Any:
        if not isinstance(old, Json) or not isinstance(old.value, dict):
            return old
        return Json({**old.value, key: new.value if isinstance(new, Json) else new})

    return changed
