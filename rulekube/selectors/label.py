"""Label selectors as text: `parse` turns `app=web,tier notin (db)` into a Selector, or says what Kubernetes would say.

Lark reads the text into plain requirements; only then are they validated, from left to right. When the text stops
making sense, Kubernetes complains about the first of: an invalid requirement before the place, an invalid key of the
requirement it was reading, the place itself. The words for the place follow from what could have stood there.
Source: k8s.io/apimachinery/pkg/labels/selector.go (Parse).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedToken, v_args

from rulekube.errors import SelectorError
from rulekube.selectors.field_error import FieldError, aggregate
from rulekube.selectors.requirement import (
    ABSENT,
    BINARY,
    EXISTS,
    GREATER,
    LESS,
    Requirement,
    Selector,
    key_errors,
    requirement_errors,
    selector_of,
)

_END: Final = "$END"
_NAMES: Final = frozenset({"NAME", "IN", "NOTIN"})
_COMPLETE: Final = frozenset({_END, "COMMA"})
_WITHIN: Final = "unable to parse requirement: "
_VALUES: Final = _NAMES | {"COMMA", "RPAR"}
_LATER_VALUE: Final = _WITHIN + "found '{}', expected: ',', or identifier"

_EXPECTED: Final[dict[frozenset[str], str]] = {  # what could have stood there → what Kubernetes says of what did
    _NAMES | {"BANG", _END}: "found '{}', expected: !, identifier, or 'end of string'",
    _NAMES | {"BANG"}: "found '{}', expected: identifier after ','",
    _COMPLETE: "found '{}', expected: ',' or 'end of string'",
    _COMPLETE | {"COMPARE", "IN", "NOTIN"}: f"{_WITHIN}found '{{}}', expected: {', '.join(BINARY)}",
    _COMPLETE | _NAMES: _WITHIN + "found '{}', expected: identifier",
    _NAMES: _WITHIN + "found '{}', expected: identifier",
    frozenset({"LPAR"}): _WITHIN + "found '{}' expected: '('",
    _VALUES: _WITHIN + "found '{}', expected: ',', ')' or identifier",
    frozenset({"COMMA", "RPAR"}): _WITHIN + "found '{}', expected: ',' or ')'",
}


@v_args(inline=True)
class _Requirements(Transformer[Token, list[Requirement]]):
    """Builds requirements while the text is read."""

    def everything(self) -> list[Requirement]:
        return []

    def one(self, first: Requirement) -> list[Requirement]:
        return [first]

    def another(self, before: list[Requirement], last: Requirement) -> list[Requirement]:
        return [*before, last]

    def exists(self, key: str) -> Requirement:
        return Requirement(str(key), EXISTS)

    def absent(self, key: str) -> Requirement:
        return Requirement(str(key), ABSENT)

    def compare(self, key: str, sign: str, value: str = "") -> Requirement:
        return Requirement(str(key), {">": GREATER, "<": LESS}.get(sign, str(sign)), (str(value),))

    def member(self, key: str, operator: str, values: list[str]) -> Requirement:
        return Requirement(str(key), str(operator), tuple(sorted(set(values))))

    def first(self, value: str) -> list[str]:
        return [str(value)]

    def further(self, before: list[str], value: str) -> list[str]:
        return [*before, str(value)]

    def nothing(self) -> str:
        return ""


_PARSER: Final = Lark.open(
    "label.lark",
    rel_to=__file__,
    parser="lalr",
    lexer="basic",
    start="selector",
    transformer=_Requirements(),
    maybe_placeholders=False,
)


class _Stop(NamedTuple):
    """Where the text stopped making sense: the key of the requirement being read, if any, and what is said."""

    key: str | None
    complaint: str


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """The selector that `text` means; SelectorError carries Kubernetes' words."""
    requirements, stop = _read(_until_nul(text))
    for requirement in requirements:
        _refuse(key_errors(requirement.key, "") or requirement_errors(requirement))
    if stop is None:
        return selector_of(requirements)
    _refuse([] if stop.key is None else key_errors(stop.key, ""))
    raise SelectorError(stop.complaint)


def _read(text: str) -> tuple[list[Requirement], _Stop | None]:
    """The requirements up to the end of the text, or up to where it stops making sense."""
    try:
        return cast("list[Requirement]", _PARSER.parse(text)), None
    except UnexpectedToken as error:
        parser = error.interactive_parser
        assert parser is not None
        stack = parser.parser_state.value_stack
        expected = frozenset(parser.accepts())  # type: ignore[no-untyped-call]
        complaint = _complaint(expected, stack).format(error.token.value)
        if expected == _COMPLETE:
            return parser.feed_eof(), _Stop(None, complaint)  # type: ignore[no-untyped-call]
        key = next((str(item) for item in stack if isinstance(item, Token) and item.type in _NAMES), None)
        return (stack[0] if _are_requirements(stack) else []), _Stop(key, complaint)


def _complaint(expected: frozenset[str], stack: list[Any]) -> str:
    """The sentence for a place; among values, Kubernetes forgets the parenthesis once it is past the first comma."""
    if expected == _VALUES and getattr(stack[-1], "type", None) != "LPAR":
        return _LATER_VALUE
    return _EXPECTED[expected]


def _are_requirements(stack: list[Any]) -> bool:
    return bool(stack) and isinstance(stack[0], list) and isinstance(stack[0][0], Requirement)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise SelectorError(_WITHIN + aggregate(errors))


def _until_nul(text: str) -> str:
    """A NUL right after a word or sign merely ends it, as Kubernetes reads; any other ends the whole text."""
    return re.sub(r"(?<=[^ \t\r\n\0])\0", " ", text).partition("\0")[0]
