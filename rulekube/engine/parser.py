"""Text to syntax: one Lark pass, and all syntax errors of a file at once.

After a syntax error the statement that holds it is blanked out (up to its full stop) and the rest is read again, so
that one slip does not hide the next.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from lark import Lark, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError
from lark.lexer import PatternStr

from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.lowering import Lowering
from rulekube.engine.syntax import Literal, Module, Place

_STATEMENT_END = re.compile(r"\.(?=\s|$)")
_MOST_ERRORS = 20
_WORDS = {
    "NAME": "a lower-case name",
    "VARIABLE": "a Variable",
    "WILDCARD": "`_`",
    "STRING": 'a "symbol"',
    "INT": "a number",
    "FLOAT": "a number",
    "DURATION": "a number",
    "REF": "a ref such as kind/name",
    "OPERATOR": "a comparison",
    "SIGN": "`+` or `-`",
    "TIMES": "`*`, `/` or `%`",
    "$END": "the end",
}


@cache
def _lark() -> Lark:
    grammar = resources.files("rulekube.engine").joinpath("datalog.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=["start", "body_only"], propagate_positions=True, maybe_placeholders=True)


@lru_cache(256)
def parse_module(text: str, name: str) -> Module:
    """Parse one file. Raises RuleError with every syntax error in it. Equal texts are parsed once a process."""
    errors: list[Diagnostic] = []
    remaining = text
    while True:
        try:
            module = _parse(remaining, name, text)
        except _SyntaxSlip as slip:
            errors.append(slip.diagnostic)
            if len(errors) >= _MOST_ERRORS:
                raise RuleError(errors) from None
            remaining = _blank(remaining, slip.offset)
            continue
        if errors:
            raise RuleError(errors)
        return module


def parse_body(text: str, name: str = "<query>") -> tuple[Literal, ...]:
    """Parse the body of a query."""
    try:
        tree = _lark().parse(text, start="body_only")
    except UnexpectedInput as slip:
        raise RuleError([_diagnostic(slip, text, name)]) from None
    try:
        return Lowering(name, text).body_of(tree)
    except VisitError as wrapped:
        raise wrapped.orig_exc from None


class _SyntaxSlip(Exception):  # noqa: N818 - a signal between two functions, not an error of its own
    def __init__(self, diagnostic: Diagnostic, offset: int) -> None:
        super().__init__()
        self.diagnostic = diagnostic
        self.offset = offset


def _parse(text: str, name: str, source: str) -> Module:
    try:
        tree = _lark().parse(text, start="start")
        return Lowering(name, source).module_of(tree)
    except UnexpectedInput as slip:
        raise _SyntaxSlip(_diagnostic(slip, source, name), _offset(slip, text)) from None
    except VisitError as wrapped:
        if isinstance(wrapped.orig_exc, RuleError):
            diagnostic = wrapped.orig_exc.diagnostics[0]
            raise _SyntaxSlip(diagnostic, _offset_of(diagnostic.place, text)) from None
        raise wrapped.orig_exc from None


def _offset_of(place: Place, text: str) -> int:
    return sum(len(line) + 1 for line in text.split("\n")[: place.line - 1]) + place.column - 1


def _offset(slip: UnexpectedInput, text: str) -> int:
    return slip.pos_in_stream if slip.pos_in_stream is not None and slip.pos_in_stream >= 0 else len(text) - 1


def _blank(text: str, offset: int) -> str:
    """Replace the statement around `offset` by blanks, keeping lines where they are."""
    start = max((m.end() for m in _STATEMENT_END.finditer(text, 0, max(offset, 0))), default=0)
    declared = text.rfind("\n.", start, max(offset, 0))
    start = max(start, declared + 1)
    ending = _STATEMENT_END.search(text, max(offset, 0))
    end = ending.end() if ending else len(text)
    following = re.compile(r"\n\.[a-z]").search(text, offset + 1, end)
    if following:
        end = following.start()
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def _diagnostic(slip: UnexpectedInput, text: str, name: str) -> Diagnostic:
    lines = text.split("\n")
    line, column = slip.line, slip.column
    if line is None or line < 1:
        line, column = len(lines), len(lines[-1]) + 1
    found = "the end of the text"
    if isinstance(slip, UnexpectedToken) and slip.token.type != "$END":
        found = f"`{slip.token}`"
    elif not isinstance(slip, UnexpectedToken) and line <= len(lines):
        found = f"`{lines[line - 1][column - 1 : column]}`"
    expected = _expected(slip)
    message = f"unexpected {found}" + (f"; expected {expected}" if expected else "")
    return Diagnostic("syntax", message, Place(name, line, column), _hint(found, slip), lines[line - 1])


def _expected(slip: UnexpectedInput) -> str:
    names: Any = (
        getattr(slip, "accepts", None) or getattr(slip, "expected", None) or getattr(slip, "allowed", None) or ()
    )
    terminals = {t.name: t.pattern for t in _lark().terminals}
    words = set()
    for terminal in names:
        pattern = terminals.get(terminal)
        words.add(f"`{pattern.value}`" if isinstance(pattern, PatternStr) else _WORDS.get(terminal, ""))
    shown = sorted(w for w in words if w)
    return " or ".join(shown) if 0 < len(shown) <= 6 else ""


def _hint(found: str, slip: UnexpectedInput) -> str:
    expected: Any = getattr(slip, "accepts", None) or getattr(slip, "expected", None) or ()
    if found == "`'`":
        return 'symbols are written in double quotes: "a"'
    if "DOT" in expected:
        return "a rule ends with a full stop"
    if "LPAR" in expected and len(expected) <= 2:
        return "symbols are quoted, variables are Capitalised"
    return ""
