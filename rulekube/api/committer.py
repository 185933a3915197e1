"""Group commit: one task makes writes durable, everybody waits for the revision they wrote.

A transaction's changes arrive from the store (in whatever thread wrote) and wake the task. It lets the store sync in a
thread of its own, so that the loop goes on serving and more transactions join the next round; then it hands all changes
that are durable now to the listeners, in order, and lets those go who waited for them. So nothing is told to anybody,
neither the writer nor a watcher, that a crash could still take back.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from rulekube.facts.store import Change, Store

RETRY = 1.0  # seconds until a round that failed is tried again
Listener = Callable[[Sequence[Change]], None]


class Committer:
    """`durable` is the revision up to which all writes survive a crash. Lives in one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: deque[Change] = deque()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()
        self._listeners: list[Listener] = []
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "commit")
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self.durable = 0

    def listen(self, listener: Listener) -> None:
        """Call `listener` in the loop with durable changes, in order."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Make durable what is there, then follow the store."""
        loop = asyncio.get_running_loop()

        def arrived(changes: Sequence[Change]) -> None:
            self._pending.extend(changes)
            loop.call_soon_threadsafe(self._wake.set)

        self._unsubscribe = self._store.subscribe(arrived)
        self.durable = await loop.run_in_executor(self._pool, self._store.sync)
        self._task = asyncio.create_task(self._run(), name="committer")

    async def stop(self) -> None:
        """One last round, then no more."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._round()
        self._pool.shutdown()

    async def wait(self, revision: int) -> None:
        """Return once everything up to `revision` is durable."""
        if revision > self.durable:
            future = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (revision, next(self._order), future))
            self._wake.set()
            try:
                await future
            except asyncio.CancelledError:
                self._waiting = [one for one in self._waiting if one[2] is not future]
                heapq.heapify(self._waiting)
                raise

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._round()
            except Exception as error:  # noqa: BLE001  # whoever waits must hear of it; the next round may succeed
                self._fail(error)
                await asyncio.sleep(RETRY)
                self._wake.set()

    async def _round(self) -> None:
        self.durable = await asyncio.get_running_loop().run_in_executor(self._pool, self._store.sync)
        changes = []
        while self._pending and self._pending[0].revision <= self.durable:
            changes.append(self._pending.popleft())
        if changes:
            for listener in self._listeners:
                listener(changes)
        while self._waiting and self._waiting[0][0] <= self.durable:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            if not future.done():
                future.set_exception(error)
