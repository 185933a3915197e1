"""Protobuf request bodies → objects. Answers are never protobuf: clients that send it also take JSON.

kubectl sends what its generators make (`create namespace|configmap|secret|…`, `auth can-i`) only so. A body is four
magic bytes and a `runtime.Unknown`, which holds the object's type and, in `raw`, its message. The messages are data
(`protobuf_fields.py`); decoding them needs nothing but the wire format's three kinds of value.

Source: k8s.io/apimachinery/pkg/runtime/serializer/protobuf, runtime/generated.proto.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from rulekube.api.protobuf_fields import KINDS, MESSAGES, Field
from rulekube.api.status import bad_request
from rulekube.errors import ApiError
from rulekube.facts.timestamp import SECOND, format_time

RawObject = dict[str, Any]
MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode(body: bytes) -> RawObject:
    """The object in a body. Raises ApiError where it is none, or of a kind that is not known here."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        unknown = dict(_fields(body[len(_MAGIC) :]))
        head = dict(_fields(unknown.get(1, b"")))
        api_version, kind = head.get(1, b"").decode(), head.get(2, b"").decode()
        message = KINDS.get((api_version, kind))
        if message is None:
            text = f"{kind} of {api_version} is not read as protobuf here; send it as application/json"
            raise ApiError("UnsupportedMediaType", text)
        return {"kind": kind, "apiVersion": api_version, **_message(message, unknown.get(2, b""))}
    except (IndexError, ValueError, AttributeError) as error:
        raise bad_request(f"the body is no protobuf message: {error}") from error


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The (number, value) pairs of a message; values are ints or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + size > len(data):
            raise ValueError(f"field {number} ends after the message does")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value - (1 << 64) if value >= 1 << 63 else value, at
        if shift > 63:
            raise ValueError(f"a number of more than 64 bits before byte {at}")


def _message(name: str, data: bytes) -> RawObject:
    """The JSON object of a message. Fields not known here are left out, as are zero values that Go leaves out."""
    out: RawObject = {}
    known = MESSAGES[name]
    for number, value in _fields(data):
        field = known.get(number)
        if field is None:
            continue
        if field.form == "map":
            entry = dict(_fields(value))
            out.setdefault(field.name, {})[entry.get(1, b"").decode()] = _value(field.type, entry.get(2, b""))
        elif field.form == "list":
            out.setdefault(field.name, []).append(_value(field.type, value))
        elif (shown := _value(field.type, value)) or _is_kept(field, shown):
            out[field.name] = shown
    return out


def _is_kept(field: Field, value: Any) -> bool:
    """Whether an empty value is written: structs are, and what a pointer points to."""
    return field.optional or isinstance(value, dict)


def _value(kind: str, value: Any) -> Any:
    if kind == "string":
        return value.decode()
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind == "bool":
        return bool(value)
    if kind == "int":
        return value
    if kind == "time":
        seconds = dict(_fields(value)).get(1)
        return format_time(seconds * SECOND) if seconds is not None else None
    if kind == "int-or-string":
        parts = dict(_fields(value))
        return parts.get(3, b"").decode() if parts.get(1) else parts.get(2, 0)
    return _message(kind, value)
