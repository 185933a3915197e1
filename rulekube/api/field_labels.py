"""Which fields each kind can be selected by, and their values as text.

Source: the field label conversions and the SelectableFields of k8s.io/kubernetes/pkg/apis/core/v1/conversion.go and
pkg/registry/core/*/strategy.go.
"""

from __future__ import annotations

from typing import Any

from rulekube.errors import SelectorError
from rulekube.facts.resources import Resource
from rulekube.selectors import field
from rulekube.selectors.field import FieldSelector

RawObject = dict[str, Any]
_COMMON = ("metadata.name", "metadata.namespace")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EXTRA: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "nodes": ("spec.unschedulable",),
    "events": (*(f"involvedObject.{name}" for name in _INVOLVED), "reason", "reportingComponent", "source", "type"),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "replicationcontrollers": ("status.replicas",),
    "services": ("spec.clusterIP", "spec.type"),
}
_NUMBERS = ("spec.unschedulable", "spec.hostNetwork", "status.replicas")
_ZERO = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}


def selector(resource: Resource, text: str) -> FieldSelector:
    """Parse a field selector and refuse fields that this kind cannot be selected by."""
    parsed = field.parse(text)
    extra = _EXTRA.get(resource.key, ())
    for requirement in parsed.requirements:
        if requirement.field in _COMMON or requirement.field in extra:
            continue
        if extra:
            raise SelectorError(f"field label not supported: {requirement.field}")
        raise SelectorError(
            f'"{requirement.field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        )
    return parsed


def values(obj: RawObject, selector: FieldSelector) -> dict[str, str]:
    """The fields of an object that the selector asks for."""
    return {requirement.field: _value(obj, requirement.field) for requirement in selector.requirements}


def _value(obj: RawObject, path: str) -> str:
    if path == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    if path == "status.podIPs":
        return ",".join(one.get("ip", "") for one in obj.get("status", {}).get("podIPs") or [])
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return _ZERO.get(path, "")
    return str(value).lower() if isinstance(value, bool) else str(value)
