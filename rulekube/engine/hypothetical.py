"""States that are not: facts or rule packs assumed for a while, and everything as before afterwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rulekube.engine.codegen import failed_clause
from rulekube.engine.errors import EvaluationError, RuleError
from rulekube.engine.incremental import in_rule

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

Facts = Mapping[str, Iterable[Sequence[Any]]]
T = TypeVar("T")
Checked = tuple[Any, Any]
"""A program and the normalizer that has its clauses."""
Bounds = tuple[float, Callable[[], bool] | None]
"""How many facts may be handed to rules, and who says that the time is over."""


@contextmanager
def assumed(
    network: Assembled,
    insert: Facts,
    retract: Facts,
    limit: float = math.inf,
    overdue: Callable[[], bool] | None = None,
) -> Iterator[Any]:
    """Within it the network is as after that commit, whose raw changes it gives.

    No commit may happen meanwhile, but something more may be assumed: each state has a log of its own.
    """
    outer, network.log = network.log, []
    try:
        with _allowed(network, limit, overdue):
            network.retract_and_insert(retract, insert)
            changed = guarded(network.settle)
        try:
            yield changed
        finally:
            network.undo()
    finally:
        network.log = outer


def adopted(network: Assembled, there: Checked, back: Checked, changes: Callable[[Any], T], bounds: Bounds) -> T:
    """What another program would conclude over these facts: it runs for a moment, then the present one again.

    An error leaves the network unusable, as that of `adopt` does.
    """
    with _allowed(network, *bounds):
        found = changes(guarded(lambda: network.adopt(*there)))
    taken = network.taken()
    network.adopt(*back)
    network.retract_and_insert({}, taken)
    network.settle()
    network.log.clear()
    return found


@contextmanager
def _allowed(network: Assembled, limit: float, overdue: Callable[[], bool] | None) -> Iterator[None]:
    network.allowed, network.overdue = network.touched + limit, overdue
    try:
        yield
    finally:
        network.allowed, network.overdue = math.inf, None


def guarded(settle: Callable[[], T]) -> T:
    """Run it; what a function raises becomes an EvaluationError that names the rule."""
    try:
        return settle()
    except (RuleError, EvaluationError):
        raise
    except Exception as error:
        where = in_rule(failed_clause(error))
        raise EvaluationError(f"the commit was undone: {type(error).__name__}: {error}{where}") from error
