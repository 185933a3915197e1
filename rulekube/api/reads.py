"""get, list and watch.

A read shows what is stored now, and is answered once that is durable. A list at an older revision, and every page of a
list but the first, shows the objects as they were at that revision.

Source of the resourceVersion semantics: k8s.io/apiserver/pkg/storage (GetList), pkg/endpoints/handlers/get.go.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from rulekube.api import options, table, views
from rulekube.api.committer import Committer
from rulekube.api.history import objects_at
from rulekube.api.negotiation import MEDIA
from rulekube.api.options import ListOptions, Page
from rulekube.api.requests import Call, encode, respond, respond_list
from rulekube.api.selection import Selection
from rulekube.api.watch import Encode, Hub, Wanted, line, stream
from rulekube.errors import ApiError
from rulekube.facts import refusals
from rulekube.facts.store import Compacted, Key, Snapshot, Store

RawObject = dict[str, Any]
LONGEST_WATCH = 1800.0  # seconds, where the client names none
_PATIENCE = 3.0  # seconds that a list waits for a revision still to come
_TOO_OLD = "The resourceVersion for the provided list is too old."
_TOO_OLD_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)


class Reads:
    """The reading half of the API over one store."""

    def __init__(self, store: Store, committer: Committer, hub: Hub) -> None:
        self._store = store
        self._committer = committer
        self._hub = hub

    def present(self, call: Call) -> RawObject:
        """The object a call names. Raises NotFound."""
        obj = self._store.get(self._key(call))
        if obj is None:
            raise refusals.not_found(call.resource, call.target.name)
        return obj

    def _key(self, call: Call) -> Key:
        return Key(call.resource.key, call.target.namespace if call.resource.namespaced else "", call.target.name)

    async def get(self, call: Call) -> web.StreamResponse:
        """One object."""
        options.revision(call.http.query.get("resourceVersion", ""))
        encoded = self._store.encoded(self._key(call))  # first, so that the wait below covers it
        obj = self.present(call)
        await self._committer.wait(int(obj["metadata"]["resourceVersion"]))
        return respond(call, obj, encoded=encoded)

    async def list(self, call: Call) -> web.StreamResponse:
        """The objects of a resource, or a page of them."""
        query = call.http.query
        wanted = options.list_options(query, watch=False)
        selection = Selection.of(call.resource, call.target.namespace, query)
        snapshot = await self._snapshot(selection, wanted)
        await self._committer.wait(min(snapshot.revision, self._store.revision))
        chosen = [
            (obj, encoded)
            for obj, encoded in _pairs(snapshot)
            if (wanted.after is None or _place(obj) > wanted.after) and selection.matches(obj)
        ]
        metadata: RawObject = {"resourceVersion": str(snapshot.revision)}
        if wanted.limit and len(chosen) > wanted.limit:
            last = chosen[wanted.limit - 1][0]
            metadata["continue"] = Page(snapshot.revision, *_place(last)).token()
            if selection.everything:
                metadata["remainingItemCount"] = len(chosen) - wanted.limit
            chosen = chosen[: wanted.limit]
        encoded = [text for _, text in chosen] if snapshot.encoded else None
        return respond_list(call, [obj for obj, _ in chosen], encoded, metadata)

    async def _snapshot(self, selection: Selection, wanted: ListOptions) -> Snapshot:
        """What to list from; without encodings where it is of the past."""
        resource, namespace = selection.resource.key, selection.namespace
        if wanted.exact and wanted.revision is not None:
            await self._reach(wanted.revision)
            try:
                return Snapshot(wanted.revision, objects_at(self._store, resource, namespace, wanted.revision), [])
            except Compacted as error:
                raise ApiError("Expired", _TOO_OLD_PAGE if wanted.after else _TOO_OLD) from error
        await self._reach(wanted.revision or 0)
        return self._store.snapshot(resource, namespace)

    async def _reach(self, revision: int) -> None:
        """Wait a little for a revision that is still to come."""
        if revision <= self._store.revision:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._committer.wait(revision)
        if revision > self._store.revision:
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            message = f"Timeout: Too large resource version: {revision}, current: {self._store.revision}"
            raise ApiError("Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})

    async def watch(self, call: Call) -> web.StreamResponse:
        """A stream of events."""
        query = call.http.query
        wanted = options.list_options(query, watch=True)
        selection = Selection.of(call.resource, call.target.namespace, query, call.target.name)
        initial = wanted.initial_events or not wanted.revision
        request = Wanted(
            wanted.revision or 0,
            initial,
            wanted.bookmarks,
            initial and wanted.bookmarks,
            wanted.timeout or LONGEST_WATCH,
        )
        plain = not (call.form.shape or call.resource.stored_as) and call.form.media == MEDIA[0]
        response = web.StreamResponse(headers=call.headers())
        response.content_type = call.form.media
        response.enable_chunked_encoding()
        await response.prepare(call.http)
        with contextlib.suppress(ConnectionError):
            async for chunk in stream(self._hub, selection, request, line if plain else _encoder(call), plain):
                await response.write(chunk)
            await response.write_eof()
        return response


def _pairs(snapshot: Snapshot) -> list[tuple[RawObject, bytes]]:
    if not snapshot.encoded:
        return [(obj, b"") for obj in snapshot.objects]
    return list(zip(snapshot.objects, snapshot.encoded, strict=True))


def _place(obj: RawObject) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _encoder(call: Call) -> Encode:
    """The encoder of a watch that wants tables, metadata or YAML; the first table brings the column definitions."""
    form, first = call.form, True
    if form.shape == "Table":
        table.check_include(call.include)

    def encode_one(kind: str, obj: RawObject, _encoded: bytes | None) -> bytes:
        nonlocal first
        if kind != "BOOKMARK":
            obj = views.shown(call.resource, obj)
        if form.shape == "Table":
            rows = [obj] if kind != "BOOKMARK" else []
            metadata = table.list_metadata(obj)
            shown = table.table(
                obj["kind"], rows, metadata, now=call.now, version=form.version, include=call.include, columns=first
            )
            if kind == "BOOKMARK":
                shown["rows"] = [table.bookmark_row(obj, form.version)]
            first = False
        else:
            shown = table.partial(obj, form.version) if form.shape else obj
        if form.media == MEDIA[0]:
            return line(kind, shown)
        return b"---\n" + encode({"type": kind, "object": shown}, form.media)

    return encode_one
