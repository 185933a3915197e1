"""The object store: one interface, several backends, one test suite. Synchronous; may touch files and threads."""

from rulekube.facts.store.interface import (
    AlreadyExists,
    Change,
    Compacted,
    Conflict,
    Key,
    NotFound,
    Snapshot,
    Store,
    Write,
)
from rulekube.facts.store.memory import MemoryStore

__all__ = [
    "AlreadyExists",
    "Change",
    "Compacted",
    "Conflict",
    "Key",
    "MemoryStore",
    "NotFound",
    "Snapshot",
    "Store",
    "Write",
]
