"""Changes of the world, coalesced into batches of fact changes: the reconciler's one entrance.

Two kinds of news arrive, from any thread: changes of objects (from the store) and observations (from actuators). They
wait here until the reconciler takes all of them at once. Of an object that changed five times meanwhile only the
difference between what was last taken and what is true now remains; of an observation, the last word counts. A lost,
doubled or late event is therefore no special case: only the newest state matters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from rulekube.facts.store.interface import Change, Key, RawObject

Fact = tuple[Any, ...]
FactLists = dict[str, list[Fact]]


class Delta(NamedTuple):
    """One step's changes of base facts, and the store's revision up to which they reach."""

    insert: FactLists
    retract: FactLists
    revision: int


class Flattens(Protocol):
    """Objects → facts; `facts.flatten.Flattener` is one."""

    def delta(self, old: RawObject | None, new: RawObject | None) -> tuple[FactLists, FactLists]:
        """What to insert and what to retract when `old` becomes `new`; None is absence."""


class Inbox:
    """Gathers news until it is taken. Invariant: after `take`, the facts handed out so far are those of the objects
    and observations as of `Delta.revision`."""

    def __init__(self, flattener: Flattens, wake: Callable[[], None]) -> None:
        self.flattener = flattener
        self._wake = wake
        self._lock = threading.Lock()
        self._objects: dict[Key, tuple[RawObject | None, RawObject | None]] = {}  # key → as taken, as it is now
        self._observed: dict[tuple[str, Fact], bool] = {}
        self.revision = 0

    def changed(self, changes: Sequence[Change]) -> None:
        """Take note of what a transaction did; the store calls this."""
        with self._lock:
            for change in changes:
                before = self._objects[change.key][0] if change.key in self._objects else change.previous
                self._objects[change.key] = (before, None if change.type == "DELETED" else change.object)
                self.revision = max(self.revision, change.revision)
        self._wake()

    def load(self, objects: Iterable[tuple[Key, RawObject]], revision: int) -> None:
        """Start with these objects, true at `revision`. What has already been noted is newer and stays."""
        with self._lock:
            for key, loaded in objects:
                now = self._objects[key][1] if key in self._objects else loaded
                self._objects[key] = (None, now)
            self.revision = max(self.revision, revision)
        self._wake()

    def report(
        self, insert: Mapping[str, Sequence[Fact]] | None = None, retract: Mapping[str, Sequence[Fact]] | None = None
    ) -> None:
        """Take note of observations; actuators call this from their own threads."""
        with self._lock:
            for lists, holds in ((retract, False), (insert, True)):
                for relation, facts in (lists or {}).items():
                    self._observed.update(((relation, fact), holds) for fact in facts)
        self._wake()

    def __bool__(self) -> bool:
        return bool(self._objects or self._observed)

    def take(self) -> Delta:
        """All news since the last time."""
        with self._lock:
            objects, self._objects = self._objects, {}
            observed, self._observed = self._observed, {}
            revision = self.revision
        insert: FactLists = {}
        retract: FactLists = {}
        for before, now in objects.values():
            for lists, found in zip((insert, retract), self.flattener.delta(before, now), strict=True):
                for relation, facts in found.items():
                    lists.setdefault(relation, []).extend(facts)
        for (relation, fact), holds in observed.items():
            (insert if holds else retract).setdefault(relation, []).append(fact)
        return Delta(insert, retract, revision)
