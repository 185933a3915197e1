"""Watches: durable changes, selected, encoded once, sent to everybody who watches.

A watch's life: it is registered at a revision; what happened since then comes from the store's history; from there on
the hub pushes it every durable change of its resource. A watch that starts from the present state (no resourceVersion,
"0", or sendInitialEvents) first sends the objects as ADDED. Bookmarks tell a client how far it has come; a revision
that is compacted away is answered by one ERROR event with a 410 Status; a client too slow to follow is cut off, and
lists again.

Source: k8s.io/apiserver/pkg/storage/cacher and pkg/endpoints/handlers/watch.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from rulekube.api import status
from rulekube.api.committer import Committer
from rulekube.api.selection import Selection
from rulekube.facts.store import Change, Compacted, Store

RawObject = dict[str, Any]
Encode = Callable[[str, RawObject, bytes | None], bytes]  # event type, object, its JSON if known -> one line
BOOKMARK_EVERY = 10.0  # seconds
MOST_WAITING = 20_000  # changes a watch may lag behind
_INITIAL_END = {"k8s.io/initial-events-end": "true"}
_encode = msgspec.json.Encoder().encode


def line(kind: str, obj: RawObject, encoded: bytes | None = None) -> bytes:
    """One watch event as JSON."""
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), encoded or _encode(obj))


class Watch:
    """One client's watch: the changes it has yet to be sent."""

    def __init__(self, selection: Selection, after: int) -> None:
        self.selection = selection
        self.after = after  # changes up to here are of no concern
        self._changes: list[Change] = []
        self._arrived = asyncio.Event()
        self.cut_off = False

    def push(self, changes: Sequence[Change]) -> None:
        """Queue changes of its resource."""
        if len(self._changes) > MOST_WAITING:
            self.cut_off = True
            self._changes.clear()
        self._changes.extend(changes)
        self._arrived.set()

    async def take(self, timeout: float) -> list[Change]:
        """The changes that arrived, [] after `timeout` seconds without any."""
        if not self._changes:
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        self._arrived.clear()
        changes, self._changes = self._changes, []
        return changes


class Hub:
    """All watches, by resource; fed by the committer."""

    def __init__(self, store: Store, committer: Committer) -> None:
        self._store = store
        self._committer = committer
        self._watches: dict[str, set[Watch]] = {}
        self._delivered = 0
        committer.listen(self._deliver)
        self.lines: dict[tuple[int, str], bytes] = {}  # the newest changes as plain lines, by revision and event type

    def start(self) -> None:
        """Take up from what the committer found durable."""
        self._delivered = self._committer.durable

    def _deliver(self, changes: Sequence[Change]) -> None:
        self.lines.clear()
        self._delivered = changes[-1].revision
        for resource, watches in self._watches.items():
            own = [change for change in changes if change.key.resource == resource]
            if own:
                for watch in watches:
                    watch.push(own)

    @property
    def delivered(self) -> int:
        """The revision up to which watches have been served."""
        return self._delivered

    def open(self, selection: Selection, after: int) -> Watch:
        """Register a watch for changes after a revision; history first. Raises Compacted."""
        delivered = self.delivered
        watch = Watch(selection, after)
        if after < delivered:
            missed = [c for c in self._store.changes(after) if c.revision <= delivered and selection.concerns(c)]
            watch.push(missed)
        self._watches.setdefault(selection.resource.key, set()).add(watch)
        return watch

    def stop(self) -> None:
        """End all watches: the server is about to."""
        for watches in self._watches.values():
            for watch in watches:
                watch.cut_off = True
                watch.push(())

    def close(self, watch: Watch) -> None:
        """Forget a watch."""
        self._watches[watch.selection.resource.key].discard(watch)

    async def initial(self, selection: Selection) -> tuple[list[tuple[RawObject, bytes]], Watch]:
        """The present state, once it is durable, and the watch that goes on from there."""
        snapshot = self._store.snapshot(selection.resource.key, selection.namespace)
        watch = Watch(selection, snapshot.revision)
        self._watches.setdefault(selection.resource.key, set()).add(watch)
        try:
            await self._committer.wait(snapshot.revision)
        except BaseException:  # the client has gone meanwhile
            self.close(watch)
            raise
        pairs = zip(snapshot.objects, snapshot.encoded, strict=True)
        return [(obj, encoded) for obj, encoded in pairs if selection.matches(obj)], watch


class Wanted(NamedTuple):
    """What a client asked of its watch. `initial`: begin with the present objects; `initial_end`: say when they end."""

    revision: int
    initial: bool
    bookmarks: bool
    initial_end: bool
    seconds: float


async def stream(hub: Hub, selection: Selection, wanted: Wanted, encode: Encode, shared: bool) -> AsyncIterator[bytes]:
    """The lines of one watch until its time is up. `shared`: `encode` is the one all plain watches use."""
    end = asyncio.get_running_loop().time() + wanted.seconds
    watch = None
    try:
        if wanted.initial:
            objects, watch = await hub.initial(selection)
            for obj, encoded in objects:
                yield encode("ADDED", obj, encoded)
            if wanted.initial_end:
                yield encode("BOOKMARK", bookmark(selection, watch.after, _INITIAL_END), None)
        else:
            watch = hub.open(selection, wanted.revision)
        async for chunk in _follow(hub, watch, wanted, encode, shared, end):
            yield chunk
    except Compacted as error:
        gone = status.failure(status.expired(error.revision, error.compacted))
        yield line("ERROR", gone)
    finally:
        if watch is not None:
            hub.close(watch)


async def _follow(
    hub: Hub, watch: Watch, wanted: Wanted, encode: Encode, shared: bool, end: float
) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    next_bookmark = clock() + BOOKMARK_EVERY
    while not watch.cut_off and (left := end - clock()) > 0:
        changes = await watch.take(min(left, max(next_bookmark - clock(), 0.0)))
        if lines := [one for change in changes if (one := _line(hub, watch, change, encode, shared))]:
            yield b"".join(lines)
        if wanted.bookmarks and clock() >= next_bookmark:
            yield encode("BOOKMARK", bookmark(watch.selection, max(hub.delivered, watch.after)), None)
        if clock() >= next_bookmark:
            next_bookmark = clock() + BOOKMARK_EVERY


def _line(hub: Hub, watch: Watch, change: Change, encode: Encode, shared: bool) -> bytes | None:
    """The line for one change, None where it is none of this watch's business."""
    selection = watch.selection
    if change.revision <= watch.after or not selection.concerns(change):
        return None
    event = (change.type, change.object) if selection.everything else selection.event(change)
    if event is None:
        return None
    kind, obj = event
    known = hub.lines.get((change.revision, kind)) if shared else None
    if known is None:
        known = encode(kind, obj, change.encoded if obj is change.object else None)
        if shared:
            hub.lines[change.revision, kind] = known
    return known


def bookmark(selection: Selection, revision: int, annotations: dict[str, str] | None = None) -> RawObject:
    """The object of a BOOKMARK event."""
    metadata: RawObject = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = annotations
    return {"kind": selection.resource.kind, "apiVersion": selection.resource.api_version, "metadata": metadata}
