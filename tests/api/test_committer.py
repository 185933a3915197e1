"""Group commit: many writers share one sync, and nobody hears of a write before it is durable."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from rulekube.api.committer import Committer
from rulekube.errors import StoreError
from rulekube.facts.store import Key, MemoryStore, Write


class CountingStore(MemoryStore):
    """Counts its syncs; each waits for the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.syncs = 0
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False

    def sync(self) -> int:
        durable = self.revision
        assert self.gate.wait(10)
        self.syncs += 1
        if self.broken:
            raise StoreError("the disk is full")
        return durable


@pytest.fixture
async def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
async def committer(store: CountingStore) -> AsyncIterator[Committer]:
    committer = Committer(store)
    await committer.start()
    yield committer
    store.broken = False
    store.gate.set()
    await committer.stop()


def write(store: CountingStore, name: str) -> int:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return store.transact([Write(Key("configmaps", "a", name), obj)])[-1].revision


async def test_many_writers_share_a_sync(store, committer):
    store.gate.clear()
    first = asyncio.create_task(committer.wait(write(store, "first")))
    await asyncio.sleep(0)  # the first round begins
    others = [asyncio.create_task(committer.wait(write(store, f"n{n}"))) for n in range(50)]
    done, _ = await asyncio.wait([first, *others], timeout=0.05)
    assert not done
    before = store.syncs
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.syncs - before <= 3
    assert committer.durable == store.revision


async def test_listeners_hear_durable_changes_in_order(store, committer):
    heard: list[int] = []
    committer.listen(lambda changes: heard.extend(change.revision for change in changes))
    last = [write(store, f"n{n}") for n in range(20)][-1]
    await committer.wait(last)
    assert heard == list(range(1, last + 1))


async def test_writers_hear_of_a_failed_sync_and_the_next_may_succeed(store, committer):
    heard: list[int] = []
    committer.listen(lambda changes: heard.extend(change.revision for change in changes))
    store.broken = True
    revision = write(store, "a")
    with pytest.raises(StoreError, match="the disk is full"):
        await committer.wait(revision)
    assert heard == []
    store.broken = False
    await committer.wait(revision)
    assert heard == [revision]


async def test_waiting_for_what_never_comes_leaves_nothing_behind(committer):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(committer.wait(10**9), 0.01)
    assert committer._waiting == []
