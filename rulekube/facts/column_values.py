"""The values of columns: what a plain JSON value becomes in a fact, by the column's type.

A value that is not of the type is ABSENT: the column's default takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rulekube.engine.values import Ref, to_json
from rulekube.facts import resources
from rulekube.facts.quantity import QuantityError, nano
from rulekube.facts.timestamp import parse_time

RawObject = dict[str, Any]
Fact = tuple[Any, ...]
ABSENT: Any = object()
_CLUSTER_SCOPED = frozenset(row.kind for row in resources.TABLE if not row.namespaced)


class Context:
    """The object being flattened, and where the facts of the mapping at work go."""

    __slots__ = ("namespace", "out", "ref")

    def __init__(self, raw: RawObject) -> None:
        self.ref = ref_of(raw)
        self.namespace: str = raw["metadata"].get("namespace", "")
        self.out: list[Fact] = []


def ref_of(raw: RawObject) -> Ref:
    """The object as a ref: `pod/shop/cart-7f9` or `node/n1`, and its uid."""
    metadata = raw["metadata"]
    return _ref(raw["kind"], metadata.get("namespace", ""), metadata["name"], metadata.get("uid", ""))


def _ref(kind: str, namespace: str, name: str, uid: str) -> Ref:
    return Ref(f"{kind.lower()}/{namespace}/{name}" if namespace else f"{kind.lower()}/{name}", uid)


def symbol(value: Any, _context: Context) -> Any:
    """Texts alone are symbols."""
    return value if isinstance(value, str) else ABSENT


def _int(value: Any, _context: Context) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else ABSENT


def _float(value: Any, _context: Context) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else ABSENT


def _bool(value: Any, _context: Context) -> Any:
    return value if isinstance(value, bool) else ABSENT


def _json(value: Any, _context: Context) -> Any:
    return to_json(value)


def _time(value: Any, _context: Context) -> Any:
    try:
        return parse_time(value) if isinstance(value, str) else ABSENT
    except ValueError:
        return ABSENT


def _quantity(value: Any, _context: Context) -> Any:
    try:
        return nano(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ABSENT
    except QuantityError:
        return ABSENT


def _reference(value: Any, context: Context) -> Any:
    if not isinstance(value, dict) or not all(value.get(field) for field in ("kind", "name", "uid")):
        return ABSENT
    own = "" if value["kind"] in _CLUSTER_SCOPED else context.namespace
    return _ref(value["kind"], value.get("namespace") or own, value["name"], value["uid"])


CONVERT: dict[str, Callable[[Any, Context], Any]] = {
    "symbol": symbol,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "json": _json,
    "time": _time,
    "quantity": _quantity,
    "ref": _reference,
}
