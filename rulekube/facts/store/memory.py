"""The store's state in memory: what every reader sees, and a whole store for tests and simulations.

A transaction's life: its writes are checked one by one against an overlay of the present state, so that one that
fails leaves nothing behind; then the changes enter the index and the window of recent changes, `_record` hands them to
whoever keeps them durable, and the subscribers hear of them: all under one lock, hence in one order for everybody.

Invariant: the window holds every change with a revision above `_window_start`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec

from rulekube.facts.store.interface import (
    AlreadyExists,
    Callback,
    Change,
    Changes,
    Compacted,
    Conflict,
    Key,
    NotFound,
    Objects,
    RawObject,
    Snapshot,
    Write,
)

_encode = msgspec.json.Encoder().encode
_Place = tuple[str, str]  # namespace, name


class _Shelf:
    """The present objects of one resource: by place, and the places in order."""

    __slots__ = ("entries", "places")

    def __init__(self) -> None:
        self.entries: dict[_Place, Change] = {}
        self.places: list[_Place] = []

    def put(self, change: Change) -> None:
        """Take over one change's outcome."""
        place = (change.key.namespace, change.key.name)
        if change.type == "DELETED":
            del self.entries[place]
            del self.places[bisect_left(self.places, place)]
            return
        if place not in self.entries:
            insort(self.places, place)
        self.entries[place] = change._replace(previous=None)  # an old object is not kept alive by the index

    def ordered(self, namespace: str | None) -> list[Change]:
        """The newest change of each present object, in key order."""
        if namespace is None:
            return [self.entries[place] for place in self.places]
        start = bisect_left(self.places, (namespace, ""))
        end = bisect_left(self.places, (namespace + "\0", ""))
        return [self.entries[place] for place in self.places[start:end]]


class MemoryStore:
    """A `Store` without a file. `window`: how many of the latest changes to keep at least."""

    def __init__(self, window: int = 10_000) -> None:
        self._shelves: dict[str, _Shelf] = {}
        self._revision = 0
        self._compacted = 0
        self._window: deque[Change] = deque()
        self._window_size = window
        self._window_start = 0
        self._subscribers: list[Callback] = []
        self._lock = threading.RLock()
        self._notifying = False

    @property
    def revision(self) -> int:
        """Of the newest write."""
        return self._revision

    @property
    def compacted(self) -> int:
        """The oldest revision `changes` may be asked for."""
        return self._compacted

    def _entry(self, key: Key) -> Change | None:
        shelf = self._shelves.get(key.resource)
        return shelf.entries.get((key.namespace, key.name)) if shelf else None

    def get(self, key: Key) -> RawObject | None:
        """The object, or None."""
        entry = self._entry(key)
        return entry.object if entry else None

    def encoded(self, key: Key) -> bytes | None:
        """The object as JSON, or None."""
        entry = self._entry(key)
        return entry.encoded if entry else None

    def _ordered(self, resource: str, namespace: str | None) -> Changes:
        shelf = self._shelves.get(resource)
        return shelf.ordered(namespace) if shelf else []

    def list(self, resource: str, namespace: str | None = None) -> Objects:
        """The objects in key order."""
        with self._lock:
            return [entry.object for entry in self._ordered(resource, namespace)]

    def snapshot(self, resource: str, namespace: str | None = None) -> Snapshot:
        """The objects in key order, their JSON, and the revision at which this is so."""
        with self._lock:
            entries = self._ordered(resource, namespace)
            return Snapshot(self._revision, [e.object for e in entries], [e.encoded for e in entries])

    def transact(self, writes: Sequence[Write]) -> Changes:
        """Apply all writes or none."""
        with self._lock:
            assert not self._notifying, "a subscriber must not write: hand the work to another turn of the loop"
            changes = self._plan(writes)
            if changes:
                self._apply(changes)
                self._record(changes)
                self._notify(changes)
            return changes

    def _plan(self, writes: Sequence[Write]) -> Changes:
        """The changes these writes make, without making them; later writes see the earlier ones."""
        overlay: dict[Key, Change | None] = {}
        changes = []
        for revision, write in enumerate(writes, self._revision + 1):
            key = write.key
            change = _change(write, overlay[key] if key in overlay else self._entry(key), revision)
            overlay[key] = None if change.type == "DELETED" else change
            changes.append(change)
        return changes

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._shelves.setdefault(change.key.resource, _Shelf()).put(change)
        self._revision = changes[-1].revision
        self._window.extend(changes)
        self._trim()

    def _trim(self) -> None:
        """Drop the oldest changes beyond the window's size, as far as `_droppable` allows."""
        while len(self._window) > self._window_size and self._window[0].revision <= self._droppable():
            self._window_start = self._window.popleft().revision
            self._compacted = max(self._compacted, self._window_start if not self._keeps_log() else 0)

    def _droppable(self) -> int:
        """The revision up to which the window may forget."""
        return self._revision

    def _keeps_log(self) -> bool:
        """Whether changes that left the window can still be read."""
        return False

    def _record(self, changes: Sequence[Change]) -> None:
        """Hand the changes of a transaction to what keeps them durable."""

    def _notify(self, changes: Sequence[Change]) -> None:
        self._notifying = True
        try:
            for callback in tuple(self._subscribers):
                callback(changes)
        finally:
            self._notifying = False

    def sync(self) -> int:
        """Nothing to do: memory is as durable as it gets."""
        return self._revision

    def changes(self, after: int) -> Changes:
        """Every change above `after`."""
        with self._lock:
            if after < self._compacted:
                raise Compacted(after, self._compacted)
            older = [] if after >= self._window_start else self._logged(after, self._window_start)
            skip = max(0, after - self._window_start)  # the window is gapless: position = revision - start - 1
            return [*older, *islice(self._window, skip, None)]

    def _logged(self, after: int, until: int) -> Changes:
        """Changes with after < revision <= until, from beyond the window."""
        raise Compacted(after, until)

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback` on every transaction."""
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe

    def compact(self, revision: int) -> None:
        """Forget changes up to `revision`, at most all there are."""
        with self._lock:
            self._compacted = max(self._compacted, min(revision, self._revision))
            while self._window and self._window[0].revision <= min(self._compacted, self._droppable()):
                self._window_start = self._window.popleft().revision

    def close(self) -> None:
        """Nothing to let go of."""


def _change(write: Write, entry: Change | None, revision: int) -> Change:
    """What `write` does to the present `entry`, as the write of `revision`."""
    key, body, expect = write
    if expect is not None:
        if entry is None and expect != 0:
            raise NotFound(key)
        if entry is not None and expect == 0:
            raise AlreadyExists(key)
        if entry is not None and entry.revision != expect:
            raise Conflict(key, expect, entry.revision)
    previous = entry.object if entry else None
    if body is None:
        if previous is None:
            raise NotFound(key)
        kind, body = "DELETED", previous
    else:
        kind = "ADDED" if previous is None else "MODIFIED"
    stamped = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": str(revision)}}
    return Change(revision, kind, key, stamped, previous, _encode(stamped))
