"""What a syntax error says: where the slip is, what was expected, and how to mend it.

Lark tells the token at which it could not go on. The slip itself is often a little before it (a missing full stop, a
lower-case variable), and people bring habits from Soufflé, Prolog and SQL; both are looked for in the text around.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from lark import Lark, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternStr

from rulekube.engine.errors import Diagnostic, did_you_mean
from rulekube.engine.syntax import Place

DIRECTIVES = (".decl", ".input", ".output", ".action", ".include", ".import")
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
_HABITS = (
    (r"'", 'symbols are written in double quotes: "a"'),
    (r'"', "this symbol is not closed: a closing quote is missing on this line"),
    (r":=|<-|=>|:\s", "head and body are joined by `:-`"),
    (r"&&?|and\b|∧", "literals are joined by commas"),
    (r"\|\|?|or\b|∨", "alternatives are written (a(X) ; b(X))"),
    (r"\\\+|¬|~", "absence is written `not a(X)`"),
    (r"\\=|<>|≠", "inequality is written `!=`"),
    (r"≤|≥", "write `<=` or `>=`"),
    (r"#|--|%", "a comment begins with //"),
    (r"is\b", "write `=`: X = Y + 1"),
    (r"\?", "a question is asked with `rulekube query`, not in a rule file"),
    (r"->", "the head stands first: head :- body."),
)
_DOUBLED = {"==": "equality is written `=`", "=<": "write `<=`", "=>": "write `>=`", "<>": "inequality is written `!=`"}
_BEFORE = re.compile(r"([A-Za-z][A-Za-z0-9_.]*)\s*$")
_STARTS = re.compile(r"[a-z][A-Za-z0-9_.]*\s*\(|\.[a-z]")


def expected_terminals(slip: UnexpectedInput) -> Collection[str]:
    """The names of the terminals that could have stood there."""
    for attribute in ("accepts", "expected", "allowed"):
        names: Any = getattr(slip, attribute, None)
        if names:
            return set(names)
    return set()


def offset_of(slip: UnexpectedInput, text: str) -> int:
    """Where Lark stopped, in characters from the start."""
    position = slip.pos_in_stream
    end_of_text = isinstance(slip, UnexpectedToken) and slip.token.type == "$END"
    return len(text) if position is None or position < 0 or end_of_text else position


def starts_statement(masked: str, offset: int) -> bool:
    """Whether a statement begins here: a directive or an atom at the left margin, after a line that is complete."""
    if offset and masked[offset - 1] != "\n":
        return False
    before = masked[:offset].rstrip()
    return bool(_STARTS.match(masked, offset)) and not before.endswith((",", ":-", "(", "{", "[", ";", ":", "="))


def describe(slip: UnexpectedInput, masked: str, text: str, name: str, lark: Lark) -> Diagnostic:
    """The diagnostic of a slip; `masked` is the text with the insides of comments and symbols blanked."""
    offset = offset_of(slip, text)
    wanted = expected_terminals(slip)
    for find in (_missing_stop, _lower_case, _directive):
        found = find(masked, text, offset, wanted)
        if found is not None:
            at, message, hint = found
            return _diagnostic(text, name, at, message, hint)
    shown = _token(slip, text, offset)
    listed = _listed(wanted, lark)
    message = f"unexpected {shown}" + (f"; expected {listed}" if listed else "")
    return _diagnostic(text, name, offset, message, _hint(masked, text, offset, wanted))


def place_of(text: str, name: str, offset: int) -> Place:
    """The place of a character."""
    line = text.count("\n", 0, offset) + 1
    return Place(name, line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _diagnostic(text: str, name: str, offset: int, message: str, hint: str) -> Diagnostic:
    place = place_of(text, name, offset)
    return Diagnostic("syntax", message, place, hint, text.split("\n")[place.line - 1])


def _token(slip: UnexpectedInput, text: str, offset: int) -> str:
    if offset >= len(text):
        return "the end of the text"
    return f"`{slip.token}`" if isinstance(slip, UnexpectedToken) else f"`{text[offset]}`"


def _listed(wanted: Collection[str], lark: Lark) -> str:
    terminals = {t.name: t.pattern for t in lark.terminals}
    words = set()
    for terminal in set(wanted) - ({"SIGN", "TIMES"} if len(wanted) > 2 else set()):
        pattern = terminals.get(terminal)
        words.add(f"`{pattern.value}`" if isinstance(pattern, PatternStr) else _WORDS.get(terminal, ""))
    shown = sorted(w for w in words if w)
    return " or ".join(shown) if 0 < len(shown) <= 6 else ""


Found = tuple[int, str, str]


def _missing_stop(masked: str, _text: str, offset: int, wanted: Collection[str]) -> Found | None:
    """A statement begins although the rule before it has no full stop: shown at that rule's end."""
    if offset < len(masked) and not starts_statement(masked, offset):
        return None
    end = len(masked[:offset].rstrip())
    if "DOT" in wanted:
        return end, "a full stop is missing here", "a rule ends with a full stop"
    for terminal, bracket in (("RPAR", ")"), ("RBRACE", "}"), ("RSQB", "]")):
        if terminal in wanted and end:
            return end, f"a `{bracket}` is missing here", f"the statement ends before its `{bracket}`"
    return None


