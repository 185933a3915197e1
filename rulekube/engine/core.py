"""The core form of rules: what the planner, the code generator and the evaluator see.

`normal` rewrites the syntax into it. A clause has no disjunctions, no named arguments and no nested aggregates; the
arguments of its atoms are variables and constants. Relations made on the way have names that begin with `$` and are
functions of their content, so that equal aggregates in two rules are kept once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rulekube.engine.syntax import (
    NOWHERE,
    ArrayTerm,
    Call,
    Constant,
    Expression,
    ObjectTerm,
    Place,
    RefLiteral,
    Rule,
    Variable,
)

Term = Variable | Constant | RefLiteral


@dataclass(frozen=True)
class Match:
    """A positive atom; wildcards are variables used nowhere else."""

    relation: str
    terms: tuple[Term, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Absent:
    """A negated atom without wildcards."""

    relation: str
    terms: tuple[Term, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Enumerate:
    """A built-in relation: from `inputs` it enumerates values of `outputs`. `negated`: there is none."""

    builtin: str
    inputs: tuple[Expression, ...]
    outputs: tuple[Term, ...]
    negated: bool = False
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Test:
    """A call of a boolean function as a literal."""

    call: Call
    negated: bool = False
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Compare:
    """A comparison; `=` may bind a variable."""

    operator: str
    left: Expression
    right: Expression
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Lookup:
    """The value of an aggregate for a group: `target = fold[group]`."""

    fold: str
    group: tuple[Term, ...]
    target: Variable
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Pick(Match):
    """A positive atom for which any one fact of each group will do (`views` says when).

    Facts that agree in the columns `group` are a group. The best choice joins, by its columns `key`, with the fewest
    facts of `joined` by their columns `joined_key`.
    """

    group: tuple[int, ...] = ()
    joined: str = ""
    key: tuple[int, ...] = ()
    joined_key: tuple[int, ...] = ()


@dataclass(frozen=True)
class Never:
    """No values of the variables that are not `shared` with the clause meet all the goals; made from negated views."""

    goals: tuple[Any, ...]
    shared: tuple[Variable, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Goal = Match | Absent | Enumerate | Test | Compare | Lookup
"""What rules are made of. Only what the network runs holds a `Never`, in the place of a negated view."""


@dataclass(frozen=True)
class Clause:
    """`head(terms) :- goals`, one conjunction. `rule` is the source it came from."""

    head: str
    terms: tuple[Expression, ...]
    goals: tuple[Goal, ...]
    rule: Rule | None = field(default=None, compare=False, repr=False)
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.head, self.terms, self.goals))


@dataclass(frozen=True)
class Fold:
    """An aggregate kept per group. Facts of `source` are (group…, binding…, payload…).

    `payload` columns start at `offset`: the keys, then the values. `descending` runs along the keys. `limit`
    is how many members `top` shows at most.
    """

    name: str
    kind: str
    source: str
    group: int
    offset: int
    descending: tuple[bool, ...] = ()
    limit: int | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


def variables(node: object) -> Iterator[Variable]:
    """Every variable in an expression, goal or tuple of them, in order, with repetitions."""
    if isinstance(node, Variable):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from variables(item)
    elif isinstance(node, Call):
        yield from variables(node.arguments)
    elif isinstance(node, ArrayTerm):
        yield from variables(node.items)
    elif isinstance(node, ObjectTerm):
        yield from variables(node.entries)
    elif isinstance(node, Match | Absent):
        yield from variables(node.terms)
    elif isinstance(node, Enumerate):
        yield from variables(node.inputs)
        yield from variables(node.outputs)
    elif isinstance(node, Test):
        yield from variables(node.call)
    elif isinstance(node, Compare):
        yield from variables(node.left)
        yield from variables(node.right)
    elif isinstance(node, Lookup):
        yield from variables(node.group)
        yield node.target
    elif isinstance(node, Never):
        yield from node.shared


def names(node: object) -> set[str]:
    """The names of the variables in a node."""
    return {v.name for v in variables(node)}


def rename(node: Any, mapping: dict[str, str]) -> Any:
    """The same node with its variables renamed."""
    if isinstance(node, Variable):
        return Variable(mapping.get(node.name, node.name), node.place)
    if isinstance(node, tuple):
        return tuple(rename(item, mapping) for item in node)
    if isinstance(node, Constant | RefLiteral | str | bool | int | None):
        return node
    changed = {f.name: rename(getattr(node, f.name), mapping) for f in dataclasses.fields(node) if f.compare}
    return dataclasses.replace(node, **changed)
