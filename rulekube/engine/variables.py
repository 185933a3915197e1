"""The variables of a rule as it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rulekube.engine.syntax import Variable


def occurrences(node: Any) -> Iterator[Variable]:
    """Every variable of a piece of syntax, in order, with repetitions."""
    if isinstance(node, Variable):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from occurrences(item)
    elif dataclasses.is_dataclass(node):
        for part in dataclasses.fields(node):
            if part.compare:
                yield from occurrences(getattr(node, part.name))
