"""Offsets of texts as the protocol's positions and ranges, in the units that the client counts in."""

from __future__ import annotations

import re

from lsprotocol import types
from pygls.workspace import TextDocument
from pygls.workspace.position_codec import ServerTextPosition

from rulekube.engine.hover import offset_of
from rulekube.engine.syntax import Place
from rulekube.engine.words import words_of


def position(document: TextDocument, offset: int) -> types.Position:
    """The position of an offset."""
    before = document.source[:offset]
    found = ServerTextPosition(before.count("\n"), offset - (before.rfind("\n") + 1))
    return document.position_to_client_units(found)


def between(document: TextDocument, start: int, end: int) -> types.Range:
    """The range of two offsets."""
    return types.Range(position(document, start), position(document, end))


def word_range(document: TextDocument, place: Place) -> types.Range:
    """The range of the word at a place; one character where there is none."""
    offset = offset_of(document.source, place)
    word = words_of(document.source).at(offset)
    if word is not None and word.start <= offset < word.end:
        return between(document, offset, word.end)
    return between(document, offset, min(offset + 1, len(document.source)))


def statement_range(document: TextDocument, place: Place, text: str) -> types.Range:
    """The range of a statement that begins at a place."""
    start = offset_of(document.source, place)
    return between(document, start, min(start + len(text), len(document.source)))


def whole(document: TextDocument) -> types.Range:
    """The range of all that a document holds."""
    return between(document, 0, len(document.source))


def name_end(text: str, offset: int) -> int:
    """Where the name ends that a place in the middle of it belongs to: completing replaces all of it."""
    found = re.compile(r"[A-Za-z0-9_]*").match(text, offset)
    return found.end() if found else offset
