"""Where the pieces of one statement go: which gaps are blank, where lines end, how far each is indented."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

WIDTH = 120  # as the project's Python
DEEPEST = 24  # what would be aligned further behind its line's start is indented by 4 instead
COMMENT = "comment"

_CALLS = {"atom", "call_or_atom", "declare", "input", "action"}
_TIGHT_COLONS = {"column", "input_column", "named", "entry", "fold_object"}
_OPENING, _CLOSING = {"(", "[", "{"}, {")", "]", "}"}
_ENDS_LITERAL = {",", ":-", ";"}
_MAY_END_LINE = {",", ":-", ";", "by", *_OPENING}
_MAY_START_LINE = {";", "key", "from", *_CLOSING}
_OPERATIONS = {"binary", "comparison", "aggregate"}


@dataclass(frozen=True)
class Piece:
    """A token or a comment. `rule`: the grammar rule it stands in; `below`: line ends between it and what is before."""

    text: str
    rule: str
    below: int = 0

    @property
    def comment(self) -> bool:
        """Whether it is a comment; these alone may hold line ends."""
        return self.rule == COMMENT


@dataclass(frozen=True)
class Line:
    """A line of code and the comment behind it; either may be empty."""

    code: str
    comment: str


def gap(left: Piece, right: Piece) -> str:
    """What stands between two pieces of one line."""
    tight_after = left.text in ("(", "[") or (left.text == "{" and left.rule == "object_term") or left.rule == "signed"
    tight_before = (
        right.text in (",", ")", "]")
        or (right.text == "." and right.rule == "rule")
        or (right.text == "}" and right.rule == "object_term")
        or (right.text == "(" and right.rule in _CALLS)
        or (right.text == ":" and right.rule in _TIGHT_COLONS)
    )
    if left.comment or right.comment:
        return " "
    return "" if tight_after or tight_before else " "


@dataclass
class _Bracket:
    """An open bracket: where its line starts, where it stands, and where lines inside it start."""

    line_indent: int
    column: int
    inside: int
    hanging: bool = False


@dataclass
class _Layout:
    """One statement on its way to lines. Brackets are those open at the start of the next line."""

    brackets: list[_Bracket] = field(default_factory=list)
    before: str = ""
    """The last token laid out."""
    in_body: bool = False
    done: list[Line] = field(default_factory=list)

    def indent(self, first: Piece) -> int:
        """How far a line is indented that begins with this piece."""
        if self.brackets:
            bracket = self.brackets[-1]
            if first.text in _CLOSING or (first.text == ";" and not bracket.hanging):
                return bracket.line_indent if bracket.hanging else bracket.column
            return bracket.inside
        if not self.before:
            return 0
        return 2 if self.before in _ENDS_LITERAL or first.text == ";" or not self.in_body else 4

    def write(self, row: Sequence[Piece]) -> None:
        """Lay out one line and remember the brackets it leaves open."""
        indent = self.indent(row[0])
        code, comment = " " * indent, ""
        left: Piece | None = None
        for number, piece in enumerate(row):
            if piece.comment and number == len(row) - 1 and number > 0:
                comment = piece.text
                break
            code += (gap(left, piece) if left else "") + piece.text
            left = piece
            if not piece.comment:
                last = all(p.comment for p in row[number + 1 :])
                self._advance(piece, indent, len(code), row[number + 1] if not last else None)
        self.done.append(Line(code, comment))

    def _advance(self, piece: Piece, indent: int, end: int, following: Piece | None) -> None:
        if piece.text in _OPENING and not piece.comment:
            inside = indent + 2 if following is None else end + len(gap(piece, following))
            if inside - indent > DEEPEST:
                inside = indent + 4
            self.brackets.append(_Bracket(indent, end - 1, inside, following is None))
        elif piece.text in _CLOSING:
            self.brackets.pop()
        self.before = piece.text
        self.in_body = self.in_body or piece.text == ":-"

    def width(self, row: Sequence[Piece]) -> int:
        """How wide a line would be, the comment behind it left out."""
        return max(map(len, self._trial(row).code.split("\n")))

    def _trial(self, row: Sequence[Piece]) -> Line:
        trial = replace(self, brackets=list(self.brackets), done=[])
        trial.write(row)
        return trial.done[0]


def lines(statement: Sequence[Piece]) -> list[Line]:
    """A statement's lines."""
    made = _Layout()
    rows = list(reversed(_rows(statement)))
    while rows:
        row = rows.pop()
        parts = _broken(made, row) if made.width(row) > WIDTH else [row]
        if len(parts) == 1:
            made.write(row)
        else:
            rows += reversed(parts)
    return made.done


def _rows(statement: Sequence[Piece]) -> list[list[Piece]]:
    """The statement cut where its author ended lines and a line may end."""
    rows = [[statement[0]]]
    code: Piece | None = None if statement[0].comment else statement[0]
    for before, piece in itertools.pairwise(statement):
        after_comment = before.comment and (before.text.startswith("//") or piece.below)
        own = piece.comment and piece.below
        if after_comment or own or (piece.below and not piece.comment and _may_end(code, piece)):
            rows.append([])
        rows[-1].append(piece)
        code = code if piece.comment else piece
    return rows


def _may_end(left: Piece | None, right: Piece) -> bool:
    if left is None:
        return True
    operation = left.rule in _OPERATIONS and left.text not in (")", "}")
    return left.text in _MAY_END_LINE or right.text in _MAY_START_LINE or operation


def _broken(made: _Layout, row: Sequence[Piece]) -> list[list[Piece]]:
    """A row that is too long in parts; itself alone where it cannot be broken."""
    depth, places = 0, []  # places: (depth, index after which to break, text)
    for number, piece in enumerate(row[:-1]):
        if row[number + 1].comment:
            continue
        depth += (piece.text in _OPENING) - (piece.text in _CLOSING)
        folded = piece.text == ":" and piece.rule == "aggregate"
        if not piece.comment and (piece.text in _ENDS_LITERAL or folded):
            places.append((depth, number + 1, piece.text))
    if not places:
        return [list(row)]
    least = min(depth for depth, _, _ in places)
    outermost = [(at, text) for depth, at, text in places if depth == least]
    for wanted in (":-", ";"):
        if chosen := [at for at, text in outermost if text == wanted]:
            return _cut(row, chosen)
    every = [at for at, text in outermost if text == ","] or [at for at, _ in outermost]
    if least + len(made.brackets) == 0:
        return _cut(row, every)
    fitting = [at for at in every if made.width(row[:at]) <= WIDTH]
    return _cut(row, [fitting[-1] if fitting else every[0]])


def _cut(row: Sequence[Piece], places: Iterable[int]) -> list[list[Piece]]:
    edges = [0, *places, len(row)]
    return [list(row[a:b]) for a, b in itertools.pairwise(edges)]


def with_comments(made: Sequence[Line]) -> list[str]:
    """The lines as text; comments behind lines that follow one another are aligned, where that fits."""
    texts: list[str] = []
    start = 0
    while start < len(made):
        end = start
        while end < len(made) and made[end].comment:
            end += 1
        run = made[start:end]
        column = max((len(line.code) for line in run), default=0)
        aligned = all(column + 2 + len(line.comment) <= WIDTH and "\n" not in line.comment for line in run)
        texts += [f"{line.code.ljust(column) if aligned else line.code}  {line.comment}" for line in run]
        if end < len(made):
            texts.append(made[end].code)
        start = end + 1
    return texts
