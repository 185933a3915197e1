"""JSON Patch (RFC 6902) as Kubernetes applies it.

The library behind it departs from the RFC: indexes may be negative, `replace` makes a field that is missing, `copy` of
a missing field copies null, and a missing field equals null. Its words are kept.

Source: github.com/evanphx/json-patch v4 as vendored by k8s.io/apimachinery.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

_MISSING, _INVALID_INDEX, _FAILED = "missing value", "invalid index referenced", "test failed"
Holder = dict[str, Any]
Operation = dict[str, Any]


class JsonPatchError(Exception):
    """A patch that cannot be read or applied; the text is the Go library's."""


def apply_json_patch(document: Any, patch: Any) -> Any:
    """The patched document. `document` is changed in place where it is a container. Raises JsonPatchError."""
    if not isinstance(patch, list):
        raise JsonPatchError(f"json: cannot unmarshal {_kind(patch)} into Go value of type jsonpatch.Patch")
    holder = {"": document}
    for operation in patch:
        if not isinstance(operation, dict):
            raise JsonPatchError(f"json: cannot unmarshal {_kind(operation)} into Go value of type jsonpatch.Operation")
        apply = _APPLY.get(operation.get("op", "unknown"))
        if apply is None:
            raise JsonPatchError(f"Unexpected kind: {operation.get('op', 'unknown')}")
        apply(holder, operation)
    return holder[""]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    for python, name in ((str, "string"), (list, "array"), (dict, "object"), ((int, float), "number")):
        if isinstance(value, python):
            return name
    return "null"


def _pointer(operation: Operation, field: str) -> str:
    pointer = operation.get(field)
    if not isinstance(pointer, str):
        raise JsonPatchError(f"{operation['op']} operation failed to decode {field}: {_MISSING}")
    return pointer


def _find(holder: Holder, pointer: str, complaint: str) -> tuple[Any, str]:
    """The container that a pointer leads into, and the last step."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]
    container: Any = holder[""] if len(steps) > 1 else None
    for step in steps[1:-1]:
        container = _peek(container, step)
    if not isinstance(container, (dict, list)):
        raise JsonPatchError(f"{complaint}: {_MISSING}")
    return container, steps[-1]


def _peek(container: Any, step: str) -> Any:
    try:
        return _get(container, step)
    except JsonPatchError:
        return None


def _get(container: Any, step: str) -> Any:
    """The value there; a field that is missing is null. Raises for an index that is none."""
    if isinstance(container, dict):
        return container.get(step)
    if not isinstance(container, list):
        return None
    return container[_index(step, len(container))]


def _index(step: str, size: int) -> int:
    number = _number(step)
    if not -size <= number < size:
        raise JsonPatchError(f"Unable to access invalid index: {number}: {_INVALID_INDEX}")
    return number


def _number(step: str) -> int:
    digits = step.removeprefix("-") if step[:1] == "-" else step.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise JsonPatchError(f'strconv.Atoi: parsing "{step}": invalid syntax')
    return int(step)


def _insert(container: Any, step: str, value: Any) -> None:
    """Set a field, or put an item into an array."""
    if isinstance(container, dict):
        container[step] = value
    elif step == "-":
        container.append(value)
    else:
        try:
            number = _number(step)
        except JsonPatchError as error:
            raise JsonPatchError(f"value was not a proper array index: '{step}': {error}") from error
        index = _index(step, len(container) + 1)
        container.insert(index if number >= 0 else len(container) + 1 + index, value)


def _take(container: Any, step: str) -> Any:
    if isinstance(container, dict):
        if step not in container:
            raise JsonPatchError(f"Unable to remove nonexistent key: {step}: {_MISSING}")
        return container.pop(step)
    return container.pop(_index(step, len(container)))


def _wrapped(act: Callable[[], Any], complaint: str) -> Any:
    """The result of an act; its error, behind a complaint."""
    try:
        return act()
    except JsonPatchError as error:
        raise JsonPatchError(f"{complaint}: {error}") from error


def _add(holder: Holder, operation: Operation) -> None:
    path = _pointer(operation, "path")
    container, step = _find(holder, path, f'add operation does not apply: doc is missing path: "{path}"')
    value = copy.deepcopy(operation.get("value"))
    _wrapped(lambda: _insert(container, step, value), f"error in add for path: '{path}'")


def _remove(holder: Holder, operation: Operation) -> None:
    path = _pointer(operation, "path")
    container, step = _find(holder, path, f'remove operation does not apply: doc is missing path: "{path}"')
    _wrapped(lambda: _take(container, step), f"error in remove for path: '{path}'")


def _replace(holder: Holder, operation: Operation) -> None:
    path, value = _pointer(operation, "path"), copy.deepcopy(operation.get("value"))
    if path == "":
        holder[""] = value
        return
    container, step = _find(holder, path, f"replace operation does not apply: doc is missing path: {path}")
    if isinstance(container, dict):
        container[step] = value
        return
    try:
        container[_index(step, len(container))] = value
    except JsonPatchError as error:
        complaint = f"replace operation does not apply: doc is missing key: {path}: {_MISSING}"
        raise JsonPatchError(complaint) from error


def _move(holder: Holder, operation: Operation) -> None:
    source = _pointer(operation, "from")
    container, step = _find(holder, source, f"move operation does not apply: doc is missing from path: {source}")
    value = _wrapped(lambda: _take(container, step), f"error in move for path: '{step}'")
    path = _pointer(operation, "path")
    target, last = _find(holder, path, f"move operation does not apply: doc is missing destination path: {path}")
    _wrapped(lambda: _insert(target, last, value), f"error in move for path: '{path}'")


def _copy(holder: Holder, operation: Operation) -> None:
    source = _pointer(operation, "from")
    container, step = _find(holder, source, f"copy operation does not apply: doc is missing from path: {source}")
    value = _wrapped(lambda: copy.deepcopy(_get(container, step)), f"error in copy for from: '{source}'")
    path = _pointer(operation, "path")
    target, last = _find(holder, path, f"copy operation does not apply: doc is missing destination path: {path}")
    _wrapped(lambda: _insert(target, last, value), "error while adding value during copy")


def _test(holder: Holder, operation: Operation) -> None:
    path = _pointer(operation, "path")
    if path == "":
        found = holder[""]
    else:
        container, step = _find(holder, path, f"test operation does not apply: is missing path: {path}")
        found = _wrapped(lambda: _get(container, step), f"error in test for path: '{path}'")
    if not _equal(found, operation.get("value")):
        raise JsonPatchError(f"testing value {path} failed: {_FAILED}")


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_APPLY: dict[Any, Callable[[Holder, Operation], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
