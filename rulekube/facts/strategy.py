"""What Kubernetes' registry strategies do to each kind before a write: which fields a new object starts with, and
which of them a write to the object or to one of its subresources may change.

Source: PrepareForCreate and PrepareForUpdate of pkg/registry/core/*/strategy.go, pkg/registry/discovery/endpointslice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


_GATED = {"reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}


def _pod(new: RawObject, now: str) -> None:
    status: RawObject = {"phase": "Pending", "qosClass": qos_class(new["spec"])}
    if new["spec"].get("schedulingGates"):
        condition = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": now}
        status["conditions"] = [condition | _GATED]
    new["status"] = status


def _namespace(new: RawObject, _now: str) -> None:
    finalizers = new.setdefault("spec", {}).setdefault("finalizers", [])
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    new["status"] = {"phase": "Active"}


def _rc(new: RawObject, _now: str) -> None:
    new["status"] = {"replicas": 0}


def _service(new: RawObject, _now: str) -> None:
    new["status"] = {"loadBalancer": {}}
    spec = new.get("spec", {})
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]


_CREATE: dict[str, Callable[[RawObject, str], None]] = {
    "pods": _pod,
    "namespaces": _namespace,
    "replicationcontrollers": _rc,
    "services": _service,
}


def prepare_create(resource: Resource, new: RawObject, now: str) -> None:
    """Set, in place, what no client may choose on creation. (A node's status is the node's own to bring.)"""
    if resource.key in _CREATE:
        _CREATE[resource.key](new, now)


def prepare_update(resource: Resource, new: RawObject, old: RawObject, subresource: str) -> RawObject:
    """`new` cut down to what a write to the object ("") or to `subresource` may change."""
    if subresource == "status":
        kept = {key: value for key, value in old.items() if key != "status"}
        metadata = {**new["metadata"], "ownerReferences": old["metadata"].get("ownerReferences", [])}
        return kept | {"metadata": metadata} | _status(new, old)
    if subresource == "finalize":
        spec = {**old.get("spec", {}), "finalizers": new.get("spec", {}).get("finalizers", [])}
        return {
            **old,
            "metadata": dict(old["metadata"]),
            "spec": {key: value for key, value in spec.items() if value or key != "finalizers"},
        }
    if not resource.has_status:
        return new
    if resource.key == "services":
        _drop_type_dependent(new["spec"], old["spec"])
    kept = {key: value for key, value in new.items() if key != "status"} | _field(old, "status")
    if resource.key == "namespaces":
        kept |= _field(old, "spec")
    return kept


def _status(new: RawObject, old: RawObject) -> RawObject:
    """The status that a client sent; a pod's QoS class, which nobody changes, need not be repeated."""
    status, known = _field(new, "status"), old.get("status", {}).get("qosClass")
    if known and not status.get("status", {}).get("qosClass"):
        return {"status": {**status.get("status", {}), "qosClass": known}}
    return status


def _is_external(spec: RawObject) -> bool:
    kind = spec.get("type")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


_TYPE_DEPENDENT: tuple[tuple[str, Callable[[RawObject], bool]], ...] = (
    ("allocateLoadBalancerNodePorts", lambda spec: spec.get("type") == "LoadBalancer"),
    ("loadBalancerClass", lambda spec: spec.get("type") == "LoadBalancer"),
    ("externalTrafficPolicy", _is_external),
    ("internalTrafficPolicy", lambda spec: spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer")),
)


def _drop_type_dependent(new: RawObject, old: RawObject) -> None:
    """Forget, in place, what a Service's new type has no use for, unless the client set it anew.

    Addresses and node ports follow by admission rules. Source: service strategy.go dropTypeDependentFields.
    """
    for field, is_needed in _TYPE_DEPENDENT:
        if field in new and new[field] == old.get(field) and is_needed(old) and not is_needed(new):
            del new[field]


def _field(raw: RawObject, name: str) -> RawObject:
    return {name: raw[name]} if name in raw else {}


def bind_pod(live: RawObject, binding: RawObject, now: str) -> RawObject:
    """`live` on the node of a Binding, whose labels and annotations it takes over.

    Source: pkg/registry/core/pod/storage setPodNodeAndMetadata.
    """
    metadata, status = dict(live["metadata"]), live.get("status", {})
    for field in ("labels", "annotations"):
        if added := binding.get("metadata", {}).get(field):
            metadata[field] = {**metadata.get(field, {}), **added}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    present = [{**old, "lastProbeTime": None} for old in status.get("conditions", ())]
    before = next((old for old in present if old["type"] == "PodScheduled"), {})
    at = before.get("lastTransitionTime", now) if before.get("status") == "True" else now
    conditions = [old for old in present if old["type"] != "PodScheduled"]
    position = present.index(before) if before else len(conditions)
    conditions.insert(position, {**scheduled, "lastTransitionTime": at})
    spec = {**live["spec"], "nodeName": binding["target"]["name"]}
    return {**live, "metadata": metadata, "spec": spec, "status": {**status, "conditions": conditions}}


_COUNTED = ("cpu", "memory")


def qos_class(spec: RawObject) -> str:
    """Guaranteed, Burstable or BestEffort, as pkg/apis/core/v1/helper/qos ComputePodQOS decides."""
    containers = [*spec.get("containers", ()), *spec.get("initContainers", ())]
    resources = [container.get("resources", {}) for container in containers]
    asked = [
        {name for name, amount in (r.get(kind) or {}).items() if name in _COUNTED and not _is_zero(amount)}
        for r in resources
        for kind in ("requests", "limits")
    ]
    if not any(asked):
        return "BestEffort"
    equal = all(_same(r.get("requests") or {}, r.get("limits") or {}) for r in resources)
    return "Guaranteed" if equal else "Burstable"


def _same(requests: RawObject, limits: RawObject) -> bool:
    return all(name in limits and not _is_zero(limits[name]) for name in _COUNTED) and all(
        requests.get(name, limits[name]) == limits[name] for name in _COUNTED
    )


def _is_zero(amount: Any) -> bool:
    return str(amount).strip("+-0.") == "" or str(amount).lstrip("+-0.")[:1].isalpha()
