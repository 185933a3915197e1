"""ConfigMaps and Secrets: keys, sizes, what each type of Secret must hold, immutability.

Source: ValidateConfigMap, ValidateSecret and their updates (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Final

from rulekube.facts.validation import metadata
from rulekube.facts.validation.checks import Errors, Raw, immutable, named
from rulekube.selectors import syntax
from rulekube.selectors.field_error import forbidden, invalid, required, too_long

MOST_BYTES: Final = 1024 * 1024
_SERVICE_ACCOUNT: Final = "kubernetes.io/service-account.name"
_MUST_HOLD: Final = {  # type of Secret → keys that must be there
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
_JSON: Final = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")


def create_config_map(new: Raw) -> Errors:
    """A new ConfigMap."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    for key in sorted(data):
        yield from named(f"data[{key}]", key, syntax.config_map_key)
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in sorted(binary):
        yield from named(f"binaryData[{key}]", key, syntax.config_map_key)
    if sum(map(syntax.size, data.values())) + _bytes(binary) > MOST_BYTES:
        yield too_long("[]", MOST_BYTES)  # how Go prints a path without a name


def update_config_map(new: Raw, old: Raw) -> Errors:
    """A changed ConfigMap."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _frozen(new, old, ("data", "binaryData"))
    yield from create_config_map(new)


def create_secret(new: Raw) -> Errors:
    """A new Secret."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    data = new.get("data") or {}
    for key in sorted(data):
        yield from named(f"data[{key}]", key, syntax.config_map_key)
    if _bytes(data) > MOST_BYTES:
        yield too_long("data", MOST_BYTES)
    yield from _contents(new, data, new.get("type") or "")


def update_secret(new: Raw, old: Raw) -> Errors:
    """A changed Secret."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from immutable("type", new.get("type") or "", old.get("type") or "")
    yield from _frozen(new, old, ("data",))
    yield from create_secret(new)


def _contents(new: Raw, data: Mapping[str, str], kind: str) -> Errors:
    for key in _MUST_HOLD.get(kind, ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif kind in _JSON and (fault := _json_fault(data[key])):
            yield invalid(f"data[{key}]", "<secret contents redacted>", fault)
    if kind == "kubernetes.io/service-account-token" and not (new["metadata"].get("annotations") or {}).get(
        _SERVICE_ACCOUNT
    ):
        yield required(f"metadata.annotations[{_SERVICE_ACCOUNT}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")
    if kind == "kubernetes.io/ssh-auth" and not data.get("ssh-privatekey"):
        yield required("data[ssh-privatekey]")


def _frozen(new: Raw, old: Raw, fields: tuple[str, ...]) -> Errors:
    if not old.get("immutable"):
        return
    said = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield forbidden("immutable", said)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield forbidden(field, said)


def _bytes(data: Mapping[str, str]) -> int:
    return sum(len(value) * 3 // 4 - value.count("=", -2) for value in data.values())


def _json_fault(encoded: str) -> str:
    """What Go's decoder says of bytes that are no JSON object, in the commonest cases."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if not text.strip():
            return "unexpected end of JSON input"
        value = json.loads(text)
    except (binascii.Error, UnicodeDecodeError):
        return "invalid character in JSON input"
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            return "unexpected end of JSON input"
        return f"invalid character '{text[error.pos]}' looking for beginning of value"
    if isinstance(value, dict) or value is None:
        return ""
    kinds = {bool: "bool", str: "string", int: "number", float: "number", list: "array"}
    return f"json: cannot unmarshal {kinds[type(value)]} into Go value of type map[string]interface {{}}"
