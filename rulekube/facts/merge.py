"""Ways to change a plain JSON object: merge patches (RFC 7386), statuses with their conditions, single paths.

Results are new objects that share what did not change; arguments are never mutated.
"""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"""\.?([^.\[\]{}'"]+)|\[(\d+)\]|[\[{]'([^']*)'[\]}]|[\[{]"([^"]*)"[\]}]|\{([^}]*)\}""")


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` with an RFC 7386 patch applied: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def merge_status(status: dict[str, Any], patch: dict[str, Any], now: str) -> dict[str, Any]:
    """`status` with a merge patch applied, its `conditions` merged by type.

    A condition that is new or whose `status` changed gets `lastTransitionTime` `now` unless the patch brings one.
    """
    merged: dict[str, Any] = merge_patch(status, {key: value for key, value in patch.items() if key != "conditions"})
    if isinstance(patch.get("conditions"), list):
        merged["conditions"] = merge_conditions(status.get("conditions") or [], patch["conditions"], now)
    elif "conditions" in patch:
        merged = merge_patch(merged, {"conditions": patch["conditions"]})
    return merged


def merge_conditions(present: list[dict[str, Any]], changed: list[dict[str, Any]], now: str) -> list[dict[str, Any]]:
    """The conditions of `present` in their order, those of `changed` merged in by type, new ones last."""
    by_type = {condition.get("type"): condition for condition in present}
    for patch in changed:
        old = by_type.get(patch.get("type"), {})
        stamp = {} if old.get("status") == patch.get("status", old.get("status")) else {"lastTransitionTime": now}
        by_type[patch.get("type")] = merge_patch(old, {**stamp, **patch})
    return list(by_type.values())


def parse_path(path: str) -> list[str | int]:
    """The steps of a path as the built-in `at` reads it: `spec.ports[0].name`, `metadata.annotations['a.b/c']`.

    Raises ValueError where the text is none.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is not a path at column {position + 1}; write a.b[0].c or a['b.c']")
        name, index, *quoted = match.groups()
        steps.append(int(index) if index is not None else name or next(q for q in quoted if q is not None))
        position = match.end()
    return steps


def with_path(target: Any, path: str, value: Any) -> Any:
    """`target` with one field set; None removes it; missing parents are made; the index after a list's last appends.

    Raises ValueError where the path leads through a scalar or past a list's end.
    """
    try:
        return _with(target, parse_path(path), value)
    except ValueError as error:
        raise ValueError(f"{path!r}: {error}") from None


def _with(holder: Any, steps: list[str | int], value: Any) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, str) and (holder is None or isinstance(holder, dict)):
        mapping = dict(holder or {})
        child = _with(mapping.get(step), rest, value)
        if child is None:
            mapping.pop(step, None)
        else:
            mapping[step] = child
        return mapping if mapping or holder is not None or value is not None else None
    if isinstance(step, int) and (holder is None or isinstance(holder, list)):
        items = list(holder or [])
        if step > len(items):
            raise ValueError(f"index {step} lies past the end of a list of {len(items)}")
        child = _with(items[step] if step < len(items) else None, rest, value)
        items[step : step + 1] = [] if child is None else [child]
        return items
    raise ValueError(f"{step!r} does not fit a {type(holder).__name__}")
