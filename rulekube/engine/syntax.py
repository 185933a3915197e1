"""The abstract syntax of a rule file: what the parser makes and every later step reads.

All nodes are frozen. `place` takes no part in equality, so that two texts that mean the same compare equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rulekube.engine.errors import Diagnostic


class Place(NamedTuple):
    """Where something is written; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Place("<none>", 0, 0)


@dataclass(frozen=True)
class Variable:
    """A Capitalised name. Wildcards are variables named `_1`, `_2`, …, each used once."""

    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def wildcard(self) -> bool:
        """Whether it was written `_`."""
        return self.name[0] == "_"


@dataclass(frozen=True)
class Constant:
    """A literal value and its type as written: symbol, int, float, bool or null."""

    value: Any
    type: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class RefLiteral:
    """A bare `pod/shop/cart`, resolved by the database's `resolve_ref`."""

    path: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Call:
    """A function applied to arguments; the arithmetic operators are calls of `+ - * / %`."""

    function: str
    arguments: tuple[Expression, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class ArrayTerm:
    """`[X, Y]`."""

    items: tuple[Expression, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class ObjectTerm:
    """`{"k": X}`; a key is a symbol or a variable that holds one."""

    entries: tuple[tuple[Expression, Expression], ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Expression = Variable | Constant | RefLiteral | Call | ArrayTerm | ObjectTerm


@dataclass(frozen=True)
class Atom:
    """`relation(X, 1)`, or with named arguments `relation(column: X)`: then `names` runs along `arguments`."""

    relation: str
    arguments: tuple[Expression, ...]
    names: tuple[str, ...] | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Negation:
    """`not atom`."""

    atom: Atom
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Comparison:
    """`left op right` with op one of `= != < <= > >=`."""

    operator: str
    left: Expression
    right: Expression
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class SortKey:
    """One key of `by`: an expression, and its direction if one was written."""

    expression: Expression
    descending: bool | None = None


@dataclass(frozen=True)
class Aggregate:
    """`target = kind values by keys : { body }`.

    `values` is empty for count, (E,) for sum min max mean argmax argmin array top bottom rank, (K, V) for object.
    `limit` is of top and bottom: how many.
    """

    kind: str
    target: Expression
    operator: str
    values: tuple[Expression, ...]
    keys: tuple[SortKey, ...]
    body: tuple[Literal, ...]
    limit: Expression | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Disjunction:
    """`( a, b ; c )`."""

    alternatives: tuple[tuple[Literal, ...], ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Literal = Atom | Negation | Comparison | Aggregate | Disjunction


@dataclass(frozen=True)
class Rule:
    """`head :- body.`; a fact of the text is a rule without a body. `text` is the source, for explanations."""

    head: Atom
    body: tuple[Literal, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class Column:
    """A column of a declaration. `path` and `default` are of `.input` only; `required` means no default was given."""

    name: str
    type: str
    path: str | None = None
    default: Any = None
    required: bool = True
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Mapping:
    """What `.input … from Kind "path"` says: objects of `kind` (`*`: any) become facts of `relation`."""

    relation: str
    kind: str
    path: str
    columns: tuple[Column, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Declaration:
    """`.decl`, `.input` or `.action` of one relation; `doc` is the comment directly above it."""

    name: str
    columns: tuple[Column, ...]
    doc: str = ""
    mapping: Mapping | None = None
    key: tuple[str, ...] = ()
    actuator: str = ""
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Include:
    """`.include "file"`."""

    path: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Output:
    """`.output relation`."""

    relation: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class External:
    """`.input relation`, as Soufflé writes it: facts come from outside, as they do for every base relation."""

    relation: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Module:
    """One parsed file. `slips` says what could not be read of it, `hidden` which names occur there."""

    name: str
    includes: tuple[Include, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    outputs: tuple[Output, ...] = ()
    rules: tuple[Rule, ...] = ()
    source: str = field(default="", repr=False)
    externals: tuple[External, ...] = ()
    slips: tuple[Diagnostic, ...] = ()
    hidden: frozenset[str] = frozenset()
