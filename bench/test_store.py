"""The cost of a write: the store alone, and through the writer; with and without the disk.

    python -m pytest bench/test_store.py --benchmark-only

Sizes: objects already there. Each round writes one new object, so that a round's time is one write's.
"""

import itertools

import pytest

from rulekube.facts import resources
from rulekube.facts.operation import Create
from rulekube.facts.store import Key, MemoryStore, Write
from rulekube.facts.store.sqlite import SQLiteStore
from rulekube.facts.writer import Writer

CM, POD, NS = (resources.row(key) for key in ("configmaps", "pods", "namespaces"))


def configmap(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value" * 20}}


def pod(name):
    container = {"name": "c", "image": "nginx:1.25", "resources": {"requests": {"cpu": "100m"}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def opened(kind, path, size):
    store = SQLiteStore(path / "store.db") if kind == "sqlite" else MemoryStore()
    store.transact([Write(Key("configmaps", "ns", f"old{n:06}"), configmap(f"old{n}")) for n in range(size)])
    store.sync()
    return store


@pytest.fixture(params=[100, 10_000], ids="{} objects".format)
def size(request):
    return request.param


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_write_without_the_disk(benchmark, tmp_path, kind, size):
    store, names = opened(kind, tmp_path, size), map(str, itertools.count())
    benchmark.pedantic(
        store.transact,
        setup=lambda: (([Write(Key("configmaps", "ns", next(names)), configmap("x"), 0)],), {}),
        rounds=500,
    )
    assert len(store.list("configmaps")) == size + 500
    store.close()


@pytest.mark.parametrize("batch", [1, 10, 100], ids="{} a sync".format)
def test_durable_writes(benchmark, tmp_path, batch):
    store, names = opened("sqlite", tmp_path, 100), map(str, itertools.count())

    def write():
        store.transact([Write(Key("configmaps", "ns", next(names)), configmap("x"), 0) for _ in range(batch)])
        return store.sync()

    assert benchmark.pedantic(write, rounds=50) == store.revision
    store.close()


@pytest.mark.parametrize("make", [configmap, pod], ids=["configmap", "pod"])
def test_a_creation_through_the_writer(benchmark, make, size):
    store = opened("memory", None, size)
    uids, names = map(str, itertools.count()), map(str, itertools.count())
    writer = Writer(store, lambda: 1_795_410_770_000_000, lambda: next(uids))
    writer.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}})
    resource = CM if make is configmap else POD
    written = benchmark.pedantic(
        writer.perform, setup=lambda: ((Create(resource, "ns", make(next(names))),), {}), rounds=500
    )
    assert written.type == "ADDED"


def test_a_status_write_through_the_writer(benchmark):
    store = opened("memory", None, 100)
    uids, rounds = map(str, itertools.count()), itertools.count()
    writer = Writer(store, lambda: 1_795_410_770_000_000, lambda: next(uids))
    writer.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}})
    writer.create(POD, "ns", pod("p"))

    def mark():
        message = str(next(rounds))
        return writer.patch(
            POD, "ns", "p", lambda live: {**live, "status": {**live["status"], "message": message}}, "status"
        )

    assert benchmark.pedantic(mark, rounds=300).type == "MODIFIED"


@pytest.mark.parametrize("objects", [1_000, 10_000])
def test_opening_what_is_there(benchmark, tmp_path, objects):
    opened("sqlite", tmp_path, objects).close()

    def reopen():
        store = SQLiteStore(tmp_path / "store.db")
        found = store.revision
        store.close()
        return found

    assert benchmark.pedantic(reopen, rounds=3) == objects
