"""Paths of objects, as refs and users write them: `pod/shop/cart`, `node/n1` ⇄ keys of the store."""

from __future__ import annotations

from typing import Any

from rulekube.facts.resources import TABLE, Resource
from rulekube.facts.store.interface import Key

_BY_SINGULAR = {row.singular: row for row in reversed(TABLE) if not row.stored_as}


def resource_of(path: str) -> Resource | None:
    """The row of the kind that a path begins with."""
    return _BY_SINGULAR.get(path.partition("/")[0])


def key_of(path: str) -> Key | None:
    """The store's key of a path; None where it names no kind, or has too few or too many parts."""
    resource = resource_of(path)
    _, *names = path.split("/")
    if resource is None or len(names) != 1 + resource.namespaced:
        return None
    return Key(resource.key, names[0] if resource.namespaced else "", names[-1])


def stored_key(resource: Resource, raw: dict[str, Any]) -> Key:
    """The store's key of a whole object."""
    return Key(resource.key, raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
