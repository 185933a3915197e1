"""Live relations in pyDatalog's own Python syntax.

    from pyDatalog import pyDatalog
    from rulekube.pydatalog import connected

    with connected(database):
        print(pyDatalog.ask("path('a', X)"))

pyDatalog asks a resolver for every predicate `name/arity`; here that is a query of the relation as it then is.
Objects are their paths (`pod/shop/cart`). pyDatalog's table of resolvers belongs to the process, so one connection is
open at a time; leaving the `with` block takes the resolvers away again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pyDatalog import pyEngine

from rulekube.engine import Database, Ref, from_json

Rows = Iterable[Sequence[Any]]


@contextmanager
def connected(database: Database) -> Iterator[None]:
    """Within it pyDatalog knows the database's relations."""
    arities = {name: len(info.columns) for name, info in database.program.relations.items()}
    with resolved(arities, lambda name: database.facts(name)):
        yield


@contextmanager
def connected_to_cluster(ask: Callable[[str], Rows], relations: Iterable[tuple[str, int]]) -> Iterator[None]:
    """Within it pyDatalog knows these relations (name, arity) of a cluster; `ask` gives a question's rows."""
    arities = dict(relations)

    def rows(name: str) -> Rows:
        return ask(f"{name}({', '.join(f'X{i}' for i in range(arities[name]))})")

    with resolved(arities, rows):
        yield


@contextmanager
def resolved(arities: dict[str, int], rows: Callable[[str], Rows]) -> Iterator[None]:
    """Within it these predicates are resolved by their rows. Raises RuntimeError where one is taken."""
    table: dict[str, Any] = pyEngine.Python_resolvers
    made = {f"{name}/{arity}": _resolver(name, rows) for name, arity in arities.items()}
    taken = sorted(made.keys() & table.keys())
    if taken:
        raise RuntimeError(f"pyDatalog resolves {taken[0]} already: close the other connection first")
    table.update(made)
    try:
        yield
    finally:
        for key in made:
            del table[key]


def _resolver(name: str, rows: Callable[[str], Rows]) -> Callable[..., Iterator[tuple[Any, ...]]]:
    """What pyDatalog calls with its terms, some of them constants: the rows that agree with these."""

    def resolve(*terms: Any) -> Iterator[tuple[Any, ...]]:
        bound = [(i, term.id) for i, term in enumerate(terms) if term.is_const()]
        for row in rows(name):
            plain = tuple(value.path if isinstance(value, Ref) else from_json(value) for value in row)
            if all(plain[i] == value for i, value in bound):
                yield plain

    return resolve
