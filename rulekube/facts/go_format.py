"""How Go's fmt prints plain JSON values with %v: `map[a:1 b:[x y]]`, `<nil>`. Kubernetes' errors quote them so."""

from __future__ import annotations

from typing import Any


def sprint(value: Any) -> str:
    """The value as %v prints it; maps by key."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{sprint(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(sprint, value))}]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value != int(value) or abs(value) >= 1e21 else str(int(value))
    return str(value)


def type_name(value: Any) -> str:
    """The Go type that a JSON value decodes to."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return {str: "string", int: "int64", float: "float64"}.get(type(value), "%!s(<nil>)")
