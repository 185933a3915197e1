"""The objects of a resource as they were at an earlier revision: today's, with the changes since undone."""

from __future__ import annotations

from typing import Any

from rulekube.facts.store import Key, Snapshot, Store

RawObject = dict[str, Any]


def objects_at(store: Store, resource: str, namespace: str | None, revision: int) -> list[RawObject]:
    """In key order. Raises Compacted where the history does not reach back that far."""
    snapshot: Snapshot = store.snapshot(resource, namespace)
    objects = {_key(resource, obj): obj for obj in snapshot.objects}
    for change in reversed(store.changes(revision)):
        if change.revision > snapshot.revision or change.key.resource != resource:
            continue
        if namespace is not None and change.key.namespace != namespace:
            continue
        if change.previous is None:
            objects.pop(change.key, None)
        else:
            objects[change.key] = change.previous
    return [objects[key] for key in sorted(objects)]


def _key(resource: str, obj: RawObject) -> Key:
    return Key(resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
