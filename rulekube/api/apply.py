"""PATCH with application/apply-patch+yaml: server-side apply over HTTP. Makes the object where there is none."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from rulekube.api import bodies, status, views
from rulekube.api.requests import Call, respond
from rulekube.api.writes import Writes, caller, check_namespace, write_options
from rulekube.errors import ApiError
from rulekube.facts.operation import Caller, Written
from rulekube.facts.server_side_apply import apply
from rulekube.facts.timestamp import format_time

RawObject = dict[str, Any]
MEDIA = "application/apply-patch+yaml"


async def handle(writes: Writes, call: Call) -> web.StreamResponse:
    """One request."""
    chosen = write_options(call, "PatchOptions")
    if not chosen.field_manager:
        cause = ("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
        raise status.invalid_options("PatchOptions", [cause])
    config = bodies.read_config(call, await bodies.read(call), chosen.validation)
    _check(call, config)
    settled = Caller(caller(call, chosen).user, "", chosen.dry_run)
    target = call.target

    def change(live: RawObject | None) -> RawObject:
        return apply(
            live,
            config,
            manager=chosen.field_manager,
            time=format_time(call.now),
            force=chosen.force,
            subresource=target.subresource,
        )

    row = views.stored_row(call.resource)
    try:
        written: Written = writes.writer.patch(row, target.namespace, target.name, change, target.subresource, settled)
        code = 200
    except ApiError as error:
        if error.reason != "NotFound" or target.subresource:
            raise
        written = writes.writer.create(row, target.namespace, change(None), settled)
        code = 201
    return respond(call, (await writes.done(call, written)).object, code)


def _check(call: Call, config: RawObject) -> None:
    metadata = config.setdefault("metadata", {})
    if metadata.get("managedFields"):
        raise status.bad_request("metadata.managedFields must be nil")
    name = metadata.setdefault("name", call.target.name)
    if name != call.target.name:
        raise status.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.target.name})"
        )
    check_namespace(call, config)
