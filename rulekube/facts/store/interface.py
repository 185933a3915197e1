"""What every object store promises: one revision counter, atomic transactions, a log of changes to watch.

A write's life: `transact` checks all writes of a transaction against what is there, gives each the next revision, and
shows them to every reader of this process at once; `sync` makes them durable. Between the two a crash may lose them,
so nobody is told of a write before a `sync` that covers its revision has returned. Many writes share one `sync`
(group commit). The changes stay readable until `compact` drops those up to a revision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from rulekube.errors import StoreError

RawObject = dict[str, Any]


class Key(NamedTuple):
    """Where an object is: `resource` as in `Resource.key`; `namespace` is "" for cluster-scoped objects."""

    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`pods shop/cart`."""
        return f"{self.resource} {self.namespace + '/' if self.namespace else ''}{self.name}"


class Write(NamedTuple):
    """One write of a transaction. `object` None deletes. `expect` is the revision it must have now; 0: it must not
    exist; None: whatever is there (a write then creates or replaces)."""

    key: Key
    object: RawObject | None
    expect: int | None = None


class Change(NamedTuple):
    """What one write did. `type` is ADDED, MODIFIED or DELETED; DELETED carries the last object, stamped with the
    deletion's revision. `previous` is None for ADDED. `encoded` is `object` as JSON, made once."""

    revision: int
    type: str
    key: Key
    object: RawObject
    previous: RawObject | None
    encoded: bytes


class Snapshot(NamedTuple):
    """Objects in key order, with their JSON, as of one revision."""

    revision: int
    objects: list[RawObject]
    encoded: list[bytes]


class Conflict(StoreError):  # noqa: N818  # as the seam and Kubernetes name them
    """A write expected another revision than the object has (`actual`)."""

    def __init__(self, key: Key, expected: int, actual: int) -> None:
        super().__init__(f"{key}: revision {expected} expected, it is {actual}; read it again")
        self.key, self.expected, self.actual = key, expected, actual


class AlreadyExists(StoreError):  # noqa: N818
    """A write that must create found the object there."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} already exists")
        self.key = key


class NotFound(StoreError):  # noqa: N818
    """A write that needs the object did not find it."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} not found")
        self.key = key


class Compacted(StoreError):  # noqa: N818
    """Changes after `revision` were asked for, but those up to `compacted` are gone: list again."""

    def __init__(self, revision: int, compacted: int) -> None:
        super().__init__(f"changes after revision {revision} are gone up to {compacted}; list again")
        self.revision, self.compacted = revision, compacted


Callback = Callable[[Sequence[Change]], None]
Objects = list[RawObject]  # these two have names because `Store.list` hides the built-in inside the class
Changes = list[Change]


class Store(Protocol):
    """An object store. Objects are plain dicts that nobody mutates once they were handed over, in either direction.

    Reads and `transact` may be called from any thread; they see the same order of transactions.
    """

    @property
    def revision(self) -> int:
        """Of the newest write; 0 in a new store. Each write has its own, one transaction's are consecutive."""
        ...

    @property
    def compacted(self) -> int:
        """The oldest revision `changes` may be asked for; 0 before the first `compact`."""
        ...

    def get(self, key: Key) -> RawObject | None:
        """The object, with its revision in metadata.resourceVersion."""
        ...

    def encoded(self, key: Key) -> bytes | None:
        """The object as JSON, made once per write."""
        ...

    def list(self, resource: str, namespace: str | None = None) -> Objects:
        """All objects of a resource, or those of one namespace, in key order."""
        ...

    def snapshot(self, resource: str, namespace: str | None = None) -> Snapshot:
        """As `list`, with the revision it was true at and the JSON of each object."""
        ...

    def transact(self, writes: Sequence[Write]) -> Changes:
        """Apply all writes or none; stamps metadata.resourceVersion. Raises Conflict, AlreadyExists, NotFound."""
        ...

    def sync(self) -> int:
        """Make every write so far durable; the revision up to which that now holds. Callable from any thread."""
        ...

    def changes(self, after: int) -> Changes:
        """Every change with a revision above `after`, in order. Raises Compacted."""
        ...

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback` with each transaction's changes, in order, in the writing thread and before `transact`
        returns; it must be quick and must not write. Returns the unsubscriber."""
        ...

    def compact(self, revision: int) -> None:
        """Forget the changes up to `revision`; the objects stay."""
        ...

    def close(self) -> None:
        """Make everything durable and let go of files and locks."""
        ...
