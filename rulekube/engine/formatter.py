"""The one layout of rule files. Where lines end is the author's; everything between the line ends is settled here.

A file is read as its tokens (every one, with the grammar rule it stands in) and its comments. Statements stay in order,
each on lines of its own, with at most one blank line between. Within a statement a line ends where the author ended it,
if that is a place for it (after a comma, `:-`, `;`, an operator or an opening bracket, or before a closing one), and a
line that is longer than WIDTH is broken: first after `:-`, then one literal per line, then after the last comma of the
outermost brackets that fits. Broken lines fit, so formatting what is formatted changes nothing.

What stands in brackets is aligned behind the bracket, or two columns in where the bracket ends its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from lark import Lark, Token, Tree

from rulekube.engine import layout, parser
from rulekube.engine.layout import COMMENT, Line, Piece

_COMMENT = re.compile(r"//[^\n]*|/\*[\s\S]*?\*/")


def format_source(text: str, name: str = "<text>") -> str:
    """The text in its one layout, with all its comments. Raises RuleError where it cannot be read."""
    parser.parse_module(text, name)
    lines: list[Line] = []
    for statement in statements(text):
        if lines and statement[0].below > 1:
            lines.append(Line("", ""))
        lines += layout.lines(statement)
    return "".join(f"{line}\n" for line in layout.with_comments(lines))


def statements(text: str) -> Iterator[list[Piece]]:
    """The statements and the comments between them, in order; a comment behind a statement, on its line, is part of it.

    The text is one that can be parsed.
    """
    current: list[Piece] = []
    open_statement = -1
    for piece, statement in _stream(text):
        behind = piece.comment and not piece.below and current and not current[0].comment
        if current and not behind and (statement != open_statement or statement < 0):
            yield current
            current = []
        open_statement = open_statement if behind else statement
        current.append(piece)
    if current:
        yield current


def _stream(text: str) -> Iterator[tuple[Piece, int]]:
    """Every token and comment, with the number of its statement; comments between statements have -1."""
    tokens = [
        (token, rule, number)
        for number, child in enumerate(_lark().parse(text).children)
        if isinstance(child, Tree)
        for token, rule in _tokens(child)
    ]
    position, before = 0, -1
    for token, rule, number in tokens:
        start = token.start_pos or 0
        yield from _comments(text, position, start, number if number == before else -1)
        position = _after_comments(text, position, start)
        content = "not" if (token, rule) == ("!", "negation") else str(token)
        yield Piece(content, rule, text.count("\n", position, start)), number
        position, before = token.end_pos or 0, number
    yield from _comments(text, position, len(text), -1)


def _comments(text: str, start: int, end: int, statement: int) -> Iterator[tuple[Piece, int]]:
    position = start
    for found in _COMMENT.finditer(text, start, end):
        content = "\n".join(line.rstrip() for line in found[0].split("\n"))
        yield Piece(content, COMMENT, text.count("\n", position, found.start())), statement
        position = found.end()


def _after_comments(text: str, start: int, end: int) -> int:
    return max((found.end() for found in _COMMENT.finditer(text, start, end)), default=start)


def _tokens(tree: Tree[Token]) -> Iterator[tuple[Token, str]]:
    for child in tree.children:
        if isinstance(child, Token):
            yield child, str(tree.data)
        else:
            yield from _tokens(child)


@cache
def _lark() -> Lark:
    grammar = resources.files("rulekube.engine").joinpath("datalog.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start="start", keep_all_tokens=True, maybe_placeholders=False)
