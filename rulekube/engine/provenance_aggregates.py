"""What a proof says of an aggregate: its value; of the best of several, who else was in question, and by which keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rulekube.engine.core import Fold
from rulekube.engine.values import Fact, order_key, show
from rulekube.engine.why_not_state import State

OTHERS = 4
"""Candidates named besides the winner."""


def aggregate_note(state: State, name: str, group: Fact, value: Any) -> str:
    """`count = 2`; `argmax = "n2" of 3, by (87, 1); next "n1" by (87, 2), …; the tie goes by the second key`."""
    fold = state.fold(name)
    text = f"{fold.kind} = {show(value)}"
    if fold.kind not in ("argmax", "argmin"):
        return text
    ranked = candidates(fold, state.members(name, group))
    keys = [key for key, _ in ranked]
    text += f" of {len(ranked)}, by {_keys(keys[0])}"
    others = [f"{show(value)} by {_keys(key)}" for key, value in ranked[1 : 1 + OTHERS]]
    if others:
        text += f"; next {', '.join(others)}" + (", …" if len(ranked) > 1 + OTHERS else "")
    return text + _tie(keys)


def candidates(fold: Fold, members: Sequence[Fact]) -> list[tuple[Fact, Any]]:
    """The candidates of an arg-max or arg-min, the winner first: the keys of each, and its value."""
    width = len(fold.descending)
    found = {(fact[fold.offset : fold.offset + width], fact[fold.offset + width]): None for fact in members}
    ranked = sorted(found, key=lambda one: order_key(one[1]))
    for i in reversed(range(width)):
        ranked.sort(key=lambda one: order_key(one[0][i]), reverse=fold.descending[i])
    return ranked


def _keys(key: Fact) -> str:
    return show(key[0]) if len(key) == 1 else f"({', '.join(map(show, key))})"


def _tie(keys: Sequence[Fact]) -> str:
    """Which key decides between the winner and the next, where the first does not."""
    if len(keys) < 2 or keys[0][0] != keys[1][0]:
        return ""
    decisive = next((i for i, (a, b) in enumerate(zip(keys[0], keys[1], strict=True)) if a != b), None)
    return "; the tie goes by value" if decisive is None else f"; the tie goes by key {decisive + 1}"
