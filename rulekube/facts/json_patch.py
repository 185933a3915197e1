"""JSON Patch (RFC 6902) as Kubernetes applies it.

Source: github.com/evanphx/json-patch v4 as vendored by k8s.io/apimachinery: it takes negative array indexes, creates
nothing on `replace` and `remove` of what is missing, and words its own errors, which are kept here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


class JsonPatchError(Exception):
    """A patch that cannot be read or applied; the text is the Go library's."""


def apply_json_patch(document: Any, patch: Any) -> Any:
    """The patched document. `document` is changed in place where it is a container. Raises JsonPatchError."""
    if not isinstance(patch, list):
        raise JsonPatchError("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    holder = {"": document}
    for operation in patch:
        _APPLY.get(operation.get("op"), _unexpected)(holder, operation)
    return holder[""]


def _unexpected(_holder: dict[str, Any], operation: dict[str, Any]) -> None:
    raise JsonPatchError(f"Unexpected kind: {operation.get('op', 'unknown')}")


def _steps(operation: dict[str, Any], key: str = "path") -> list[str]:
    pointer = operation.get(key)
    if not isinstance(pointer, str):
        raise JsonPatchError(f"{operation['op']} operation failed to decode {key}: missing value")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]


def _find(holder: Any, steps: list[str], kind: str, pointer: str) -> tuple[Any, str]:
    """The container that a pointer leads into, and the last step."""
    for step in steps[:-1]:
        holder = _get(holder, step) if isinstance(holder, (dict, list)) else None
        if not isinstance(holder, (dict, list)):
            raise JsonPatchError(f'{kind} operation does not apply: doc is missing path: "{pointer}": missing value')
    return holder, steps[-1]


def _get(holder: Any, step: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    index = _index(step)
    if index is None or not -len(holder) <= index < len(holder):
        return None
    return holder[index]


def _index(step: str) -> int | None:
    text = step.removeprefix("-")
    return int(step) if text.isascii() and text.isdigit() else None


def _put(holder: Any, step: str, value: Any, pointer: str) -> None:
    """`add`: set a field, insert into an array."""
    if isinstance(holder, dict):
        holder[step] = value
        return
    if step == "-":
        holder.append(value)
        return
    index = _index(step)
    if index is None:
        raise JsonPatchError(
            f"error in add for path: '{pointer}': value was not a proper array index: '{step}': "
            f'strconv.Atoi: parsing "{step}": invalid syntax'
        )
    if not -len(holder) - 1 <= index <= len(holder):
        raise JsonPatchError(
            f"error in add for path: '{pointer}': Unable to access invalid index: {index}: invalid index referenced"
        )
    holder.insert(index if index >= 0 else len(holder) + 1 + index, value)


def _add(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    steps = _steps(operation)
    if steps == [""]:
        raise JsonPatchError('add operation does not apply: doc is missing path: "": missing value')
    container, step = _find(holder, steps, "add", operation["path"])
    _put(container, step, copy.deepcopy(operation.get("value")), operation["path"])


def _remove_at(container: Any, step: str, kind: str, pointer: str) -> Any:
    if isinstance(container, dict):
        if step not in container:
            raise JsonPatchError(
                f"error in {kind} for path: '{pointer}': Unable to remove nonexistent key: {step}: missing value"
            )
        return container.pop(step)
    index = _index(step)
    if index is None:
        raise JsonPatchError(f"error in {kind} for path: '{pointer}': strconv.Atoi: parsing \"{step}\": invalid syntax")
    if not -len(container) <= index < len(container):
        raise JsonPatchError(
            f"error in {kind} for path: '{pointer}': Unable to access invalid index: {index}: invalid index referenced"
        )
    return container.pop(index)


def _remove(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    steps = _steps(operation)
    if steps == [""]:
        raise JsonPatchError('remove operation does not apply: doc is missing path: "": missing value')
    container, step = _find(holder, steps, "remove", operation["path"])
    _remove_at(container, step, "remove", operation["path"])


def _has(container: Any, step: str) -> bool:
    if isinstance(container, dict):
        return step in container
    index = _index(step)
    return index is not None and -len(container) <= index < len(container)


def _replace(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    steps = _steps(operation)
    container, step = _find(holder, steps, "replace", operation["path"])
    if not _has(container, step):
        raise JsonPatchError(
            f"replace operation does not apply: doc is missing key: {operation['path']}: missing value"
        )
    container[step if isinstance(container, dict) else int(step)] = copy.deepcopy(operation.get("value"))


def _move(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    source = _steps(operation, "from")
    container, step = _find(holder, source, "move", operation["from"])
    value = _remove_at(container, step, "move", operation["from"])
    target, last = _find(holder, _steps(operation), "move", operation["path"])
    _put(target, last, value, operation["path"])


def _copy(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    container, step = _find(holder, _steps(operation, "from"), "copy", operation["from"])
    if not _has(container, step):
        raise JsonPatchError(f"error in copy for from: '{operation['from']}': missing value")
    target, last = _find(holder, _steps(operation), "copy", operation["path"])
    _put(target, last, copy.deepcopy(_get(container, step)), operation["path"])


def _test(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    container, step = _find(holder, _steps(operation), "test", operation["path"])
    found = _get(container, step)
    if not _equal(found, operation.get("value")):
        raise JsonPatchError(f"testing value {operation['path']} failed: test failed")


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_APPLY: dict[Any, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
