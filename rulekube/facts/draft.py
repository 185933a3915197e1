"""A transaction being planned: writes so far, and the state as they will leave it."""

from __future__ import annotations

from typing import Any

from rulekube.facts.store import Key, Store, Write

RawObject = dict[str, Any]


class Draft:
    """The writes planned so far, and the state as it will be after them."""

    def __init__(self, store: Store) -> None:
        self.writes: list[Write] = []
        self._store = store
        self._overlay: dict[Key, RawObject | None] = {}

    def get(self, key: Key) -> RawObject | None:
        """The object as the planned writes leave it."""
        return self._overlay[key] if key in self._overlay else self._store.get(key)

    def put(self, key: Key, raw: RawObject | None) -> None:
        """Plan a write; the first of each key insists on what was read."""
        live = None if key in self._overlay else self._store.get(key)
        expect = None if key in self._overlay else int(live["metadata"]["resourceVersion"]) if live else 0
        self.writes.append(Write(key, raw, expect))
        if raw is not None:  # as the store will stamp it, if nobody comes between
            revision = str(self._store.revision + len(self.writes))
            raw = {**raw, "metadata": {**raw["metadata"], "resourceVersion": revision}}
        self._overlay[key] = raw

    def back_to(self, count: int) -> None:
        """Forget all writes but the first `count`."""
        kept, self.writes, self._overlay = self.writes[:count], [], {}
        for write in kept:
            self.put(write.key, write.object)
