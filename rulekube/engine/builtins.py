"""Built-in functions and relations: pure Python over the values of facts.

A function that has no value for its arguments returns NO_VALUE, and the literal it stands in fails. `any` in a
signature takes every type; the last argument type repeats when `variadic`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rulekube.engine import amounts
from rulekube.engine.function import Function
from rulekube.engine.values import NO_VALUE, Json, Ref, order_key, to_json

RANKED = "$ranked"
"""The relation behind `top`, `bottom` and `rank`; rules cannot write its name."""


# --- arithmetic


def divide(a: Any, b: Any) -> Any:
    """Integers truncate toward zero; a division by zero has no value."""
    if b == 0:
        return NO_VALUE
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


def remainder(a: Any, b: Any) -> Any:
    """What `divide` leaves; it has the sign of the dividend."""
    if b == 0:
        return NO_VALUE
    if isinstance(a, int) and isinstance(b, int):
        return a - b * divide(a, b)
    return a - b * int(a / b)


# --- text


def to_text(value: Any) -> str:
    """Any value as text: symbols as they are, refs by path, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Json | Ref):
        return str(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return repr(value)


def _cat(*values: Any) -> str:
    return "".join(map(to_text, values))


def _symbol(value: Any) -> Any:
    return NO_VALUE if value is None or isinstance(value, Json) else to_text(value)


def _int(value: Any) -> Any:
    try:
        if isinstance(value, bool | int | float | str):
            return int(value)
    except (ValueError, OverflowError):
        pass
    return NO_VALUE


def _float(value: Any) -> Any:
    try:
        if isinstance(value, bool | int | float | str):
            return float(value)
    except (ValueError, OverflowError):
        pass
    return NO_VALUE


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return len(value)
    return len(value.value) if isinstance(value, Json) else NO_VALUE


def _substring(text: str, start: int, length: int) -> str:
    start = max(start, 0)
    return text[start : start + max(length, 0)]


def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new)


def _split(text: str, separator: str) -> Json:
    return Json(text.split(separator) if separator else list(text))


def _join(array: Any, separator: str) -> Any:
    if not isinstance(array, Json) or not isinstance(array.value, list):
        return NO_VALUE
    return separator.join(to_text(to_json(item)) for item in array.value)


@lru_cache(4096)
def _pattern(regex: str) -> re.Pattern[str] | None:
    try:
        return re.compile(regex)
    except re.error:
        return None


def _matches(text: str, regex: str) -> Any:
    pattern = _pattern(regex)
    return NO_VALUE if pattern is None else pattern.search(text) is not None


def _capture(text: str, regex: str, group: int) -> Any:
    """What a group of the first match holds; group 0 is the whole match."""
    pattern = _pattern(regex)
    found = pattern.search(text) if pattern is not None else None
    if found is None or not 0 <= group <= pattern.groups or found[group] is None:  # type: ignore[union-attr]
        return NO_VALUE
    return found[group]


def _find_all(text: str, regex: str) -> Any:
    """All matches, as an array of texts."""
    pattern = _pattern(regex)
    return NO_VALUE if pattern is None else Json([found[0] for found in pattern.finditer(text)])


def _substitute(text: str, regex: str, new: str) -> Any:
    """Every match replaced by `new`, which stands for itself."""
    pattern = _pattern(regex)
    return NO_VALUE if pattern is None else pattern.sub(lambda _: new, text)


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str):
        return isinstance(part, str) and part in whole
    if isinstance(whole, Json) and isinstance(whole.value, list):
        return any(to_json(item) == part for item in whole.value)
    return False


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(order_key(value)).encode()).hexdigest()


# --- JSON


def plain(value: Any) -> Any:
    """A value as it stands inside JSON."""
    if isinstance(value, Json):
        return value.value
    return value.path if isinstance(value, Ref) else value


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386, over plain Python values."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _merge(target: Any, patch: Any) -> Any:
    return to_json(merge_patch(plain(target), plain(patch)))


