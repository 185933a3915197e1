"""The order of a merged list: patch items in the patch's order, the server's own where they were before.

Precedence: `$setElementOrder`, then the order in the patch, then the order in the live list.

Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (normalizeElementOrder, mergeSortedSlice,
validatePatchWithSetOrderList).
"""

from __future__ import annotations

from typing import Any

from rulekube.facts.go_format import sprint

DIRECTIVE = "$patch"
ORDER = "$setElementOrder"
_BAD_ORDER = "invalid patch format of setElementOrder list"


class StrategicMergeError(Exception):
    """A patch that makes no sense for its type; the text is Kubernetes'."""


def no_merge_key(item: Any, key: str) -> StrategicMergeError:
    """An item of a list that is merged by key has none."""
    return StrategicMergeError(f"map: {sprint(item)} does not contain declared merge key: {key}")


def identity(item: Any, key: str) -> Any:
    """What tells an item apart: the value of the merge key, or (of a list of scalars) the item. Raises."""
    if not key:
        return _Exact(item)
    if not isinstance(item, dict) or key not in item:
        raise no_merge_key(item, key)
    return _Exact(item[key])


class _Exact:
    """A JSON value that equals another only if Go's == would: true is not 1."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Exact) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash(str(self.value))


def ordered(merged: list[Any], wanted: list[Any], live: list[Any], key: str) -> list[Any]:
    """`merged` in order: its items that `wanted` has, and the others, woven in where they stood in `live`."""
    wishes = [identity(item, key) for item in wanted if not key or (isinstance(item, dict) and key in item)]
    ours = [item for item in merged if identity(item, key) in wishes]
    theirs = [item for item in merged if identity(item, key) not in wishes]
    ours = _sorted(ours, wanted, key)
    theirs = _sorted(theirs, live, key)
    return _woven(theirs, ours, live, key)


def _places(items: list[Any], key: str) -> dict[_Exact, int]:
    found: dict[_Exact, int] = {}
    for index, item in enumerate(items):
        found.setdefault(identity(item, key), index)
    return found


def _sorted(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """By the order given; items marked for deletion go last."""
    places = _places(order, key)
    doomed = [item for item in items if _is_deletion(item)]
    kept = [item for item in items if not _is_deletion(item)]
    return sorted(kept, key=lambda item: places.get(identity(item, key), len(places))) + doomed


def _is_deletion(item: Any) -> bool:
    return isinstance(item, dict) and item.get(DIRECTIVE) == "delete"


def _woven(left: list[Any], right: list[Any], live: list[Any], key: str) -> list[Any]:
    """Both lists in their orders; an item of `left` comes first where it stood before the next of `right`."""
    places = _places(live, key)
    out: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        here, there = places.get(identity(left[i], key)), places.get(identity(right[j], key))
        if here is not None and there is not None and here < there:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


def check_order(patch: list[Any], order: Any, key: str) -> None:
    """The patch's items must be among those of `$setElementOrder`, in the same order (deletions do not count)."""
    if not isinstance(order, list):
        raise StrategicMergeError(_BAD_ORDER)
    if not order or not patch:
        return
    items = [item for item in patch if not _is_deletion(item)] if key else patch
    at = place = 0
    while at < len(items) and place < len(order):
        if isinstance(items[at], dict) and DIRECTIVE in items[at]:
            at += 1
            continue
        if identity(items[at], key) == identity(order[place], key):
            at += 1
        place += 1
    if at < len(items):
        raise StrategicMergeError(
            f"The order in patch list:\n{sprint(patch)}\n doesn't match {ORDER} list:\n{sprint(order)}\n"
        )
