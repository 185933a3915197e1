"""The merge patch (RFC 7386) that makes one document of another.

Source: github.com/evanphx/json-patch v4 CreateMergePatch; its errors are kept.
"""

from __future__ import annotations

from typing import Any


class MergePatchError(Exception):
    """Documents or patches that are no objects; the text is the Go library's."""


def create_merge_patch(original: Any, modified: Any) -> Any:
    """The patch; of two arrays of objects, an array of patches. Raises MergePatchError."""
    if isinstance(original, list) != isinstance(modified, list):
        raise MergePatchError("Mismatched JSON Documents")
    if isinstance(original, list):
        return _of_arrays(original, modified)
    if not all(isinstance(side, dict) or side is None for side in (original, modified)):
        raise MergePatchError("Invalid JSON Document")
    return _difference(original or {}, modified or {})


def _of_arrays(original: list[Any], modified: list[Any]) -> list[Any]:
    if len(original) != len(modified) or not all(isinstance(item, dict) for item in original + modified):
        raise MergePatchError("Invalid JSON Document")
    return [_difference(old, new) for old, new in zip(original, modified, strict=True)]


def _difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old or type(old[key]) is not type(value):
            if key not in old or not _equal_numbers(old[key], value):
                patch[key] = value
        elif isinstance(value, dict):
            if inner := _difference(old[key], value):
                patch[key] = inner
        elif old[key] != value:
            patch[key] = value
    return patch


def _equal_numbers(left: Any, right: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
    return numbers and bool(left == right)


def check_merge_patch(document: Any, patch: Any) -> None:
    """Refuse what Go's MergePatch refuses: scalars as patches, a null document. Raises MergePatchError."""
    if not isinstance(patch, (dict, list)):
        raise MergePatchError("Invalid JSON Patch")
    if document is None and isinstance(patch, dict):
        raise MergePatchError("Invalid JSON Document")