def _type_of(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null", Ref: "ref"}
    if isinstance(value, Json):
        return "array" if isinstance(value.value, list | tuple) else "object"
    return kinds[type(value)]


_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


@lru_cache(4096)
def path_steps(path: str) -> tuple[str | int, ...] | None:
    """`a.b[0]['c.d']` as ("a", "b", 0, "c.d"); None when it is not a path."""
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None or (position == 0 and path[0] == "."):
            return None
        name, index, single, double = found.groups()
        steps.append(int(index) if index is not None else next(k for k in (name, single, double) if k is not None))
        position = found.end()
    return tuple(steps)


def _at(value: Any, path: str) -> Iterator[tuple[Any]]:
    steps = path_steps(path)
    if steps is None:
        return
    inner = plain(value)
    for step in steps:
        if isinstance(step, str):
            if not isinstance(inner, dict) or step not in inner:
                return
        elif not isinstance(inner, list | tuple) or step >= len(inner):
            return
        inner = inner[step]
    yield (to_json(inner),)


def _item(value: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(value, Json) and isinstance(value.value, list | tuple):
        for index, item in enumerate(value.value):
            yield index, to_json(item)


def _field(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Json) and isinstance(value.value, dict):
        for key in value.value:
            yield key, to_json(value.value[key])


def _range(first: int, end: int) -> Iterable[tuple[int]]:
    if end - first > _LONGEST_RANGE:
        raise OverflowError(f"range({first}, {end}) has more than {_LONGEST_RANGE} numbers")
    return zip(range(first, end), strict=False)


_LONGEST_RANGE = 10**6
"""A rule that counts further than this would hold up the commit; it is undone, and the error names the rule."""


def _ranked(ordered: tuple[Any, ...], limit: int) -> Iterable[tuple[Any, int]]:
    """The members of a `top`, `bottom` or `rank` with their places, from 1."""
    return zip(ordered[: max(limit, 0)], range(1, len(ordered) + 1), strict=False)


@dataclass(frozen=True)
class Builtin:
    """A relation computed by Python: the `inputs` must be bound, the call yields tuples of the `outputs`."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    call: Callable[..., Iterable[tuple[Any, ...]]]


RELATIONS = {
    b.name: b
    for b in (
        Builtin("at", ("json", "symbol"), ("json",), _at),
        Builtin("item", ("json",), ("int", "json"), _item),
        Builtin("field", ("json",), ("symbol", "json"), _field),
        Builtin("range", ("int", "int"), ("int",), _range),
        Builtin(RANKED, ("any", "int"), ("any", "int"), _ranked),
    )
}

CONSTANTS: dict[tuple[str, int], tuple[Callable[[str], object], str, str]] = {
    ("matches", 1): (
        lambda s: _pattern(s) or NO_VALUE,
        "regular expression",
        "Python's `re` says what may stand there",
    ),
    ("capture", 1): (
        lambda s: _pattern(s) or NO_VALUE,
        "regular expression",
        "Python's `re` says what may stand there",
    ),
    ("find_all", 1): (
        lambda s: _pattern(s) or NO_VALUE,
        "regular expression",
        "Python's `re` says what may stand there",
    ),
    ("substitute", 1): (
        lambda s: _pattern(s) or NO_VALUE,
        "regular expression",
        "Python's `re` says what may stand there",
    ),
    ("quantity", 0): (amounts.quantity, "quantity", "write for example 100m, 1.5, 2Gi or 1e3"),
    ("time", 0): (amounts.time, "time", "write RFC 3339, for example 2026-01-02T03:04:05Z"),
}
"""(function, argument): what reads a constant there, what it is called, and a hint. NO_VALUE: the text is wrong."""

FUNCTIONS = {
    f.name: f
    for f in (
        Function("cat", _cat, ("any",), "symbol", variadic=True),
        Function("symbol", _symbol, ("any",), "symbol"),
        Function("int", _int, ("any",), "int"),
        Function("float", _float, ("any",), "float"),
        Function("length", _length, ("any",), "int"),
        Function("lower", str.lower, ("symbol",), "symbol"),
        Function("upper", str.upper, ("symbol",), "symbol"),
        Function("substring", _substring, ("symbol", "int", "int"), "symbol"),
        Function("replace", _replace, ("symbol", "symbol", "symbol"), "symbol"),
        Function("split", _split, ("symbol", "symbol"), "json"),
        Function("join", _join, ("json", "symbol"), "symbol"),
        Function("starts_with", str.startswith, ("symbol", "symbol"), "bool"),
        Function("ends_with", str.endswith, ("symbol", "symbol"), "bool"),
        Function("contains", _contains, ("any", "any"), "bool"),
        Function("matches", _matches, ("symbol", "symbol"), "bool"),
        Function("capture", _capture, ("symbol", "symbol", "int"), "symbol"),
        Function("find_all", _find_all, ("symbol", "symbol"), "json"),
        Function("substitute", _substitute, ("symbol", "symbol", "symbol"), "symbol"),
        Function("trim", str.strip, ("symbol",), "symbol"),
        Function("quantity", amounts.quantity, ("any",), "quantity"),
        Function("time", amounts.time, ("any",), "time"),
        Function("rfc3339", amounts.rfc3339, ("time",), "symbol"),
        Function("abs", abs, ("number",), "same"),
        Function("min", min, ("number", "number"), "same"),
        Function("max", max, ("number", "number"), "same"),
        Function("digest", _digest, ("any",), "symbol"),
        Function("merge", _merge, ("json", "json"), "json"),
        Function("type_of", _type_of, ("any",), "symbol"),
        Function("+", lambda a, b: a + b, ("number", "number"), "same"),
        Function("-", lambda a, b: a - b, ("number", "number"), "same"),
        Function("*", lambda a, b: a * b, ("number", "number"), "same"),
        Function("/", divide, ("number", "number"), "same"),
        Function("%", remainder, ("number", "number"), "same"),
    )
}
