"""Field selectors: `spec.nodeName=n1,status.phase!=Running` over the few fields a resource offers.

A field that is missing counts as the empty text. Terms stand in the order of their text, which is the order in which
Kubernetes finds fault with them.
Source: k8s.io/apimachinery/pkg/fields/selector.go (ParseSelector).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

from rulekube.errors import SelectorError

EQUALS: Final = "="
NOT_EQUALS: Final = "!="
_WRONG: Final = "invalid field selector: "


class FieldRequirement(NamedTuple):
    """One condition: `operator` is `=` or `!=`."""

    field: str
    operator: str
    value: str

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether the fields satisfy it."""
        return (fields.get(self.field, "") == self.value) == (self.operator == EQUALS)

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{escape(self.value)}"


class FieldSelector(NamedTuple):
    """All conditions, in the order of their text; without any it selects everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether the fields satisfy every condition."""
        return all(requirement.matches(fields) for requirement in self.requirements)

    def exact(self, field: str) -> str | None:
        """The one value the selector admits for `field`, if it says so: lists of one name become a get."""
        return next((r.value for r in self.requirements if r.field == field and r.operator == EQUALS), None)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


@v_args(inline=True)
class _Build(Transformer[Token, object]):
    def selector(self, *parts: str) -> list[str]:
        return sorted(part for part in parts if part)

    def part(self, text: str = "") -> str:
        return str(text)

    def term(self, *tokens: Token | str) -> FieldRequirement:
        field, sign, *value = tokens if tokens[0].type == "FIELD" else ("", *tokens)  # type: ignore[union-attr]
        return FieldRequirement(str(field), NOT_EQUALS if sign == NOT_EQUALS else EQUALS, "".join(value))

    def plain(self, text: str) -> str:
        return str(text)

    def escaped(self, text: str) -> str:
        return str(text[1:])


_PARSER: Final = Lark.open(
    "field.lark",
    rel_to=__file__,
    parser="lalr",
    lexer="contextual",
    start=["selector", "term"],
    transformer=_Build(),
    maybe_placeholders=False,
)


@lru_cache(maxsize=1024)
def parse(text: str) -> FieldSelector:
    """The selector that `text` means; SelectorError carries Kubernetes' words."""
    parts = cast("list[str]", _PARSER.parse(text, start="selector"))
    terms = [_term(part, text) for part in parts]
    return FieldSelector(tuple(term for term in terms if term.field or term.value))  # a bare sign says nothing


def _term(part: str, whole: str) -> FieldRequirement:
    try:
        return cast(FieldRequirement, _PARSER.parse(part, start="term"))
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":  # no sign came
            raise SelectorError(f"invalid selector: '{whole}'; can't understand '{part}'") from None
        raise SelectorError(_complaint(part[error.pos_in_stream or 0 :])) from None


def _complaint(rest: str) -> str:
    """What is wrong with a value from its first bad character on: Kubernetes names an unescaped one by its number."""
    if rest.startswith("\\"):
        return f"{_WRONG}invalid escape sequence: {rest[:2]}"
    return f"{_WRONG}unescaped character in value: {ord(rest[0])}"


def escape(value: str) -> str:
    """A value as a selector's text writes it."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
