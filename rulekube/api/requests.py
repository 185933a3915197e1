"""One request being served: who asks, for what, in which form the answer goes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import yaml
from aiohttp import web

from rulekube.api import table, views
from rulekube.api.negotiation import MEDIA, Form
from rulekube.api.paths import Target
from rulekube.facts.admission import User
from rulekube.facts.resources import Resource

RawObject = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
HEADERS = {"Cache-Control": "no-cache, private"}


@dataclass(slots=True)
class Call:
    """A request for a resource. `warnings` become Warning headers of the answer."""

    http: web.Request
    user: User
    target: Target
    resource: Resource
    form: Form
    clock: Callable[[], int]
    warnings: list[str] = field(default_factory=list)

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.clock()

    @property
    def include(self) -> str:
        """Which objects the rows of a table carry."""
        return self.http.query.get("includeObject", "")

    def headers(self) -> list[tuple[str, str]]:
        """The answer's headers."""
        return [*HEADERS.items(), *(("Warning", warning_header(text)) for text in self.warnings)]


def warning_header(text: str) -> str:
    """A Warning header as Kubernetes writes it (RFC 7234, code 299)."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'299 - "{quoted}"'


def encode(value: Any, media: str) -> bytes:
    """A document in a media type."""
    if media == MEDIA[0]:
        return _encode(value)
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True)
    return text.encode()


def answer(call: Call, body: bytes, status: int = 200) -> web.Response:
    """A response in the call's form."""
    return web.Response(body=body, status=status, content_type=call.form.media, headers=call.headers())


def respond(call: Call, obj: RawObject, status: int = 200, encoded: bytes | None = None) -> web.Response:
    """Answer with one object of the call's resource, as the form asks."""
    if call.resource.stored_as:
        obj, encoded = views.shown(call.resource, obj), None
    if call.form.shape == "Table":
        table.check_include(call.include)
        obj = table.table(
            obj["kind"],
            [obj],
            table.list_metadata(obj),
            now=call.now,
            version=call.form.version,
            include=call.include,
        )
        return answer(call, encode(obj, call.form.media), status)
    if call.form.shape:
        return answer(call, encode(table.partial(obj, call.form.version), call.form.media), status)
    body = encoded if encoded and call.form.media == MEDIA[0] else encode(obj, call.form.media)
    return answer(call, body, status)


def _bare(obj: RawObject) -> RawObject:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def _without_kind(resource: Resource, text: bytes, obj: RawObject) -> bytes:
    """An item of a list, which does not repeat the list's kind. Most stored texts just begin with it."""
    for head in _heads(resource):
        if text.startswith(head):
            return b"{" + text[len(head) :]
    return _encode(_bare(obj))


@cache
def _heads(resource: Resource) -> tuple[bytes, bytes]:
    kind, version = b'"kind":' + _encode(resource.kind), b'"apiVersion":' + _encode(resource.api_version)
    return b"{%b,%b," % (kind, version), b"{%b,%b," % (version, kind)


def respond_list(
    call: Call, objects: list[RawObject], encoded: Iterable[bytes] | None, metadata: RawObject
) -> web.Response:
    """Answer with a list of the call's resource; `encoded` are the objects' JSON if known."""
    resource, form = call.resource, call.form
    if resource.stored_as:
        objects, encoded = [views.shown(resource, obj) for obj in objects], None
    if form.shape == "Table":
        table.check_include(call.include)
        made = table.table(resource.kind, objects, metadata, now=call.now, version=form.version, include=call.include)
        return answer(call, encode(made, form.media))
    if form.shape:
        items = [table.partial(obj, form.version) for obj in objects]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{form.version}"}
        return answer(call, encode({**head, "metadata": metadata, "items": items}, form.media))
    head = {"kind": resource.list_kind, "apiVersion": resource.api_version}
    if form.media != MEDIA[0]:
        return answer(
            call, encode({**head, "metadata": metadata, "items": [_bare(obj) for obj in objects]}, form.media)
        )
    texts = encoded if encoded is not None else map(_encode, objects)
    joined = b",".join(_without_kind(resource, text, obj) for text, obj in zip(texts, objects, strict=True))
    start = _encode({**head, "metadata": metadata})
    return answer(call, start[:-1] + b',"items":[' + joined + b"]}")
