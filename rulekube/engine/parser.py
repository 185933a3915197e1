"""Text to syntax: one Lark pass, and all syntax errors of a file at once.

After a syntax error the statement that holds it is blanked out and the rest is read again, so that one slip does not
hide the next; what is left is a module that the later checks can go on with.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, lru_cache
from importlib import resources

from lark import Lark, UnexpectedInput
from lark.exceptions import VisitError

from rulekube.engine import slips
from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.lowering import Lowering
from rulekube.engine.syntax import Literal, Module

_STATEMENT_END = re.compile(r"\.(?=\s|$)")
_INSIDE = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*[\s\S]*?\*/')
_NAME = re.compile(r"(?<![A-Za-z0-9_])[a-z][A-Za-z0-9_.]*(?=\s*\()")
_MOST_ERRORS = 100


@cache
def _lark() -> Lark:
    grammar = resources.files("rulekube.engine").joinpath("datalog.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=["start", "body_only"], propagate_positions=True, maybe_placeholders=True)


def parse_module(text: str, name: str) -> Module:
    """Parse one file. Raises RuleError with every syntax error in it."""
    module = read_module(text, name)
    if module.slips:
        raise RuleError(module.slips)
    return module


@lru_cache(256)
def read_module(text: str, name: str) -> Module:
    """Parse what can be read of one file; its `slips` say what cannot. Equal texts are parsed once a process."""
    found: list[Diagnostic] = []
    hidden: set[str] = set()
    remaining = text
    while True:
        try:
            module = _parse(remaining, name, text)
            return replace(module, slips=tuple(found), hidden=frozenset(hidden)) if found else module
        except _SyntaxSlip as slip:
            found.append(slip.diagnostic)
            start, end = _statement(_masked(remaining), slip.offset)
            hidden |= set(_NAME.findall(remaining, start, end))
            blanked = remaining[:start] + re.sub(r"[^\n]", " ", remaining[start:end]) + remaining[end:]
            if len(found) >= _MOST_ERRORS or blanked == remaining:
                return Module(name, source=text, slips=tuple(found), hidden=frozenset(_NAME.findall(text)))
            remaining = blanked


def parse_body(text: str, name: str = "<query>") -> tuple[Literal, ...]:
    """Parse the body of a query."""
    try:
        tree = _lark().parse(text, start="body_only")
    except UnexpectedInput as slip:
        raise RuleError([slips.describe(slip, _masked(text), text, name, _lark())]) from None
    try:
        return Lowering(name, text).body_of(tree)
    except VisitError as wrapped:
        raise wrapped.orig_exc from None


class _SyntaxSlip(Exception):  # noqa: N818 - a signal between two functions, not an error of its own
    def __init__(self, diagnostic: Diagnostic, text: str) -> None:
        super().__init__()
        self.diagnostic = diagnostic
        line, column = diagnostic.place.line, diagnostic.place.column
        self.offset = min(sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1, len(text))


def _parse(text: str, name: str, source: str) -> Module:
    try:
        tree = _lark().parse(text, start="start")
        return Lowering(name, source).module_of(tree)
    except UnexpectedInput as slip:
        raise _SyntaxSlip(slips.describe(slip, _masked(text), source, name, _lark()), text) from None
    except VisitError as wrapped:
        if isinstance(wrapped.orig_exc, RuleError):
            raise _SyntaxSlip(wrapped.orig_exc.diagnostics[0], text) from None
        raise wrapped.orig_exc from None


def _masked(text: str) -> str:
    """The text with the insides of symbols and comments blanked, so that what looks like syntax is syntax."""
    return _INSIDE.sub(lambda m: re.sub(r"[^\n]", "x" if m[0][0] == '"' else " ", m[0]), text)


def _statement(masked: str, slip: int) -> tuple[int, int]:
    """The start and the end of the statement that holds the slip.

    It reaches to its full stop, or to where the next statement begins at the left margin.
    """
    starts = [m.start() for m in re.finditer(r"^", masked, re.MULTILINE) if slips.starts_statement(masked, m.start())]
    last_stop = max((m.end() for m in _STATEMENT_END.finditer(masked, 0, slip)), default=0)
    start = max([last_stop, *(s for s in starts if s <= slip)])
    ending = _STATEMENT_END.search(masked, slip)
    end = ending.end() if ending else len(masked)
    return start, next((s for s in starts if slip < s < end), end)
