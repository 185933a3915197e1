"""Functions that rules may call: pure Python with declared types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rulekube.engine.values import NO_VALUE, Ref, to_json


@dataclass(frozen=True)
class Function:
    """A pure Python function that rules may call, with its column types."""

    name: str
    call: Callable[..., Any]
    arguments: tuple[str, ...]
    returns: str
    variadic: bool = False

    def __call__(self, *arguments: Any) -> Any:
        """Call it as Python would."""
        return self.call(*arguments)


def function(
    *, returns: str, arguments: Sequence[str], name: str | None = None, variadic: bool = False
) -> Callable[[Callable[..., Any]], Function]:
    """Declare a pure function for rules: `@function(returns="int", arguments=("symbol",))`.

    JSON arguments arrive as they are stored (`from_json` unwraps); a JSON result may be a plain list or dict. Raises
    ValueError for a type that does not exist and for a Python function of another number of arguments. A result that is
    not of the declared type raises TypeError when it is given, which undoes the commit.
    """
    known = _PYTHON_TYPES.keys() | {"json", "any", "number"}
    wrong = [type_ for type_ in (*arguments, returns) if type_ not in known]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a type; there are {', '.join(sorted(known))}")

    def declare(call: Callable[..., Any]) -> Function:
        own = name or call.__name__
        try:
            inspect.signature(call).bind(*arguments)
        except TypeError as error:
            raise ValueError(f"{own} is declared with {len(arguments)} arguments: {error}") from None
        return Function(own, _returning(call, own, returns), tuple(arguments), returns, variadic)

    return declare


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "symbol": (str,),
    "int": (int,),
    "time": (int,),
    "quantity": (int,),
    "float": (float, int),
    "bool": (bool,),
    "ref": (Ref,),
}


def _returning(call: Callable[..., Any], name: str, returns: str) -> Callable[..., Any]:
    """The function with its result wrapped (json) or checked."""
    if returns == "json":
        return lambda *arguments: to_json(call(*arguments))
    types = _PYTHON_TYPES.get(returns)
    if types is None:
        return call

    def checked(*arguments: Any) -> Any:
        value = call(*arguments)
        if value is NO_VALUE or (isinstance(value, types) and (value.__class__ is not bool or returns == "bool")):
            return value
        raise TypeError(f"function `{name}` gave {value!r}, which is not of its declared type {returns}")

    return checked
