"""Strategic merge patch: a merge patch that knows which lists are merged by key.

Directives inside a patch: `$patch: replace|delete|merge` on a map or list item, `$retainKeys` (keep only these fields),
`$setElementOrder/LIST` (the order the result shall have), `$deleteFromPrimitiveList/LIST` (values to take out), null
(take the field out).

Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (StrategicMergePatch, mergeMap, mergeSlice).
"""

from __future__ import annotations

from typing import Any

from rulekube.facts.schema import Type

RawObject = dict[str, Any]
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_ITEMS = "$deleteFromPrimitiveList/"
_ACTIONS = ("replace", "delete", "merge")
_UNTYPED = Type({})


class StrategicMergeError(Exception):
    """A patch that makes no sense for its type; the text is Kubernetes'."""


def strategic_merge(kind: Type, original: RawObject, patch: RawObject) -> RawObject:
    """The patched object. `original` may be changed; `patch` is not. Raises StrategicMergeError."""
    return _merge_map(kind, original, patch)


def _merge_map(kind: Type, original: RawObject, patch: RawObject) -> RawObject:
    patch = dict(patch)
    if _DIRECTIVE in patch:
        action = patch.pop(_DIRECTIVE)
        if action == "replace":
            return patch
        if action == "delete":
            return {}
        if action != "merge":
            raise StrategicMergeError(f"invalid patch type: {action} in map: {patch}")
    original = _retained(original, patch)
    orders = {key: patch.pop(key) for key in list(patch) if key.startswith(_ORDER)}
    removals = {key: patch.pop(key) for key in list(patch) if key.startswith(_DELETE_ITEMS)}
    for key, values in removals.items():
        name = key.removeprefix(_DELETE_ITEMS)
        if isinstance(original.get(name), list):
            original[name] = [value for value in original[name] if value not in values]
    for key, value in patch.items():
        field = kind.fields.get(key) or (kind.element if kind.form == "map" else _UNTYPED)
        _merge_field(field, original, key, value, orders.get(_ORDER + key))
    for key, order in orders.items():
        name = key.removeprefix(_ORDER)
        if name not in patch and isinstance(original.get(name), list):
            field = kind.fields.get(name, _UNTYPED)
            original[name] = _ordered(field, original[name], order, original[name])
    return original


def _retained(original: RawObject, patch: RawObject) -> RawObject:
    if _RETAIN not in patch:
        return original
    keep = patch.pop(_RETAIN)
    if not isinstance(keep, list):
        raise StrategicMergeError("invalid format for retainKeys")
    missing = [key for key in patch if not key.startswith("$") and patch[key] is not None and key not in keep]
    if missing:
        raise StrategicMergeError(
            f"retainKeys list doesn't contain a non-null value field in the patch: {sorted(missing)[0]}"
        )
    return {key: value for key, value in original.items() if key in keep}


def _merge_field(field: Type, original: RawObject, key: str, value: Any, order: Any) -> None:
    if value is None:
        original.pop(key, None)
        return
    present = original.get(key)
    if isinstance(value, dict) and (isinstance(present, dict) or present is None):
        if "replace" in field.strategies and present is not None:
            original[key] = _clean(value)
        else:
            original[key] = _merge_map(field, present if present is not None else {}, value)
    elif isinstance(value, list) and "merge" in field.strategies and (isinstance(present, list) or present is None):
        original[key] = _merge_list(field, present or [], value, order)
    else:
        original[key] = _clean(value)


def _clean(value: Any) -> Any:
    """A new value without directives."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items() if item is not None and key != _DIRECTIVE}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _merge_list(field: Type, original: list[Any], patch: list[Any], order: Any) -> list[Any]:
    if not field.merge_key:
        merged = original + [value for index, value in enumerate(patch) if value not in original + patch[:index]]
        return _ordered(field, merged, order, original) if order is not None else merged
    return _merge_items(field, original, patch, order)


def _merge_items(field: Type, original: list[Any], patch: list[Any], order: Any) -> list[Any]:
    key = field.merge_key
    result, replace = list(original), False
    additions = []
    for item in patch:
        if not isinstance(item, dict):
            raise StrategicMergeError(f"expected map in list of {field.element.go_name}")
        action = item.get(_DIRECTIVE)
        if action is None or action == "merge":
            additions.append({name: value for name, value in item.items() if name != _DIRECTIVE})
        elif action == "replace":
            replace = True
        elif action == "delete":
            if key not in item:
                raise StrategicMergeError(f"map: {item} does not contain declared merge key: {key}")
            result = [one for one in result if one.get(key) != item[key]]
        else:
            raise StrategicMergeError(f"invalid patch type: {action} in map: {item}")
    if replace:
        return [_clean(item) for item in additions]
    for item in additions:
        _merge_item(field, result, item)
    return _ordered(field, result, order, original) if order is not None else result


def _merge_item(field: Type, result: list[Any], item: RawObject) -> None:
    key = field.merge_key
    if key not in item:
        raise StrategicMergeError(f"map: {item} does not contain declared merge key: {key}")
    for index, one in enumerate(result):
        if one.get(key) == item[key]:
            result[index] = _merge_map(field.element, one, item)
            return
    result.append(_merge_map(field.element, {}, item))


def _ordered(field: Type, merged: list[Any], order: Any, original: list[Any]) -> list[Any]:
    """Items in the order wanted; those it does not name keep their place among their neighbours."""
    key = field.merge_key
    wanted = [item.get(key) for item in order] if key else list(order)
    named = [item for item in merged if _identity(item, key) in wanted]
    named.sort(key=lambda item: wanted.index(_identity(item, key)))
    rest = [item for item in merged if _identity(item, key) not in wanted]
    places = {str(_identity(item, key)): index for index, item in enumerate(original)}
    return _interleaved(named, rest, lambda item: places.get(str(_identity(item, key))))


def _identity(item: Any, key: str) -> Any:
    return item.get(key) if key else item


def _interleaved(named: list[Any], rest: list[Any], place: Any) -> list[Any]:
    """Merge two lists: an item of `rest` comes before the first named one that stood behind it."""
    out: list[Any] = []
    left, right = list(named), list(rest)
    while left and right:
        here, there = place(left[0]), place(right[0])
        if here is not None and there is not None and there < here:
            out.append(right.pop(0))
        else:
            out.append(left.pop(0))
    return out + left + right
