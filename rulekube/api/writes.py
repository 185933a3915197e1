"""create, update, patch, delete and deletecollection: HTTP in front of the Writer.

The order is Kubernetes': options, body, the object's own claims (namespace, name), then the Writer (defaults,
admission, validation, store). An answer waits until its revision is durable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from rulekube.api import bodies, options, status, views
from rulekube.api.committer import Committer
from rulekube.api.options import WriteOptions
from rulekube.api.patches import patcher
from rulekube.api.requests import Call, respond, respond_list
from rulekube.api.selection import Selection
from rulekube.errors import ApiError
from rulekube.facts import managed_fields
from rulekube.facts.decoding import decode
from rulekube.facts.deletion import DeleteOptions
from rulekube.facts.operation import Caller, Delete, Written
from rulekube.facts.schema import type_of
from rulekube.facts.store import Key, Store
from rulekube.facts.writer import Writer

RawObject = dict[str, Any]
_PROPAGATIONS = ("Background", "Foreground", "Orphan")


class Writes:
    """The writing half of the API over one store."""

    def __init__(self, store: Store, writer: Writer, committer: Committer) -> None:
        self._store = store
        self.writer = writer
        self._committer = committer

    async def done(self, call: Call, written: Written) -> Written:
        """Wait until a write is durable, and pass its warnings on."""
        await self._committer.wait(self._store.revision)
        call.warnings.extend(written.warnings)
        return written

    async def create(self, call: Call) -> web.StreamResponse:
        """POST to a collection."""
        chosen = write_options(call, "CreateOptions")
        resource = call.resource
        raw = bodies.read_object(
            call, await bodies.read(call), chosen.validation, (resource.api_version, resource.kind)
        )
        check_namespace(call, raw)
        row, raw = views.stored_row(resource), views.stored(resource, raw)
        written = self.writer.create(row, call.target.namespace, raw, caller(call, chosen))
        return respond(call, (await self.done(call, written)).object, 201)

    async def update(self, call: Call) -> web.StreamResponse:
        """PUT of an object, or of one of its subresources of the same kind."""
        chosen = write_options(call, "UpdateOptions")
        resource, target = call.resource, call.target
        raw = bodies.read_object(
            call, await bodies.read(call), chosen.validation, (resource.api_version, resource.kind)
        )
        check_namespace(call, raw)
        row, raw = views.stored_row(resource), views.stored(resource, raw)
        written = self.writer.update(row, target.namespace, target.name, raw, target.subresource, caller(call, chosen))
        return respond(call, (await self.done(call, written)).object)

    async def patch(self, call: Call) -> web.StreamResponse:
        """PATCH of an object, or of one of its subresources of the same kind."""
        chosen = write_options(call, "PatchOptions")
        resource, target = call.resource, call.target
        apply = patcher(call, await bodies.read(call), (resource.api_version, resource.kind), chosen.validation)
        row, change = views.stored_row(resource), checked(call, apply)
        written = self.writer.patch(
            row, target.namespace, target.name, change, target.subresource, caller(call, chosen)
        )
        return respond(call, (await self.done(call, written)).object)

    async def delete(self, call: Call) -> web.StreamResponse:
        """DELETE of an object: the object while it is still there, else a Status."""
        chosen, dry_run = await delete_options(call)
        target, who = call.target, caller(call, WriteOptions(dry_run, "", "", False))
        live = self._store.get(self._key(call))
        written = self.writer.delete(views.stored_row(call.resource), target.namespace, target.name, chosen, who)
        await self.done(call, written)
        if written.type == "DELETED" and not call.resource.returns_deleted and live is not None:
            gone = status.deleted(call.resource, target.name, live["metadata"]["uid"])
            return respond(plain(call), gone)
        return respond(call, written.object)

    @staticmethod
    def _key(call: Call) -> Key:
        return Key(call.resource.key, call.target.namespace if call.resource.namespaced else "", call.target.name)

    async def delete_collection(self, call: Call) -> web.StreamResponse:
        """DELETE of a collection: each object that is selected, in one transaction."""
        chosen, dry_run = await delete_options(call)
        selection = Selection.of(call.resource, call.target.namespace, call.http.query)
        found = [obj for obj in self._store.list(call.resource.key, selection.namespace) if selection.matches(obj)]
        who = caller(call, WriteOptions(dry_run, "", "", False))
        places = [(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in found]
        results = self.writer.transact(
            [Delete(views.stored_row(call.resource), *place, chosen, who) for place in places]
        )
        await self._committer.wait(self._store.revision)
        if errors := [result for result in results if isinstance(result, ApiError) and result.reason != "NotFound"]:
            raise errors[0]
        gone = [result.object for result in results if isinstance(result, Written)]
        return respond_list(call, gone, None, {"resourceVersion": str(self._store.revision)})


def plain(call: Call) -> Call:
    """The same call, answered as a plain object."""
    call.form = call.form._replace(shape="")
    return call


def caller(call: Call, chosen: WriteOptions) -> Caller:
    """Who writes, as the Writer wants to know it."""
    name = managed_fields.manager_name(chosen.field_manager, call.http.headers.get("User-Agent", ""))
    return Caller(call.user, name, chosen.dry_run)


def write_options(call: Call, kind: str) -> WriteOptions:
    """The options of a write from its query."""
    query = call.http.query
    return options.write_options(kind, query, query.getall("dryRun", []))


def check_namespace(call: Call, raw: RawObject) -> None:
    """An object may only claim the namespace of its path."""
    claimed = raw.get("metadata", {}).get("namespace", "")
    if claimed and call.resource.namespaced and claimed != call.target.namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def checked(call: Call, apply: Callable[[RawObject], RawObject]) -> Callable[[RawObject], RawObject]:
    """A patch that may not rename its object."""

    def change(live: RawObject) -> RawObject:
        new = apply(views.shown(call.resource, live))
        name = new.get("metadata", {}).get("name", call.target.name)
        if name != call.target.name:
            raise status.bad_request(
                f"the name of the object ({name}) does not match the name on the URL ({call.target.name})"
            )
        check_namespace(call, new)
        return views.stored(call.resource, new)

    return change


async def delete_options(call: Call) -> tuple[DeleteOptions, bool]:
    """DeleteOptions from the body, else from the query; and whether it is a dry run."""
    body = await bodies.read(call)
    if body:
        raw = _options_body(call, body)
    else:
        raw = {name: value for name, value in call.http.query.items() if name in ("propagationPolicy",)}
        if call.http.query.get("gracePeriodSeconds"):
            raw["gracePeriodSeconds"] = options.integer(call.http.query, "gracePeriodSeconds")
        raw["dryRun"] = call.http.query.getall("dryRun", [])
    preconditions = raw.get("preconditions") or {}
    propagation = raw.get("propagationPolicy")
    if raw.get("orphanDependents") is not None:
        propagation = "Orphan" if raw["orphanDependents"] else "Background"
    if propagation is not None and propagation not in _PROPAGATIONS:
        quoted = ", ".join(f'"{one}"' for one in (*_PROPAGATIONS, "nil"))
        message = f'Unsupported value: "{propagation}": supported values: {quoted}'
        raise status.invalid_options("DeleteOptions", [("propagationPolicy", "FieldValueNotSupported", message)])
    chosen = DeleteOptions(
        raw.get("gracePeriodSeconds"), preconditions.get("uid"), preconditions.get("resourceVersion"), propagation
    )
    return chosen, options.write_options("DeleteOptions", {}, raw.get("dryRun") or []).dry_run


def _options_body(call: Call, body: bytes) -> RawObject:
    if call.http.content_type not in ("application/json", "application/octet-stream", ""):
        return bodies.read_object(call, body, "Ignore", ("v1", "DeleteOptions"))
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise status.bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(raw, dict):
        return {}
    schema = type_of("v1", "DeleteOptions")
    assert schema is not None
    decoded = decode(schema, raw)
    if decoded.error:
        raise status.bad_request(f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {decoded.error}')
    return raw
