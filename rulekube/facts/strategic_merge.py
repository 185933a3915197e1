"""Strategic merge patch: a merge patch that knows which lists are merged by key.

Directives inside a patch: `$patch: replace|delete` on a map or list item, `$retainKeys` (keep only these fields),
`$setElementOrder/LIST` (the order the result shall have), `$deleteFromPrimitiveList/LIST` (values to take out), null
(take the field out).

Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (StrategicMergePatch, mergeMap, mergeSlice); its words are
kept, and so is what it does with directives below a value that the original lacks.
"""

from __future__ import annotations

from typing import Any

from rulekube.facts.element_order import (
    DIRECTIVE,
    ORDER,
    StrategicMergeError,
    check_order,
    identity,
    no_merge_key,
    ordered,
)
from rulekube.facts.go_format import sprint, type_name
from rulekube.facts.schema import Type

__all__ = ["StrategicMergeError", "strategic_merge"]

RawObject = dict[str, Any]
_RETAIN = "$retainKeys"
_DELETE_ITEMS = "$deleteFromPrimitiveList"
_DROPPED = object()


def strategic_merge(kind: Type, original: RawObject, patch: RawObject) -> RawObject:
    """The patched object. `original` may be changed; `patch` is not. Raises StrategicMergeError."""
    return _merge_map(kind, original, patch)


def _merge_map(kind: Type, original: RawObject, patch: RawObject) -> RawObject:
    if DIRECTIVE in patch:
        return _whole(patch)
    patch = dict(patch)
    original = _retained(original, patch)
    for key in [key for key in patch if key.startswith(ORDER)]:
        order = patch.pop(key)
        _merge_in_order(kind, original, patch, _name(key, ORDER), order)
    for key, value in patch.items():
        if key.startswith(_DELETE_ITEMS):
            _delete_items(kind, original, _name(key, _DELETE_ITEMS), value)
        elif value is None:
            original.pop(key, None)
        else:
            _merge_field(kind, original, key, value)
    return original


def _whole(patch: RawObject) -> RawObject:
    """What a map with a directive of its own comes to."""
    action = patch[DIRECTIVE]
    if action == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if action == "delete":
        return {}
    raise StrategicMergeError(f"unknown patch type: {sprint(action)} in map: {sprint(patch)}")


def _name(key: str, prefix: str) -> str:
    """The field that a directive `prefix/FIELD` is about."""
    head, slash, name = key.partition("/")
    if not slash or head != prefix:
        what = "setElementOrder list" if prefix == ORDER else "primitive list"
        raise StrategicMergeError(f"invalid patch format of {what}")
    return name


def _retained(original: RawObject, patch: RawObject) -> RawObject:
    """Apply `$retainKeys`, taking it out of the patch."""
    if _RETAIN not in patch:
        return original
    keep = patch.pop(_RETAIN)
    free = (_DELETE_ITEMS, ORDER)
    given = [key for key, value in patch.items() if value is not None and not key.startswith(free)]
    if not isinstance(keep, list) or any(key not in keep for key in given):
        raise StrategicMergeError("invalid patch format of retainKeys")
    return {key: value for key, value in original.items() if key in keep}


def _field(kind: Type, name: str) -> Type:
    """The type below a field. Raises for a field that a struct does not have."""
    if kind.form == "map":
        return kind.element
    field = kind.fields.get(name)
    if field is None:
        struct = kind.name.rsplit(".", 1)[-1]
        raise StrategicMergeError(f'unable to find api field in struct {struct} for the json field "{name}"')
    return field


def _merge_field(kind: Type, original: RawObject, key: str, value: Any) -> None:
    present: Any = original.get(key)
    if key not in original or type(present) is not type(value):
        cleaned = _without_directives(_without_nulls(value))
        original.pop(key, None)
        if cleaned is not _DROPPED:
            original[key] = cleaned
    elif isinstance(value, dict):
        field = _field(kind, key)
        original[key] = value if "replace" in field.strategies else _merge_map(field, present, value)
    elif isinstance(value, list):
        original[key] = _merge_list(_field(kind, key), present, value)
    else:
        original[key] = value


def _without_nulls(value: Any) -> Any:
    """Fields that are null, gone at every depth."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> Any:
    """A value that is new to the original: whatever carries `$patch` is dropped."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DROPPED
        cleaned = ((key, _without_directives(item)) for key, item in value.items())
        return {key: item for key, item in cleaned if item is not _DROPPED}
    if isinstance(value, list):
        return [item for item in map(_without_directives, value) if item is not _DROPPED]
    return value


