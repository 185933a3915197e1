"""What the server writes into an object's metadata, whatever the client sent.

Source: k8s.io/apiserver pkg/registry/rest/{create,update,meta}.go (BeforeCreate, BeforeUpdate,
FillObjectMetaSystemFields).
"""

from __future__ import annotations

from typing import Any

import msgspec

from rulekube.facts.resources import Resource

RawObject = dict[str, Any]
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
_FRESH = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)
_KEPT = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
    "name",
    "generateName",
)
_MAY_BE_EMPTY = ("labels", "annotations", "finalizers", "ownerReferences", "managedFields", "generateName")


def clone(raw: RawObject) -> RawObject:
    """A copy that shares nothing with its original. Nulls and empty lists are absent, as Go leaves them out."""
    text = _encode(raw)
    copy: RawObject = _decode(text)
    return _without_empties(copy) if b":null" in text or b":[]" in text else copy


def _without_empties(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empties(item) for key, item in value.items() if item is not None and item != []}
    return [_without_empties(item) for item in value] if isinstance(value, list) else value


def _tidy(metadata: RawObject) -> None:
    for name in _MAY_BE_EMPTY:
        if name in metadata and not metadata[name]:
            del metadata[name]


def stamp_created(resource: Resource, new: RawObject, namespace: str, uid: str, now: str) -> None:
    """Give a new object (changed in place) its identity: uid, times, generation."""
    metadata = new["metadata"]
    for field in _FRESH:
        metadata.pop(field, None)
    metadata |= {"uid": uid, "creationTimestamp": now}
    if resource.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    if resource.generation:
        metadata["generation"] = 1
    _tidy(metadata)


def stamp_updated(resource: Resource, new: RawObject, old: RawObject) -> None:
    """Carry an updated object's identity over (in place), and count the change of its spec."""
    metadata, before = new.setdefault("metadata", {}), old["metadata"]
    for field in _KEPT:
        if field in before:
            metadata.setdefault(field, before[field])
    metadata["resourceVersion"] = before["resourceVersion"]
    metadata.pop("selfLink", None)
    metadata.pop("generation", None)
    if "generation" in before:
        metadata["generation"] = before["generation"] + (resource.generation and _content(new) != _content(old))
    _tidy(metadata)


def _content(raw: RawObject) -> RawObject:
    """What `generation` counts: all but metadata and status."""
    return {key: value for key, value in raw.items() if key not in ("metadata", "status")}
