"""Relations that exist for questions only: nothing keeps them, `why_not` works them out for the goal at hand.

A relation such as "this pod fits this node" is worth asking about and too large to keep: it would hold every pair. As a
view it is only a name for a body, followed from the goal's own values. Views must not be recursive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rulekube.engine import assembly
from rulekube.engine.core import Clause, Fold
from rulekube.engine.function import Function
from rulekube.engine.packs import Packs

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled


@dataclass(frozen=True)
class Views:
    """The clauses of view relations, the folds that they need, and the columns of each."""

    clauses: tuple[Clause, ...] = ()
    folds: Mapping[str, Fold] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def compile_views(
    network: Assembled, packs: Packs, texts: Mapping[str, str], functions: Mapping[str, Function]
) -> Views:
    """Check view rules together with the program's packs. Raises RuleError as a pack would."""
    if not texts:
        return Views()
    together = packs.copy()
    for name, text in texts.items():
        together.add(name, text)
    program, normalizer = assembly.check(together.modules(), functions)
    kept = {c.head for c in network.clauses} | network.program.relations.keys()
    return Views(
        tuple(c for c in normalizer.clauses if c.head not in kept and not c.head.startswith("$asked")),
        {name: fold for name, fold in normalizer.folds.items() if name not in network.folds},
        {name: info.columns for name, info in program.relations.items() if name not in kept},
    )


class Defined:
    """The view rules of a database, compiled when a question needs them and again when the program has changed."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions
        self._texts: dict[str, str] = {}
        self._made: tuple[object, Views] = (None, Views())

    def add(self, name: str, text: str) -> None:
        """Add or replace one text."""
        self._texts[name] = text
        self._made = (None, Views())

    def compiled(self, network: Assembled, packs: Packs) -> Views:
        """The views over the program that the network runs. Raises RuleError where they no longer fit it."""
        if self._made[0] is not network.program:
            self._made = (network.program, compile_views(network, packs, self._texts, self._functions))
        return self._made[1]
