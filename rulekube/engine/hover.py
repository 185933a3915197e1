"""What a word of a rule file means, and where that is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pygments.token import Name, String

from rulekube.engine import signatures
from rulekube.engine.analysis import Program
from rulekube.engine.builtins import RELATIONS
from rulekube.engine.syntax import NOWHERE, Module, Place
from rulekube.engine.words import Word, Words, words_of

_NAMES = (Name.Function, Name.Builtin, Name.Class, Name)


@dataclass(frozen=True)
class Meaning:
    """What is known of a word: code that says it, prose, and the place of its declaration (NOWHERE: built in)."""

    word: Word
    code: str
    doc: str = ""
    place: Place = NOWHERE


def meaning(text: str, offset: int, program: Program, modules: Iterable[Module], file: str) -> Meaning | None:
    """What the word at an offset means; None where there is nothing to say. `file` is the name of the text."""
    words = words_of(text)
    word = words.at(offset)
    if word is None:
        return None
    if word.is_a(String):
        return _include(words, word, file)
    if word.kind is Name.Attribute:
        return _column(words, word, program, modules)
    if word.kind is Name.Variable:
        return _variable(words, word, program, file)
    return _name(word, program) if word.kind in _NAMES else None


def _name(word: Word, program: Program) -> Meaning | None:
    name = word.text
    if name in program.relations:
        info = program.relations[name]
        rules = sum(1 for rule in program.rules if rule.head.relation == name and rule.body)
        origin = f"{rules} rule{'' if rules == 1 else 's'}" if rules else "no rules: its facts come from outside"
        origin = "its facts are read from objects" if info.mapping is not None else origin
        doc = "\n\n".join(filter(None, (info.doc, f"*{origin}*")))
        return Meaning(word, signatures.declaration(info), doc, info.place)
    if name in RELATIONS:
        return Meaning(word, signatures.relation(RELATIONS[name]), signatures.doc_of(RELATIONS[name]))
    if name in program.functions:
        function = program.functions[name]
        return Meaning(word, signatures.function(function), signatures.doc_of(function))
    return None


def _column(words: Words, word: Word, program: Program, modules: Iterable[Module]) -> Meaning | None:
    call = words.call(word.start)
    info = program.relations.get(call.name.text) if call else None
    if info is None or word.text not in info.columns:
        return None
    kind = info.types[info.columns.index(word.text)]
    declared = (c for m in modules for d in m.declarations if d.name == info.name for c in d.columns)
    place = next((column.place for column in declared if column.name == word.text), info.place)
    return Meaning(word, f"{word.text}: {kind}", f"column of `{info.name}`", place)


def _variable(words: Words, word: Word, program: Program, file: str) -> Meaning:
    """Where a variable stands tells what it holds."""
    uses = [w for w in words.statement(word.start) if w.kind is Name.Variable and w.text == word.text]
    columns: dict[str, str] = {}
    for use in uses:
        call = words.call(use.start)
        info = program.relations.get(call.name.text) if call else None
        if call is None or info is None:
            continue
        index = info.columns.index(call.column) if call.column in info.columns else call.index
        if index < len(info.columns):
            columns.setdefault(f"{info.name}.{info.columns[index]}", info.types[index])
    doc = ", ".join(f"`{column}`" for column in columns)
    types = " or ".join(dict.fromkeys(columns.values()))
    return Meaning(
        word, f"{word.text}: {types}" if types else word.text, doc, place_of(words.text, uses[0].start, file)
    )


def _include(words: Words, word: Word, file: str) -> Meaning | None:
    before = words.before(word.start)
    if not before or before[-1].text != ".include":
        return None
    target = file.rpartition("/")[0] + "/" + word.text.strip('"')
    return Meaning(word, f".include {word.text}", "", Place(target, 1, 1))


def place_of(text: str, offset: int, file: str) -> Place:
    """The place of an offset."""
    line = text.count("\n", 0, offset) + 1
    return Place(file, line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def offset_of(text: str, place: Place) -> int:
    """The offset of a place; the end of the text where it is past it."""
    start = 0
    for _ in range(place.line - 1):
        end = text.find("\n", start)
        if end < 0:
            return len(text)
        start = end + 1
    return min(start + max(place.column - 1, 0), len(text))