def _lower_case(masked: str, _text: str, offset: int, wanted: Collection[str]) -> Found | None:
    """A lower-case name that is no relation or function: a variable, a symbol, `not` or a directive was meant."""
    word = _BEFORE.search(masked, max(0, offset - 80), offset)
    if word is None or "LPAR" not in wanted or len(wanted) > 2 or not word[1][0].islower():
        return None
    if word[1] == "by":
        return word.start(1), "how many is missing", "write for example X = top 3 E by Key : { body }"
    if _line_start(masked, word.start(1)):
        directive = did_you_mean("." + word[1], DIRECTIVES)
        if directive:
            return word.start(1), f"`{word[1]}` begins no statement", directive
    if masked[offset : offset + 1].isalpha() and did_you_mean(word[1], ("not",)):
        return word.start(1), f"`{word[1]}` is followed by another name", "did you mean `not`?"
    for pattern, hint in _HABITS:
        if masked[offset : offset + 1].isalpha() and re.compile(pattern).match(word[1]):
            return word.start(1), f"unexpected `{word[1]}`", hint
    variable = word[1][0].upper() + word[1][1:]
    hint = f'variables are Capitalised and symbols quoted: write `{variable}` or `"{word[1]}"`'
    return word.start(1), f"`{word[1]}` is no value: a `(` would have to follow it", hint


def _line_start(text: str, offset: int) -> bool:
    return not text[text.rfind("\n", 0, offset) + 1 : offset].strip()


def _directive(masked: str, _text: str, offset: int, _wanted: Collection[str]) -> Found | None:
    word = re.compile(r"\.[A-Za-z_]+").match(masked, offset)
    if word is None or not _line_start(masked, offset):
        return None
    listed = f"there are {', '.join(DIRECTIVES)}"
    if word[0] in DIRECTIVES:
        return None
    return offset, f"`{word[0]}` is no directive", did_you_mean(word[0], DIRECTIVES) or listed


def _hint(masked: str, text: str, offset: int, wanted: Collection[str]) -> str:
    """The first hint that fits."""
    around = text[max(offset - 1, 0) : offset + 1]
    if around in _DOUBLED:
        return _DOUBLED[around]
    before = _BEFORE.search(masked, max(0, offset - 80), offset)
    word = before[1] if before else ""
    if text[offset : offset + 1] == "(" and word[:1].isupper():
        return f"relations and functions are lower_case: `{word[0].lower()}{word[1:]}`"
    if word in ("count", "sum", "min", "max", "mean") or re.search(r"\bcount\s*:\s*$", masked[:offset]):
        return f"an aggregate is written N = {word or 'count'} … : {{ body }}"
    if "COLON" in wanted and len(wanted) <= 2 and re.search(r"\.(decl|input|action)[^\n]*$", masked[:offset]):
        return "a column is written name: type"
    if "BY" in wanted and text[offset : offset + 1] == ":":
        return "say in which order: top 3 E by Key"
    for pattern, hint in _HABITS:
        if re.compile(pattern).match(text, offset):
            return hint
    if text[offset : offset + 1] in ("=", "<", ">", "!") and re.search(r"\b(not\b|!)[^,;:]*$", masked[:offset]):
        return "`not` negates an atom; of a comparison write the opposite, X != Y"
    if wanted == {"NAME"} and text[offset : offset + 1].isupper():
        return "names of relations and columns are lower_case"
    return _bracket_hint(masked, text, offset, wanted)


def _bracket_hint(masked: str, text: str, offset: int, wanted: Collection[str]) -> str:
    next_char = text[offset : offset + 1]
    if next_char in (")", "}", "]") and "RPAR" not in wanted and "RBRACE" not in wanted and "RSQB" not in wanted:
        return f"something is missing before `{next_char}`, or it closes nothing"
    for terminal, bracket in (("RPAR", "("), ("RBRACE", "{"), ("RSQB", "[")):
        if terminal in wanted and next_char in (".", ":", "", "}", ")", "]"):
            return f"a `{bracket}` is not closed"
    if "DOT" in wanted and next_char == ".":
        return ""
    if "COMMA" in wanted and (next_char.isalpha() or next_char in '"_'):
        return "a comma is missing before this"
    if next_char == "." and re.search(r"\.(decl|input|action|output)[^\n]*$", masked[:offset]):
        return "a declaration has no full stop"
    if next_char == "." and masked[:offset].rstrip().endswith(","):
        return "a literal is missing after the comma"
    return ""
