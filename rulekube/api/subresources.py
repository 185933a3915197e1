"""Subresources whose body is of another kind than their object: scale, binding, eviction, log.

(`status` and `finalize` take the object itself and are ordinary updates and patches.)
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, Protocol

from aiohttp import web

from rulekube.api import bodies, status
from rulekube.api.patches import Apply, patcher
from rulekube.api.reads import Reads
from rulekube.api.requests import HEADERS, Call, respond
from rulekube.api.writes import Writes, caller, plain, write_options
from rulekube.errors import ApiError
from rulekube.facts.deletion import DeleteOptions

RawObject = dict[str, Any]
_SCALE = ("autoscaling/v1", "Scale")
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


class LogOptions(NamedTuple):
    """Which part of a container's log is wanted. `tail`, `since` (seconds) and `limit` (bytes) are None for all."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: int | None = None
    since_time: str = ""
    limit: int | None = None


class LogSource(Protocol):
    """Whoever has the containers' logs (the node part)."""

    def logs(self, pod: RawObject, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log in pieces. Raises ApiError where there is none to have."""
        ...


class Subresources:
    """The handlers; each is named after its subresource."""

    def __init__(self, reads: Reads, writes: Writes, log_source: LogSource | None) -> None:
        self._reads = reads
        self._writes = writes
        self._log_source = log_source

    async def scale(self, call: Call) -> web.StreamResponse:
        """autoscaling/v1 Scale of whatever has spec.replicas."""
        if call.target.verb == "get":
            return respond(plain(call), scale_of(self._reads.present(call)))
        chosen = write_options(call, "UpdateOptions" if call.target.verb == "update" else "PatchOptions")
        body = await bodies.read(call)
        if call.target.verb == "update":
            wanted = bodies.read_object(call, body, chosen.validation, _SCALE)
            make: Apply = lambda _scale: wanted  # noqa: E731  # the other branch is a function too
        else:
            make = patcher(call, body, _SCALE, chosen.validation)

        def change(live: RawObject) -> RawObject:
            scale = make(scale_of(live))
            metadata = {**live["metadata"], **_version(scale)}
            replicas = scale.get("spec", {}).get("replicas", 0)
            if replicas < 0:
                raise _negative(call.target.name, replicas)
            return {**live, "metadata": metadata, "spec": {**live["spec"], "replicas": replicas}}

        target = call.target
        written = self._writes.writer.patch(
            call.resource, target.namespace, target.name, change, "scale", caller(call, chosen)
        )
        return respond(plain(call), scale_of((await self._writes.done(call, written)).object))

    async def binding(self, call: Call) -> web.StreamResponse:
        """Give a pod its node."""
        chosen = write_options(call, "CreateOptions")
        raw = bodies.read_object(call, await bodies.read(call), chosen.validation, ("v1", "Binding"))
        written = self._writes.writer.bind(call.target.namespace, call.target.name, raw, caller(call, chosen))
        await self._writes.done(call, written)
        return respond(plain(call), _SUCCESS, 201)

    async def eviction(self, call: Call) -> web.StreamResponse:
        """Delete a pod, as far as disruption budgets allow (there are none to ask yet)."""
        chosen = write_options(call, "CreateOptions")
        raw = bodies.read_object(call, await bodies.read(call), chosen.validation, ("policy/v1", "Eviction"))
        wanted = raw.get("deleteOptions") or {}
        preconditions = wanted.get("preconditions") or {}
        options = DeleteOptions(
            wanted.get("gracePeriodSeconds"), preconditions.get("uid"), preconditions.get("resourceVersion")
        )
        target = call.target
        written = self._writes.writer.delete(
            call.resource, target.namespace, target.name, options, caller(call, chosen)
        )
        await self._writes.done(call, written)
        return respond(plain(call), _SUCCESS, 201)

    async def log(self, call: Call) -> web.StreamResponse:
        """The log of one container, as plain text."""
        pod = self._reads.present(call)
        query = call.http.query
        container = _container(pod, query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204, headers=HEADERS)
        if self._log_source is None:
            raise ApiError("InternalError", "no node agent of this server has logs")
        pieces = self._log_source.logs(pod, container, log_options(query))
        first = await anext(pieces, b"")
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "text/plain"
        response.enable_chunked_encoding()
        await response.prepare(call.http)
        with contextlib.suppress(ConnectionError):
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        return response


def scale_of(obj: RawObject) -> RawObject:
    """The Scale of an object. The selector of its pods may be a map or a LabelSelector."""
    spec, metadata = obj.get("spec", {}), obj["metadata"]
    kept = {key: metadata[key] for key in _SCALE_METADATA if key in metadata}
    selector = spec.get("selector") or {}
    labels: Mapping[str, str] = selector.get("matchLabels", {}) if "matchLabels" in selector else selector
    text = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    shown = {"replicas": obj.get("status", {}).get("replicas", 0)}
    return {
        "kind": _SCALE[1],
        "apiVersion": _SCALE[0],
        "metadata": kept,
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {**shown, "selector": text} if text else shown,
    }


_SCALE_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def _version(scale: RawObject) -> RawObject:
    """The resourceVersion that a Scale insists on, if any."""
    version = scale.get("metadata", {}).get("resourceVersion")
    return {"resourceVersion": version} if version else {}


def _negative(name: str, replicas: int) -> ApiError:
    message = f"Invalid value: {replicas}: must be greater than or equal to 0"
    details: dict[str, object] = {
        "name": name,
        "group": "autoscaling",
        "kind": "Scale",
        "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"}],
    }
    return ApiError("Invalid", f'Scale.autoscaling "{name}" is invalid: spec.replicas: {message}', details)


def _container(pod: RawObject, wanted: str) -> str:
    """The container whose log is meant: the one named, or the only one."""
    spec = pod["spec"]
    own = [one["name"] for one in spec.get("containers") or []]
    init = [one["name"] for one in spec.get("initContainers") or []]
    name = pod["metadata"]["name"]
    if wanted:
        if wanted not in own + init:
            raise status.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(own) == 1:
        return str(own[0])
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(own)}]"
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    raise status.bad_request(text)


def log_options(query: Mapping[str, str]) -> LogOptions:
    """v1 PodLogOptions from a query."""

    def number(name: str) -> int | None:
        text = query.get(name)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError as error:
            raise status.bad_request(f'{name}: strconv.ParseInt: parsing "{text}": invalid syntax') from error

    def truth(name: str) -> bool:
        return query.get(name, "") in ("true", "1")

    return LogOptions(
        truth("follow"),
        truth("previous"),
        truth("timestamps"),
        number("tailLines"),
        number("sinceSeconds"),
        query.get("sinceTime", ""),
        number("limitBytes"),
    )
