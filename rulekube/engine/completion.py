"""What may be written at a place: relations, columns, functions, variables, types, directives.

It looks at the words around the place only, so it works in the middle of a rule that cannot be parsed yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pygments.token import Comment, Name, String

from rulekube.engine import signatures
from rulekube.engine.analysis import TYPES, Program
from rulekube.engine.builtins import RELATIONS
from rulekube.engine.words import Call, Words, words_of

DIRECTIVES: Mapping[str, str] = {
    ".decl": "declares a relation",
    ".input": "declares a relation whose facts are read from objects",
    ".action": "declares a relation that an actuator owes to the world",
    ".output": "marks what the program is for",
    ".include": "reads another file, once",
}
FOLDS: Mapping[str, str] = {
    "count": "count : { … }",
    "sum": "sum E : { … }",
    "min": "min E : { … }",
    "max": "max E : { … }",
    "mean": "mean E : { … }",
    "argmax": "argmax E by K : { … }",
    "argmin": "argmin E by K : { … }",
    "top": "top N E by K : { … }",
    "bottom": "bottom N E by K : { … }",
    "rank": "rank E by K : { … }",
    "array": "array E by K : { … }",
    "object": "object K: V : { … }",
}


@dataclass(frozen=True)
class Candidate:
    """One thing that may be written. `kind`: relation, function, column, variable, keyword, type, value."""

    label: str
    kind: str
    detail: str = ""
    doc: str = ""
    insert: str = ""
    snippet: str = ""


def candidates(text: str, offset: int, program: Program, *, question: bool = False) -> list[Candidate]:
    """All that may be written at an offset, whatever letters stand before it. `question`: the text is a body."""
    words = words_of(text)
    start = words.typed(offset)
    covering = words.at(offset)
    if covering and covering.start < offset and (covering.is_a(Comment) or covering.is_a(String)):
        return []
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    if not question and re.fullmatch(r"\s*\.[a-z]*", line):
        return [Candidate(name, "keyword", detail) for name, detail in DIRECTIVES.items()]
    before = words.before(start)
    previous = before[-1].text if before else ""
    call = words.call(start)
    if call is not None and call.name.kind is Name.Class:
        return [Candidate(name, "type") for name in TYPES] if previous == ":" else []
    if call is not None:
        return [*_columns(call, previous, program), *_variables(words, start), *_functions(program)]
    found = [*_relations(program), *_functions(program), *_variables(words, start)]
    if previous in (",", ":-", "{", ";", "(", "") and (question or previous):
        found.append(Candidate("not", "keyword", "not atom: no such fact"))
    if previous in ("=", "<", "<=", ">", ">=", "!="):
        found += [Candidate(name, "keyword", detail) for name, detail in FOLDS.items()]
    return found


def _columns(call: Call, previous: str, program: Program) -> Iterator[Candidate]:
    info = program.relations.get(call.name.text)
    if info is None or previous not in ("(", ","):
        return
    for name, kind in zip(info.columns, info.types, strict=True):
        if name not in call.named:
            yield Candidate(name, "column", f"{name}: {kind}", insert=f"{name}: ")


def _variables(words: Words, start: int) -> Iterator[Candidate]:
    found = {word.text for word in words.statement(start) if word.kind is Name.Variable and word.start != start}
    return (Candidate(name, "variable") for name in sorted(found))


def _relations(program: Program) -> Iterator[Candidate]:
    for name, info in sorted(program.relations.items()):
        insert, snippet = signatures.snippet(info)
        yield Candidate(name, "relation", signatures.declaration(info), info.doc, insert, snippet)
    for name, builtin in sorted(RELATIONS.items()):
        if not name.isidentifier():
            continue  # the engine's own
        yield Candidate(name, "relation", signatures.relation(builtin), signatures.doc_of(builtin), f"{name}(")


def _functions(program: Program) -> Iterator[Candidate]:
    for name, function in sorted(program.functions.items()):
        if name.isidentifier():
            yield Candidate(name, "function", signatures.function(function), signatures.doc_of(function), f"{name}(")
