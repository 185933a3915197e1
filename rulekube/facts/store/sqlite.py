"""The embedded store: the state in memory, the log of changes in one SQLite file.

Readers never touch the file. `transact` changes the memory and queues the changes; `sync`, from whatever thread, takes
the whole queue and writes it as one SQLite transaction that ends in one fsync: that is the group commit. The file holds
every body once, in the log; `objects` only points to the newest revision of what exists. Opening reads those back.

Locks: `_lock` (of MemoryStore) guards memory, `_disk` the writing connection, `_reading` the reading one. `_disk` is
taken before `_lock`, never after; `_reading` comes last.

A second process is kept out by a lock on a file beside it (never on the file itself: closing any descriptor of it
would drop SQLite's own locks).
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from rulekube.errors import StoreError
from rulekube.facts.store.interface import Change, Key, Write
from rulekube.facts.store.memory import MemoryStore, _Shelf

FORMAT = 1  # of the file, as _SCHEMA sets it; another number is another program's or another version's
RETAINED = 50_000  # changes kept readable before the oldest are compacted away
_QUEUE_LIMIT = 20_000  # queued changes from which a writer waits for the disk
_decode = msgspec.json.Decoder().decode

# WAL: readers and the writer do not block each other. FULL: a commit has reached the disk. The rest bounds the log's
# file and gives SQLite room; no mmap, because a failing disk must raise an error and not a signal.
_PRAGMAS = """
    PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=2000;
    PRAGMA journal_size_limit=67108864; PRAGMA busy_timeout=5000;
    PRAGMA cache_size=-65536; PRAGMA temp_store=memory; PRAGMA foreign_keys=on;
