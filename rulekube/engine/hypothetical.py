"""States that are not: facts or rule packs assumed for a while, and everything as before afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rulekube.engine.errors import EvaluationError, RuleError

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

Facts = Mapping[str, Iterable[Sequence[Any]]]
T = TypeVar("T")


@contextmanager
def assumed(network: Assembled, insert: Facts, retract: Facts, limit: float = math.inf) -> Iterator[Any]:
    """Within it the network is as after that commit, whose raw changes it gives. No commit may happen meanwhile."""
    try:
        network.allowed = network.touched + limit
        network.retract_and_insert(retract, insert)
        changed = guarded(network.settle)
    finally:
        network.allowed = math.inf
    try:
        yield changed
    finally:
        network.undo()


def guarded(settle: Callable[[], T]) -> T:
    """Run it; what a function raises becomes an EvaluationError."""
    try:
        return settle()
    except (RuleError, EvaluationError):
        raise
    except Exception as error:
        raise EvaluationError(f"the commit was undone: {type(error).__name__}: {error}") from error
