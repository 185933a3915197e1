"""Request bodies: bytes in a media type → the object that they mean, checked for what every write must satisfy.

Source: k8s.io/apiserver/pkg/endpoints/handlers (create.go, rest.go) and pkg/runtime/serializer.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from rulekube.api import go_json, protobuf
from rulekube.api.requests import Call
from rulekube.api.status import bad_request
from rulekube.errors import ApiError
from rulekube.facts.decoding import decode
from rulekube.facts.schema import type_of

RawObject = dict[str, Any]
_READABLE = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_MOST_EXPANDED = 20  # values a YAML document may stand for, a byte of its text
_SCHEME = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """YAML as JSON has it: bare timestamps are strings."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Doubles:
    """Reads JSON and notes the fields that occur twice in one object, by path."""

    def __init__(self) -> None:
        self.found = False

    def hook(self, pairs: list[tuple[str, Any]]) -> RawObject:
        """For `object_pairs_hook`."""
        obj = dict(pairs)
        if len(obj) != len(pairs):
            self.found = True
        return obj


def read_object(call: Call, body: bytes, validation: str, kind: tuple[str, str]) -> RawObject:
    """The object in a request's body, of the apiVersion and kind that the path takes."""
    media = call.http.content_type if call.http.headers.get("Content-Type") else "application/json"
    if media == "application/json":
        raw, doubles = _json(body, kind[1], validation)
    elif media in ("application/yaml", "text/yaml", "application/x-yaml"):
        raw, doubles = _yaml(body, kind[1]), []
    elif media == protobuf.MEDIA:
        raw, doubles = protobuf.decode(body), []
    else:
        message = f"the body of the request was in an unknown format - accepted media types include: {_READABLE}"
        raise ApiError("UnsupportedMediaType", message)
    if not isinstance(raw, dict):
        raise bad_request(
            f"{_unrecognized(kind[1])}; json: cannot unmarshal {go_json.kind_of(raw)} into Go value of type struct"
        )
    return typed(call, raw, kind, validation, doubles)


def typed(call: Call, raw: RawObject, kind: tuple[str, str], validation: str, doubles: list[str]) -> RawObject:
    """`raw` as an object of that kind: its kind checked, its fields decoded along the type."""
    api_version, name = kind
    raw.setdefault("apiVersion", api_version)
    raw.setdefault("kind", name)
    _check_kind(raw, api_version, name)
    schema = type_of(api_version, name)
    if schema is None:
        return raw
    decoded = decode(schema, raw)
    prefix = f'{name} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {name}: '
    if decoded.error:
        raise bad_request(prefix + decoded.error)
    complaints = [f'duplicate field "{path}"' for path in doubles]
    complaints += [f'unknown field "{path}"' for path in decoded.unknown]
    if complaints and validation == "Strict":
        raise bad_request(prefix + "strict decoding error: " + ", ".join(complaints))
    if complaints and validation == "Warn":
        call.warnings.extend(complaints)
    return {"kind": name, "apiVersion": api_version} | decoded.value


def read_config(call: Call, body: bytes, validation: str) -> RawObject:
    """The configuration of a server-side apply (YAML or JSON): as it was sent, but for fields that nobody knows."""
    kind = (call.resource.api_version, call.resource.kind)
    raw = _yaml(body, kind[1])
    if not isinstance(raw, dict):
        raise bad_request(f"error decoding YAML: {go_json.kind_of(raw)} is no object")
    before = len(call.warnings)
    known = typed(call, raw, kind, validation, [])
    return known if len(call.warnings) > before or validation == "Ignore" else raw


def _check_kind(raw: RawObject, api_version: str, kind: str) -> None:
    version = str(raw["apiVersion"]).rpartition("/")[2]
    wrong = f'{raw["kind"]} in version "{version}" cannot be handled as a {kind}: '
    if raw["kind"] != kind:
        package = {"v1": "core"}.get(api_version, api_version.partition("/")[0].partition(".")[0])
        raise bad_request(f"{wrong}converting ({version}.{raw['kind']}) to ({package}.{kind}): unknown conversion")
    if raw["apiVersion"] != api_version:
        shown = raw["apiVersion"]
        raise bad_request(f'{wrong}no kind "{kind}" is registered for version "{shown}" in scheme "{_SCHEME}"')


def _unrecognized(kind: str) -> str:
    return f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind"


def _json(body: bytes, kind: str, validation: str) -> tuple[Any, list[str]]:
    try:
        if validation == "Ignore":
            return json.loads(body), []
        doubles = Doubles()
        raw = json.loads(body, object_pairs_hook=doubles.hook)
    except ValueError as error:
        shown = body[:200].decode(errors="replace") or "<empty>"
        raise bad_request(f"{_unrecognized(kind)}; json parse error: {go_json.complaint(body)} ({shown})") from error
    return raw, go_json.doubled_fields(body) if doubles.found else []


def _yaml(body: bytes, kind: str) -> Any:
    try:
        raw = yaml.load(body, Loader=_Loader)  # noqa: S506  # a safe loader, without the timestamp resolver
    except yaml.YAMLError as error:
        raise bad_request(f"{_unrecognized(kind)}; yaml parse error: {error}") from error
    if expanded(raw, {}) > _MOST_EXPANDED * len(body):
        raise bad_request(f"{_unrecognized(kind)}; yaml parse error: the document's aliases stand for too much")
    return raw


def expanded(value: Any, known: dict[int, int]) -> int:
    """How many values `value` holds once its aliases are written out; each shared part is counted through once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = 1  # a part that holds itself counts as one here, and is refused by the decoder
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(expanded(part, known) for part in parts)
    return known[id(value)]


async def read(call: Call) -> bytes:
    """The bytes of a request's body."""
    data: bytes = await call.http.read()
    return data
