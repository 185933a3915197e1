"""One complaint about one field, in Kubernetes' words, and how several are said together.

A FieldError is born where a rule of syntax or validation is broken, travels as a value, and ends either in the text of
a SelectorError or in the `details.causes` of an Invalid Status.
Source: k8s.io/apimachinery/pkg/util/validation/field (errors.go, path.go), pkg/util/errors (Aggregate).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

INVALID: Final = "FieldValueInvalid"
REQUIRED: Final = "FieldValueRequired"
FORBIDDEN: Final = "FieldValueForbidden"
NOT_SUPPORTED: Final = "FieldValueNotSupported"
DUPLICATE: Final = "FieldValueDuplicate"
NOT_FOUND: Final = "FieldValueNotFound"
TOO_LONG: Final = "FieldValueTooLong"
TOO_MANY: Final = "FieldValueTooMany"
TYPE_INVALID: Final = "FieldValueTypeInvalid"
INTERNAL: Final = "InternalError"

_WORDS = {
    INVALID: "Invalid value",
    REQUIRED: "Required value",
    FORBIDDEN: "Forbidden",
    NOT_SUPPORTED: "Unsupported value",
    DUPLICATE: "Duplicate value",
    NOT_FOUND: "Not found",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    TYPE_INVALID: "Invalid value",
    INTERNAL: "Internal error",
}
_WITHOUT_VALUE = {REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL}
_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


class Omitted:
    """Marks an error whose offending value is not shown."""


OMITTED: Final = Omitted()


class FieldError(NamedTuple):
    """`field` is a path as `spec.ports[0].port`, "" where the value stands alone; `value` is plain JSON, or OMITTED."""

    type: str
    field: str
    value: object
    detail: str = ""

    @property
    def body(self) -> str:
        """The complaint without the field's name: what a Status cause carries as its message."""
        said = _WORDS[self.type]
        if self.type not in _WITHOUT_VALUE and self.value is not OMITTED:
            said += f": {show(self.value)}"
        return f"{said}: {self.detail}" if self.detail else said

    @property
    def text(self) -> str:
        """The whole sentence. A missing path is printed as Go prints a nil one."""
        return f"{self.field or '<nil>'}: {self.body}"


def show(value: object) -> str:
    """A value as an error shows it: text quoted, numbers and booleans bare, everything else as JSON."""
    if isinstance(value, str):
        return quote(value)
    return go_json(value)


def quote(text: str) -> str:
    """Go's strconv.Quote: printable characters as they are, the others escaped."""
    return '"' + "".join(_ESCAPES.get(char) or (char if _printable(char) else _escaped(char)) for char in text) + '"'


def go_json(value: object) -> str:
    """Compact JSON as Go's encoder writes it, `<`, `>` and `&` escaped; keys in the order given."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def aggregate(errors: Iterable[FieldError]) -> str:
    """The text of several errors: one stands alone, more are bracketed; a text said twice is said once."""
    texts = list(dict.fromkeys(error.text for error in errors))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def invalid(field: str, value: object, detail: str) -> FieldError:
    """The value breaks a rule."""
    return FieldError(INVALID, field, value, detail)


def required(field: str, detail: str = "") -> FieldError:
    """The value is missing."""
    return FieldError(REQUIRED, field, "", detail)


def forbidden(field: str, detail: str = "") -> FieldError:
    """The field may not be set, or not changed."""
    return FieldError(FORBIDDEN, field, "", detail)


def not_supported(field: str, value: object, valid: Sequence[str]) -> FieldError:
    """The value is none of an enumeration; `valid` is listed in the order given."""
    detail = "supported values: " + ", ".join(quote(word) for word in valid) if valid else ""
    return FieldError(NOT_SUPPORTED, field, value, detail)


def duplicate(field: str, value: object) -> FieldError:
    """The value occurs twice where each must be unique."""
    return FieldError(DUPLICATE, field, value)


def not_found(field: str, value: object) -> FieldError:
    """The value names something that is not there."""
    return FieldError(NOT_FOUND, field, value)


def too_long(field: str, most: int) -> FieldError:
    """The text is longer than `most` bytes."""
    return FieldError(TOO_LONG, field, "", f"may not be more than {most} bytes")


def child(path: str, name: str) -> str:
    """The path of a member: `spec` and `ports` make `spec.ports`."""
    return f"{path}.{name}" if path else name


def _printable(char: str) -> bool:
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def _escaped(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
