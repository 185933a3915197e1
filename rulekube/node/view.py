"""The part of the store that one node's agent reads: its own pods, node, lease and Events, and what pods may refer to.

As the kubelet's field selector `spec.nodeName=…`. A pod that is bound to this node comes into view, and is news as a
whole; one that is bound elsewhere is never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rulekube.facts.store.interface import Change, Key, RawObject, Store


def _pod(raw: RawObject, node: str) -> bool:
    return bool(raw.get("spec", {}).get("nodeName") == node)


def _named(raw: RawObject, node: str) -> bool:
    return bool(raw["metadata"]["name"] == node)


def _event(raw: RawObject, node: str) -> bool:
    return bool(raw.get("source", {}).get("host") == node)


def _any(_raw: RawObject, _node: str) -> bool:
    return True


IN_VIEW: Mapping[str, Callable[[RawObject, str], bool]] = {
    "pods": _pod,
    "nodes": _named,
    "leases.coordination.k8s.io": _named,
    "events": _event,
    "configmaps": _any,
    "secrets": _any,
    "services": _any,
    "namespaces": _any,
}


class NodeView:
    """A Store that shows only what concerns one node. Everything that writes goes to the store itself."""

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, key: Key) -> RawObject | None:
        """The object of this key, if it is in view."""
        raw = self._store.get(key)
        return raw if raw is not None and self._shows(key.resource, raw) else None

    def subscribe(self, callback: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Changes as seen through the view."""

        def through(changes: Sequence[Change]) -> None:
            seen = [change for change in map(self._seen, changes) if change is not None]
            if seen:
                callback(seen)

        return self._store.subscribe(through)

    def _shows(self, resource: str, raw: RawObject) -> bool:
        shows = IN_VIEW.get(resource)
        return shows is not None and shows(raw, self._node)

    def _seen(self, change: Change) -> Change | None:
        resource = change.key.resource
        before = change.previous is not None and self._shows(resource, change.previous)
        after = self._shows(resource, change.object)
        if change.type == "DELETED":
            return change if before or after else None
        if before and not after:
            return change._replace(type="DELETED")
        if after and not before:
            return change._replace(type="ADDED", previous=None)
        return change if after else None

    def list(self, resource: str, namespace: str | None = None) -> list[RawObject]:
        """The objects in view, in key order."""
        if resource not in IN_VIEW:
            return []
        return [raw for raw in self._store.list(resource, namespace) if self._shows(resource, raw)]
