"""What the file adds: durability, recovery, one owner."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from rulekube.errors import StoreError
from rulekube.facts.store import Key, Write
from rulekube.facts.store.sqlite import SQLiteStore

A = Key("configmaps", "ns", "a")
WRITER = Path(__file__).with_name("store_writer.py")
ROOT = Path(__file__).parents[2]


def body(value):
    return {"metadata": {}, "value": value}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def test_what_was_synced_is_there_after_reopening(path):
    store = SQLiteStore(path)
    store.transact([Write(A, body(1)), Write(A._replace(name="b"), body(2))])
    store.transact([Write(A, None)])
    log, present = store.changes(0), store.list("configmaps")
    store.close()
    again = SQLiteStore(path)
    assert (again.revision, again.changes(0), again.list("configmaps")) == (3, log, present)
    again.close()


def test_the_revision_never_goes_back_even_when_all_is_deleted_and_compacted(path):
    store = SQLiteStore(path)
    store.transact([Write(A, body(1)), Write(A, None)])
    store.compact(2)
    store.close()
    again = SQLiteStore(path)
    assert (again.revision, again.compacted) == (2, 2)
    again.close()


def test_the_log_is_compacted_by_itself(path):
    store = SQLiteStore(path, window=10, retained=100)
    for n in range(150):
        store.transact([Write(A, body(n))])
        store.sync()
    assert store.compacted >= 39
    assert [c.object["value"] for c in store.changes(store.compacted)] == list(range(store.compacted, 150))
    store.close()


def test_a_second_owner_is_refused_and_told_who_has_it(path):
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match=f"in use by process {os.getpid()}; stop it .* or give another --data"):
        SQLiteStore(path)
    store.close()
    SQLiteStore(path).close()


def test_another_programs_file_is_refused(path):
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="format 0, this version reads 1"):
        SQLiteStore(path)


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="restore it from a copy"):
        SQLiteStore(path)


def test_a_gap_in_the_log_is_found_on_opening(path):
    store = SQLiteStore(path)
    for n in range(5):
        store.transact([Write(A, body(n))])
    store.close()
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM changes WHERE revision = 3")
    connection.close()
    with pytest.raises(StoreError, match="1 changes are missing"):
        SQLiteStore(path)


def test_a_failed_sync_keeps_its_writes_for_the_next(path):
    store = SQLiteStore(path)
    store.transact([Write(A, body(1))])
    (pages,) = next(store._writer.execute("PRAGMA page_count"))
    list(store._writer.execute(f"PRAGMA max_page_count={pages}"))
    store.transact([Write(A, {"metadata": {}, "value": "x" * 100_000})])
    with pytest.raises(StoreError, match="nothing after revision 0 is durable"):
        store.sync()
    list(store._writer.execute("PRAGMA max_page_count=1000000"))
    assert store.sync() == 2
    store.close()


def check(path, acknowledged):
    """Open what the killed process left: nothing acknowledged is missing, nothing is torn."""
    store = SQLiteStore(path)  # refuses a log with a gap
    try:
        assert store.revision >= acknowledged
        changes = store.changes(store.compacted)
        assert [c.revision for c in changes] == list(range(store.compacted + 1, store.revision + 1))
        for last in {c.key: c for c in changes}.values():
            assert store.get(last.key) == (None if last.type == "DELETED" else last.object)
        assert all(c.object["turn"] == c.revision for c in changes if c.type != "DELETED")
        assert next(store._writer.execute("PRAGMA integrity_check")) == ("ok",)
        return store.revision
    finally:
        store.close()


@pytest.mark.slow
def test_a_killed_process_loses_nothing_acknowledged(path):
    """25 rounds of kill -9 at random moments, each continuing where the last one left the file."""
    rng, acknowledged, total = random.Random(7), 0, 0
    for _ in range(25):
        process = subprocess.Popen(
            [sys.executable, WRITER, path],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            first = process.stdout.readline()
            assert first, "the writer did not start"
            time.sleep(rng.random() * 0.06)  # the moment of the crash
        finally:
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().splitlines()
            process.stdout.close()
            process.wait(10)
        # A last line cut short is a smaller number, hence a weaker claim, never a wrong one.
        acknowledged = max([acknowledged, *(int(line) for line in [first, *rest])])
        total = check(path, acknowledged)
    assert total >= acknowledged > 1000
