"""What Go's JSON decoder says of text that is no JSON, or that names a field twice.

Source: encoding/json scanner.go (the words of SyntaxError); sigs.k8s.io/json (strict errors).
"""

from __future__ import annotations

import json
from typing import Any

_END = "unexpected end of JSON input"


def complaint(body: bytes) -> str:
    """The words for the first place where a text stops being JSON; "" where it is JSON."""
    text = body.decode(errors="replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = error.pos
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at >= len(text) or error.msg.startswith("Unterminated"):
            return _END
        return f"invalid character {_quoted(text[at])} {_context(error.msg, text, at)}"
    return ""


def _quoted(char: str) -> str:
    return {"'": r"'\''", '"': "'\"'"}.get(char, f"'{char}'" if char.isprintable() else f"'\\x{ord(char):02x}'")


def _context(message: str, text: str, at: int) -> str:
    before = text[:at].rstrip()[-1:]
    if message.startswith("Expecting property name"):
        return "looking for beginning of object key string"
    if message.startswith("Expecting ':'"):
        return "after object key"
    if message.startswith("Expecting ','"):
        return "after array element" if _inside_array(text[:at]) else "after object key:value pair"
    if message.startswith("Extra data"):
        return "after top-level value"
    return "looking for beginning of value" if before != "{" else "looking for beginning of object key string"


def _inside_array(text: str) -> bool:
    """Whether the innermost bracket open at the end of `text` is an array's (strings are skipped)."""
    open_brackets, in_string, escaped = [], False, False
    for char in text:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            open_brackets.append(char)
        elif char in "]}" and open_brackets:
            open_brackets.pop()
    return bool(open_brackets) and open_brackets[-1] == "["


class _Pairs(list[tuple[str, Any]]):
    """An object with all its fields, doubled ones too."""


def doubled_fields(body: bytes) -> list[str]:
    """The paths of fields that occur twice in one object: `metadata.name`, `spec.containers[0].image`."""
    found: list[str] = []
    _walk(json.loads(body, object_pairs_hook=_Pairs), "", found)
    return found


def _walk(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        seen = set()
        for key, item in value:
            place = f"{path}.{key}" if path else key
            if key in seen and place not in found:
                found.append(place)
            seen.add(key)
            _walk(item, place, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", found)


def kind_of(value: Any) -> str:
    """What Go calls a JSON value in its errors."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    for python, name in ((str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, python):
            return name
    return "null"
