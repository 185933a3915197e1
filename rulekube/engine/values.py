"""The values a fact may hold.

Symbols, numbers and booleans are Python's own. A JSON array or object is a `Json`: immutable, hashable, equal when the
canonical texts are equal. A `Ref` names an object of the outside world by path and uid; equal refs are the same Python
object, so a join on refs compares pointers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, final

import msgspec

Scalar = str | int | float | bool | None
Fact = tuple[Any, ...]
"""A ground tuple of a relation; its elements are symbols, numbers, booleans, JSON values and refs."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@final
class NoValue:
    """The type of NO_VALUE."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE: Final = NoValue()
"""What a function returns where it has no value: the literal fails, and the rule does not fire."""


@final
class Json:
    """A JSON array or object. `value` is the plain Python value, never to be mutated; `text` is canonical."""

    __slots__ = ("_hash", "text", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.text: bytes = _encode(value)
        self._hash = hash(self.text)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Json) and self._hash == other._hash and self.text == other.text)

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: Json) -> bool:
        return self.text < other.text

    def __repr__(self) -> str:
        return f"Json({self.text.decode()})"

    def __str__(self) -> str:
        return self.text.decode()


def to_json(value: Any) -> Any:
    """Wrap a plain Python value: scalars stay themselves, lists and dicts become `Json`."""
    if isinstance(value, dict | list | tuple):
        return Json(value)
    return value


def from_json(value: Any) -> Any:
    """The plain Python value of a JSON column."""
    return value.value if isinstance(value, Json) else value


@final
class Ref:
    """One object of the outside world, by path (`pod/shop/cart-7f9`) and uid; interned, compared by identity.

    A re-created object has another uid and is another Ref.
    """

    __slots__ = ("path", "uid")
    _interned: dict[tuple[str, str], Ref] = {}  # noqa: RUF012 - the intern table is shared on purpose

    path: str
    uid: str

    def __new__(cls, path: str, uid: str = "") -> Ref:
        """Return the one Ref of this path and uid."""
        known = cls._interned.get((path, uid))
        if known is None:
            known = object.__new__(cls)
            object.__setattr__(known, "path", path)
            object.__setattr__(known, "uid", uid)
            cls._interned[path, uid] = known
        return known

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Ref is immutable")

    def __reduce__(self) -> tuple[type[Ref], tuple[str, str]]:
        return Ref, (self.path, self.uid)

    def __copy__(self) -> Ref:
        return self

    def __deepcopy__(self, _memo: object) -> Ref:
        return self

    def __lt__(self, other: Ref) -> bool:
        return (self.path, self.uid) < (other.path, other.uid)

    def __repr__(self) -> str:
        return f"Ref({self.path!r}, {self.uid!r})"

    def __str__(self) -> str:
        return self.path


def order_key(value: Any) -> tuple[int, Any]:
    """A key that totally orders the values of any column: null, booleans, numbers, symbols, refs, JSON."""
    if value is None:
        return (0, 0)
    if value is True or value is False:
        return (1, value)
    if isinstance(value, int | float):
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    if isinstance(value, Ref):
        return (4, (value.path, value.uid))
    return (5, value.text if isinstance(value, Json) else repr(value))


def fact_key(fact: Iterable[Any]) -> tuple[tuple[int, Any], ...]:
    """The order in which facts are listed."""
    return tuple(map(order_key, fact))


def show(value: Any) -> str:
    """A value as it is written in a rule file."""
    if isinstance(value, str | bool) or value is None:
        return _encode(value).decode()
    return str(value)


def show_fact(relation: str, fact: Iterable[Any]) -> str:
    """A fact as it is written in a rule file, without the full stop."""
    return f"{relation}({', '.join(map(show, fact))})"
