"""The words of a text that is being edited, and what surrounds a place in it. Works on any text, finished or not.

Offsets count characters from 0. Editors and the REPL ask; the parser has no part in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pygments.token import Comment, Keyword, Name, _TokenType

from rulekube.engine.highlight import RuleLexer

_CALLED = (Name.Function, Name.Builtin, Name.Class)
_TYPED = re.compile(r"[A-Za-z0-9_]*\Z")


class Word(NamedTuple):
    """One word: where it starts, what the lexer takes it for, its text."""

    start: int
    kind: _TokenType
    text: str

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)

    def is_a(self, group: _TokenType) -> bool:
        """Whether the lexer takes it for something of this group: `Comment` holds `Comment.Single`."""
        return self.kind[: len(group)] == group


@dataclass(frozen=True)
class Call:
    """The atom, call or declaration in whose brackets a place is: its name, the argument there, the columns named."""

    name: Word
    index: int
    named: tuple[str, ...]
    column: str
    """The column by which the argument is named, or an empty text."""


class Words:
    """The words of a text in order, blanks left out."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = RuleLexer().get_tokens_unprocessed(text)
        self.words = [Word(start, kind, word) for start, kind, word in found if word.strip()]
        self._starts = [word.start for word in self.words]

    def at(self, offset: int) -> Word | None:
        """The word that covers an offset, or else the one that ends there."""
        index = bisect_right(self._starts, offset) - 1
        for word in self.words[max(index - 1, 0) : index + 1][::-1]:
            if word.start <= offset < word.end or (offset == word.end and re.match(r"\w", word.text[-1])):
                return word
        return None

    def typed(self, offset: int) -> int:
        """Where the name begins that ends at an offset: what a completion replaces."""
        found = _TYPED.search(self.text, 0, offset)
        return found.start() if found else offset

    def before(self, offset: int) -> list[Word]:
        """The words that end at or before an offset, comments left out."""
        return [w for w in self.words[: bisect_right(self._starts, offset)] if w.end <= offset and not w.is_a(Comment)]

    def statement(self, offset: int) -> list[Word]:
        """The words of the statement around an offset."""
        words = [word for word in self.words if not word.is_a(Comment)]
        position = bisect_right([word.start for word in words], offset)
        first = position
        while first > 0 and not (words[first - 1].text == "." and words[first - 1].end <= offset):
            first -= 1
            if _directive(words[first]):
                break
        last = position
        while last < len(words) and not _directive(words[last]):
            last += 1
            if words[last - 1].text == ".":
                break
        return words[first:last]

    def call(self, offset: int) -> Call | None:
        """The innermost brackets around an offset, where they are those of a name."""
        words = self.before(offset)
        depth = commas = 0
        start = len(words)
        for position in range(len(words) - 1, -1, -1):
            word = words[position]
            if word.text == "." or _directive(word):
                return None
            if word.text in (")", "]", "}"):
                depth += 1
            elif word.text in ("(", "[", "{"):
                if depth:
                    depth -= 1
                    continue
                owner = words[position - 1] if position else None
                if word.text != "(" or owner is None or owner.kind not in _CALLED:
                    return None
                return _call(owner, commas, words[position + 1 :], words[start:])
            elif word.text == "," and not depth:
                start = position + 1 if not commas else start
                commas += 1
        return None


def _call(owner: Word, index: int, inside: list[Word], argument: list[Word]) -> Call:
    named = tuple(word.text for word in inside if word.kind is Name.Attribute)
    last = argument if index else inside
    column = last[0].text if last and last[0].kind is Name.Attribute else ""
    return Call(owner, index, named, column)


def _directive(word: Word) -> bool:
    return word.kind is Keyword and word.text.startswith(".")


@lru_cache(32)
def words_of(text: str) -> Words:
    """The words of a text; those of texts seen lately are kept."""
    return Words(text)