"""
_SCHEMA = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS changes (revision INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT NOT NULL,
        namespace TEXT NOT NULL, name TEXT NOT NULL, previous INTEGER, body BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS objects (resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
        revision INTEGER NOT NULL, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS compaction (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
    INSERT OR IGNORE INTO compaction VALUES (1, 0);
    PRAGMA user_version=1;
    COMMIT;
"""
_LOG = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)"
_POINT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)"
_UNPOINT = "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_PRESENT = """SELECT c.revision, c.resource, c.namespace, c.name, c.body
    FROM objects o JOIN changes c ON c.revision = o.revision"""
_BETWEEN = """SELECT c.revision, c.type, c.resource, c.namespace, c.name, c.body, p.body
    FROM changes c LEFT JOIN changes p ON p.revision = c.previous
    WHERE c.revision > ? AND c.revision <= ? ORDER BY c.revision"""
# What stays: the newest row (it holds the counter), what exists, and what retained changes call their previous object.
_COMPACT = """DELETE FROM changes WHERE revision <= ?1 AND revision < (SELECT max(revision) FROM changes)
    AND revision NOT IN (SELECT revision FROM objects)
    AND revision NOT IN (SELECT previous FROM changes WHERE revision > ?1 AND previous IS NOT NULL)"""


class SQLiteStore(MemoryStore):
    """A `Store` in one file. `retained`: how many changes stay readable; raises StoreError where the file is in use,
    another program's, or damaged."""

    def __init__(self, path: str | Path, *, window: int = 10_000, retained: int = RETAINED) -> None:
        super().__init__(window)
        self.path = Path(path)
        self._retained = retained
        self._queue: list[Change] = []
        self._disk = threading.Lock()
        self._reading = threading.Lock()
        self._file_lock = _lock_file(self.path.with_name(self.path.name + ".lock"))
        try:
            self._writer = _open(self.path)
            self._durable = self._revision = self._window_start = self._recover()
            self._reader = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
            self._reader.set_busy_timeout(5000)
        except apsw.Error as error:
            os.close(self._file_lock)
            raise StoreError(f"{self.path}: {error}; restore it from a copy or give another --data") from error
        except StoreError:
            os.close(self._file_lock)
            raise

    def _recover(self) -> int:
        """Read the present objects; the revision of the newest change. Raises StoreError where the log has a gap."""
        (self._compacted,) = _row(self._writer, "SELECT revision FROM compaction")
        newest, after = _row(
            self._writer,
            "SELECT ifnull(max(revision), 0), count(*) FILTER (WHERE revision > ?) FROM changes",
            (self._compacted,),
        )
        if after != newest - self._compacted:
            raise StoreError(
                f"{self.path}: {newest - self._compacted - after} changes are missing; restore it from a copy"
            )
        for revision, resource, namespace, name, body in self._writer.execute(_PRESENT):
            change = Change(revision, "ADDED", Key(resource, namespace, name), _decode(body), None, body)
            self._shelves.setdefault(resource, _Shelf()).put(change)
        return int(newest)

    def transact(self, writes: Sequence[Write]) -> list[Change]:
        """Apply all writes or none; waits for the disk only when very far ahead of it."""
        changes = super().transact(writes)
        if len(self._queue) > _QUEUE_LIMIT:
            self.sync()
        return changes

    def _record(self, changes: Sequence[Change]) -> None:
        self._queue.extend(changes)

    def _droppable(self) -> int:
        return self._durable

    def _keeps_log(self) -> bool:
        return True

    def sync(self) -> int:
        """Write everything queued as one durable transaction; the revision that is durable now."""
        with self._disk:
            with self._lock:
                batch, self._queue = self._queue, []
            if batch:
                self._write(batch)
            if self._durable - self._compacted > self._retained + self._retained // 10:
                self._compact(self._durable - self._retained)
            return self._durable

    def _write(self, batch: list[Change]) -> None:
        try:
            with self._writer:  # BEGIN … COMMIT, rolled back on an error
                self._writer.executemany(_LOG, map(_log_row, batch))
                _point(self._writer, batch)
        except apsw.Error as error:
            with self._lock:
                self._queue[:0] = batch
            raise StoreError(
                f"{self.path}: cannot write: {error}; nothing after revision {self._durable} is durable"
            ) from error
        self._durable = batch[-1].revision

    def _logged(self, after: int, until: int) -> list[Change]:
        with self._reading:
            rows = list(self._reader.execute(_BETWEEN, (after, until)))
        return [
            Change(revision, kind, Key(resource, namespace, name), _decode(body), _decode(old) if old else None, body)
            for revision, kind, resource, namespace, name, body, old in rows
        ]

    def compact(self, revision: int) -> None:
        """Forget changes up to `revision`, in memory and in the file."""
        self.sync()
        with self._disk:
            self._compact(revision)

    def _compact(self, revision: int) -> None:
        super().compact(min(revision, self._durable))
        with self._writer:
            self._writer.execute("UPDATE compaction SET revision = ?", (self._compacted,))
            self._writer.execute(_COMPACT, (self._compacted,))

    def close(self) -> None:
        """Make everything durable, fold the WAL into the file, let the next process in."""
        self.sync()
        with self._disk, self._reading:
            self._reader.close()
            self._writer.close()
            os.close(self._file_lock)


def _open(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    (version,) = _row(connection, "PRAGMA user_version")
    (tables,) = _row(connection, "SELECT count(*) FROM sqlite_schema")
    if version != FORMAT and (version or tables):
        connection.close()
        raise StoreError(f"{path}: has format {version}, this version reads {FORMAT}; give another --data")
    for _ in connection.execute(_PRAGMAS):
        pass
    connection.execute(_SCHEMA)
    return connection


def _row(connection: apsw.Connection, query: str, bindings: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    return next(iter(connection.execute(query, bindings)))


def _log_row(change: Change) -> tuple[Any, ...]:
    previous = change.previous and int(change.previous["metadata"]["resourceVersion"])
    return (change.revision, change.type, *change.key, previous, change.encoded)


def _point(connection: apsw.Connection, batch: Iterable[Change]) -> None:
    """Bring `objects` up to date: only the last change of each key counts."""
    newest = {change.key: change for change in batch}
    gone = [key for key, change in newest.items() if change.type == "DELETED"]
    here = [(*key, change.revision) for key, change in newest.items() if change.type != "DELETED"]
    connection.executemany(_UNPOINT, gone)
    connection.executemany(_POINT, here)


def _lock_file(path: Path) -> int:
    """Hold `path` for this process; raises StoreError naming the process that has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; give a --data directory that can be written") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"{path.with_suffix('')} is in use by process {holder}; stop it (`rulekube down`) or give another --data"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