def _delete_items(kind: Type, original: RawObject, name: str, values: Any) -> None:
    """`$deleteFromPrimitiveList`."""
    if values is None:
        original.pop(name, None)
    elif isinstance(original.get(name), list) and isinstance(values, list):
        _field(kind, name)
        _check_elements(original[name], values)
        doomed = [identity(value, "") for value in values]
        original[name] = [item for item in original[name] if identity(item, "") not in doomed]


def _merge_in_order(kind: Type, original: RawObject, patch: RawObject, name: str, order: Any) -> None:
    """`$setElementOrder`: merge the list it is about, and put the result in order."""
    if not isinstance(order, list):
        raise StrategicMergeError(f"expected a []interface {{}}, but received a {type_name(order)}")
    live: Any = original.get(name)
    change: Any = patch.get(name)
    for side, holder in ((live, original), (change, patch)):
        if name in holder and not isinstance(side, list):
            raise StrategicMergeError(f"expected a []interface {{}}, but received a {type_name(side)}")
    field = _field(kind, name)
    check_order(change or [], order, field.merge_key)
    if name not in original and name not in patch:
        return
    if name not in patch:
        merged = live
    elif name not in original:
        merged = _without_directives(change)
    else:
        merged = _merge_list(field, live, change)
    _check_elements(live or [], change or [], empty=False)
    before = _overwritten(field, live, change) if live and change else live
    original[name] = ordered(merged or [], order, before or [], field.merge_key)
    patch.pop(name, None)


def _overwritten(field: Type, live: list[Any], change: list[Any]) -> list[Any]:
    """The live order that Go sees after the merge: items it adds take the places of those it deleted."""
    if "merge" not in field.strategies or not field.merge_key:
        return live
    left, added = _with_special_items(live, change, field.merge_key)
    if len(left) == len(live) or any(item.get(DIRECTIVE) == "replace" for item in change):
        return live
    known = [identity(item, field.merge_key) for item in left]
    return (left + [item for item in added if identity(item, field.merge_key) not in known])[: len(live)]


def _merge_list(field: Type, original: Any, patch: list[Any]) -> list[Any]:
    if "merge" not in field.strategies:
        return patch
    if not original and not patch:
        return list(original)
    _check_elements(original, patch)
    if not isinstance((original or patch)[0], dict):
        merged = list(original)
        known = [identity(item, "") for item in merged]
        for item in patch:
            if identity(item, "") not in known:
                known.append(identity(item, ""))
                merged.append(item)
        return ordered(merged, patch, original, "")
    if not field.merge_key:
        raise StrategicMergeError(f"cannot merge lists without merge key for {field.element.go_name.split('.')[-1]}")
    return _merge_items(field, original, patch)


def _check_elements(*lists: list[Any], empty: bool = True) -> None:
    """The elements must be of one type, and no lists."""
    kinds = [type(item) for one in lists for item in one]
    if not kinds:
        if empty:
            return
        raise StrategicMergeError("no elements in any of the given slices")
    if kinds[0] is list:
        raise StrategicMergeError("lists of lists are not supported")
    if any(kind is not kinds[0] for kind in kinds):
        raise StrategicMergeError(f"list element types are not identical: {sprint(list(lists))}")


def _merge_items(field: Type, original: list[Any], patch: list[Any]) -> list[Any]:
    """A list of maps merged by key."""
    key = field.merge_key
    live, changes = _with_special_items(original, patch, key)
    merged = list(live)
    for item in changes:
        wanted = identity(item, key)
        same = (
            i for i, one in enumerate(merged) if isinstance(one, dict) and key in one and identity(one, key) == wanted
        )
        index = next(same, None)
        if index is None:
            merged.append(item)
        else:
            merged[index] = _merge_map(field.element, dict(merged[index]), item)
    return ordered(merged, changes, live, key)


def _with_special_items(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """The live list without what the patch deletes, and the patch without its directives."""
    changes, live, replace = [], list(original), False
    for item in patch:
        action = item.get(DIRECTIVE)
        if DIRECTIVE not in item:
            changes.append(item)
        elif action == "delete":
            if key not in item:
                raise no_merge_key(item, key)
            live = [one for one in live if identity(one, key) != identity(item, key)]
        elif action == "replace":
            replace = True
        elif action == "merge":
            raise StrategicMergeError("merging lists cannot yet be specified in the patch")
        else:
            raise StrategicMergeError(f"unknown patch type: {sprint(action)} in map: {sprint(item)}")
    return (changes, []) if replace else (live, changes)
