"""Label selectors as text: `parse` turns `app=web,tier notin (db)` into a Selector, or says what Kubernetes would say.

Lark reads the text into plain requirements; only then are they validated, from left to right. When the text stops
making sense, Kubernetes complains about the first of: an invalid requirement before the place, an invalid key of the
requirement it was reading, the place itself. The words for the place follow from what could have stood there.
Source: k8s.io/apimachinery/pkg/labels/selector.go (Parse).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, cast

from lark import Lark, Token, Transformer, UnexpectedToken, v_args
from lark.parsers.lalr_interactive_parser import InteractiveParser

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


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """The selector that `text` means; SelectorError carries Kubernetes' words."""
    requirements, error = _read(_until_nul(text))
    for requirement in requirements:
        _refuse(key_errors(requirement.key, "") or requirement_errors(requirement))
    if error is None:
        return selector_of(requirements)
    _refuse(key_errors(key, "") if (key := _unfinished_key(error)) is not None else [])
    raise SelectorError(_complaint(error))


def _read(text: str) -> tuple[list[Requirement], UnexpectedToken | None]:
    """The requirements up to the end of the text, or up to where it stops making sense."""
    try:
        return cast("list[Requirement]", _PARSER.parse(text)), None
    except UnexpectedToken as error:
        parser = _state(error)
        if _expected(parser) == _COMPLETE:
            return parser.feed_eof(), error  # type: ignore[no-untyped-call]
        built = parser.parser_state.value_stack[:1]
        return (built[0] if built and _are_requirements(built[0]) else []), error


def _unfinished_key(error: UnexpectedToken) -> str | None:
    """The key of the requirement that was being read, if it got so far: the first name after what is built."""
    parser = _state(error)
    if _expected(parser) == _COMPLETE:
        return None
    names = (str(item) for item in parser.parser_state.value_stack if isinstance(item, Token) and item.type in _NAMES)
    return next(names, None)


def _complaint(error: UnexpectedToken) -> str:
    expected = _expected(_state(error))
    later_value = expected == _VALUES and not _follows_parenthesis(error)
    template = _LATER_VALUE if later_value else _EXPECTED[expected]
    return template.format(error.token.value)


def _follows_parenthesis(error: UnexpectedToken) -> bool:
    last = _state(error).parser_state.value_stack[-1]
    return isinstance(last, Token) and last.type == "LPAR"


def _expected(parser: InteractiveParser) -> frozenset[str]:
    return frozenset(parser.accepts())  # type: ignore[no-untyped-call]


def _state(error: UnexpectedToken) -> InteractiveParser:
    assert error.interactive_parser is not None  # the LALR parser always leaves one
    return error.interactive_parser


def _are_requirements(built: object) -> bool:
    return isinstance(built, list) and all(isinstance(item, Requirement) for item in built)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise SelectorError(_WITHIN + aggregate(errors))


def _until_nul(text: str) -> str:
    """A NUL right after a word or sign merely ends it, as Kubernetes reads; any other ends the whole text."""
    return re.sub(r"(?<=[^ \t\r\n\0])\0", " ", text).partition("\0")[0]
