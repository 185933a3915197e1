"""What is served besides objects: discovery, OpenAPI, health and version, and RuleKube's own endpoints."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from rulekube.api import negotiation, openapi_v2, version
from rulekube.api.discovery import AGGREGATED, Aggregated, Discovery
from rulekube.api.openapi import OpenApi
from rulekube.api.questions import ROOT, Questions
from rulekube.api.requests import HEADERS, encode

PUBLIC = ("/healthz", "/livez", "/readyz", "/version")  # open to everybody
_encode = msgspec.json.Encoder().encode


class Documents:
    """The handlers of paths that are no resource."""

    def __init__(self, discovery: Discovery, openapi: OpenApi, questions: Questions) -> None:
        self._discovery = discovery
        self._openapi = openapi
        self._questions = questions

    @staticmethod
    def public(request: web.Request) -> web.Response | None:
        """The answer to what everybody may ask, None where it is not that."""
        path = request.path.rstrip("/")
        if request.method != "GET" or path not in PUBLIC:
            return None
        if path == "/version":
            return web.json_response(version.document(), headers=HEADERS)
        told = f"[+]ping ok\n{path[1:]} check passed\n" if "verbose" in request.query else "ok"
        return web.Response(text=told, headers=HEADERS)

    def knows(self, group: str, group_version: str) -> bool:
        """Whether a group is served in a version."""
        return self._discovery.resources(group, group_version) is not None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request for a document."""
        if request.path.startswith(ROOT):
            return await self._questions.handle(request)
        match [part for part in request.path.split("/") if part]:
            case []:
                return _plain(request, self._discovery.paths)
            case ["api"]:
                return _discovery(request, self._discovery.aggregated_core, self._discovery.core)
            case ["apis"]:
                return _discovery(request, self._discovery.aggregated_groups, self._discovery.groups)
            case ["api", found]:
                return _plain(request, self._discovery.resources("", found))
            case ["apis", group]:
                return _plain(request, self._discovery.group(group))
            case ["apis", group, found]:
                return _plain(request, self._discovery.resources(group, found))
            case ["openapi", "v2"]:
                return _openapi_v2(request)
            case ["openapi", "v3"]:
                body = _encode(self._openapi.index())
                return web.Response(body=body, content_type="text/plain", charset="utf-8", headers=HEADERS)
            case ["openapi", "v3", *rest]:
                return _openapi(request, self._openapi.document("/".join(rest)))
        return nothing()


def nothing() -> web.Response:
    """A path that no part of the server knows."""
    return web.Response(
        text="404 page not found\n", status=404, headers={**HEADERS, "X-Content-Type-Options": "nosniff"}
    )


def _plain(request: web.Request, document: dict[str, Any] | None) -> web.Response:
    if document is None:
        return nothing()
    form = negotiation.accepted(request.headers.get("Accept", ""), shapes=False)
    return web.Response(body=encode(document, form.media), content_type=form.media, headers=HEADERS)


def _discovery(request: web.Request, aggregated: Aggregated, legacy: dict[str, Any]) -> web.Response:
    if not Aggregated.wanted(request.headers.get("Accept", "")):
        return _plain(request, legacy)
    headers = {**HEADERS, "ETag": aggregated.etag, "Vary": "Accept"}
    if aggregated.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=aggregated.body, headers={**headers, "Content-Type": AGGREGATED})


def _openapi_v2(request: web.Request) -> web.Response:
    """The old form, in protobuf for whoever asks for that (kubectl does, and takes nothing else)."""
    if openapi_v2.PROTOBUF_NAME not in request.headers.get("Accept", ""):
        return web.Response(body=_encode(openapi_v2.DOCUMENT), content_type="application/json", headers=HEADERS)
    return web.Response(body=openapi_v2.encoded(), headers={**HEADERS, "Content-Type": openapi_v2.PROTOBUF})


def _openapi(request: web.Request, document: tuple[bytes, str] | None) -> web.Response:
    if document is None:
        return web.Response(status=404, headers=HEADERS)
    body, digest = document
    kept = "public, immutable" if request.query.get("hash") else "no-cache, private"
    headers = {"Cache-Control": kept, "ETag": f'"{digest}"', "Vary": "Accept"}
    if digest in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
