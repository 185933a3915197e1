"""Sets of field paths, as the `fieldsV1` of metadata.managedFields writes them.

A set is a trie of dicts. The keys are path elements: `f:name` (field or map key), `k:{"name":"c"}` (item of a list
with keys), `v:"x"` (item of a set). `"."` in a node says that the path down to it is itself a member. In fieldsV1 a
node whose only content is `"."` is written `{}`; `read` and `render` convert. Sets are never changed in place here,
but by `insert`.

Source: sigs.k8s.io/structured-merge-diff fieldpath (Set, PathElement, serialize.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

FieldSet = dict[str, Any]
Path = tuple[str, ...]
_SELF = "."


def read(fields: FieldSet) -> FieldSet:
    """A set from its fieldsV1."""
    return {key: _read(value) for key, value in fields.items()}


def _read(fields: FieldSet) -> FieldSet:
    return {key: {} if key == _SELF else _read(value) for key, value in fields.items()} or {_SELF: {}}


def render(fields: FieldSet) -> FieldSet:
    """The fieldsV1 of a set, keys in order."""
    out = {}
    for key, value in sorted(fields.items()):
        out[key] = {} if key == _SELF or value.keys() == {_SELF} else render(value)
    return out


def insert(fields: FieldSet, path: Iterable[str]) -> None:
    """Add one path, in place."""
    for element in path:
        fields = fields.setdefault(element, {})
    fields[_SELF] = {}


def of_paths(*paths: Path) -> FieldSet:
    """The set of these paths."""
    out: FieldSet = {}
    for path in paths:
        insert(out, path)
    return out


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """The members of either."""
    out = dict(left)
    for key, value in right.items():
        out[key] = union(left[key], value) if key in left else value
    return out


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """The members of left that are not members of right."""
    out: FieldSet = {}
    for key, value in left.items():
        if key == _SELF:
            if _SELF not in right:
                out[key] = value
        elif rest := difference(value, right[key]) if key in right else value:
            out[key] = rest
    return out


def without_subtrees(left: FieldSet, right: FieldSet) -> FieldSet:
    """The members of left neither in right nor below a member of right."""
    out: FieldSet = {}
    for key, value in left.items():
        if key not in right or key == _SELF:
            out[key] = value
        elif _SELF not in right[key] and (rest := without_subtrees(value, right[key])):
            out[key] = rest
    return out


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """The members of both."""
    out: FieldSet = {}
    for key in left.keys() & right.keys():
        if key == _SELF:
            out[key] = {}
        elif both := intersection(left[key], right[key]):
            out[key] = both
    return out


def key_element(item: Any, keys: tuple[str, ...]) -> str:
    """The path element of an item of a list with keys; a missing key is null."""
    values = {key: item.get(key) if isinstance(item, dict) else None for key in keys}
    return "k:" + json.dumps(values, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def value_element(item: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + json.dumps(item, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
