"""The log of one container, for the API: which run is meant, and what it wrote, piece by piece.

A runtime's stream blocks, so it is read in a thread of its own, which ends with the stream: when the container has
ended, or when the reader goes away and the stream is closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from rulekube.actuators.base import Fact
from rulekube.actuators.log_stream import LogStream, LogWindow
from rulekube.errors import ApiError
from rulekube.facts.timestamp import SECOND, parse_time

RawObject = Mapping[str, Any]
READ_AHEAD = 64  # pieces


class Options(Protocol):
    """Which part of a log is wanted: the API's LogOptions (v1 PodLogOptions)."""

    @property
    def follow(self) -> bool:
        """Whether to go on until the container ends."""

    @property
    def previous(self) -> bool:
        """The run before the latest."""

    @property
    def timestamps(self) -> bool:
        """Each line begins with its time."""

    @property
    def tail(self) -> int | None:
        """The last so many lines."""

    @property
    def since(self) -> int | None:
        """The last so many seconds."""

    @property
    def since_time(self) -> str:
        """What was written from this RFC 3339 time on."""

    @property
    def limit(self) -> int | None:
        """At most so many bytes."""


def window(options: Options, now: int) -> LogWindow:
    """The options with one start time; `now` in microseconds."""
    since = None
    if options.since is not None:
        since = now - options.since * SECOND
    elif options.since_time:
        since = parse_time(options.since_time)
    return LogWindow(options.follow, options.tail, since, options.timestamps)


# What the kubelet says in place of a reason (pkg/kubelet/kubelet_pods.go validateContainerLogStatus).
_PULLING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def chosen_run(instances: Sequence[Fact], pod: RawObject, container: str, previous: bool) -> str:
    """The id of the run whose log is meant. Raises ApiError in the kubelet's words."""
    metadata = pod["metadata"]
    runs = {attempt: id_ for id_, ref, name, attempt in instances if (ref.uid, name) == (metadata["uid"], container)}
    if not runs:
        said = _waiting_reason(pod, container)
        reason = _PULLING.get(said, said)
        text = f'container "{container}" in pod "{metadata["name"]}" is waiting to start: {reason}'
        raise ApiError("BadRequest", text)
    wanted = max(runs) - previous
    if wanted not in runs:
        text = f'previous terminated container "{container}" in pod "{metadata["name"]}" not found'
        raise ApiError("BadRequest", text)
    return str(runs[wanted])


def _waiting_reason(pod: RawObject, container: str) -> str:
    status = pod.get("status", {})
    for report in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
        if report["name"] == container and "waiting" in report.get("state", {}):
            return str(report["state"]["waiting"].get("reason", "ContainerCreating"))
    return "ContainerCreating"


async def pieces(stream: LogStream, limit: int | None) -> AsyncIterator[bytes]:
    """What the stream yields, cut at `limit` bytes; closing the iterator closes the stream."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = threading.Semaphore(READ_AHEAD)

    def read() -> None:
        try:
            for piece in stream:
                room.acquire()
                loop.call_soon_threadsafe(queue.put_nowait, piece)
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    thread = threading.Thread(target=read, name="log-reader", daemon=True)
    thread.start()
    rest = limit
    try:
        while (piece := await queue.get()) is not None:
            room.release()
            yield piece if rest is None else piece[:rest]
            if rest is not None and (rest := rest - len(piece)) <= 0:
                return
    finally:
        room.release(READ_AHEAD)
        await asyncio.to_thread(stream.close)
