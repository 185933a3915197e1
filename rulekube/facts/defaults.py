"""API defaulting: the values Kubernetes 1.36 fills in where a client left them out, kind by kind.

Applied to every write, and idempotent. Fields that Go writes even when they are empty (`resources: {}`,
`eventTime: null`) count as defaults here. What strategies set (status, QoS class) is in `strategy.py`; what admission
adds (addresses, tokens, tolerations) is rules.

Source: pkg/apis/core/v1/{defaults,conversion}.go, pkg/apis/discovery/v1/defaults.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from rulekube.facts.pod_defaults import CONTAINER_STATUS, canonical, drop_empty, fill, fill_pod, fill_spec
from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


def apply_defaults(resource: Resource, new: RawObject) -> None:
    """Fill in, in place, what `new` leaves to the server."""
    if resource.key in _DEFAULTS:
        _DEFAULTS[resource.key](new)


def _pod(pod: RawObject) -> None:
    fill_pod(pod)
    status = pod.get("status", {})
    for condition in status.get("conditions") or ():
        condition.setdefault("lastProbeTime", None)
        condition.setdefault("lastTransitionTime", None)
    for name in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for state in status.get(name) or ():
            fill(state, CONTAINER_STATUS)
            state.setdefault("state", {})
            state.setdefault("lastState", {})


def _rc(rc: RawObject) -> None:
    spec = rc.setdefault("spec", {})
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    template = spec.get("template")
    if template is not None:
        labels = template.setdefault("metadata", {}).get("labels")
        if labels:
            if not spec.get("selector"):
                spec["selector"] = dict(labels)
            if not rc["metadata"].get("labels"):
                rc["metadata"]["labels"] = dict(labels)
        fill_spec(template.setdefault("spec", {}))
    drop_empty(spec, "minReadySeconds", "selector")
    rc.setdefault("status", {}).setdefault("replicas", 0)


def _service(service: RawObject) -> None:
    spec = service.setdefault("spec", {})
    fill(spec, (("sessionAffinity", "None"), ("type", "ClusterIP")))
    drop_empty(spec, "selector", "publishNotReadyAddresses")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {**client, "timeoutSeconds": 10800}}
    for port in spec.get("ports") or ():
        fill(port, (("protocol", "TCP"),))
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
        drop_empty(port, "nodePort", "name")
    external = spec["type"] in ("NodePort", "LoadBalancer") or (spec["type"] == "ClusterIP" and spec.get("externalIPs"))
    if external:
        fill(spec, (("externalTrafficPolicy", "Cluster"),))
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True
    service.setdefault("status", {}).setdefault("loadBalancer", {})


def _secret(secret: RawObject) -> None:
    fill(secret, (("type", "Opaque"),))
    texts = secret.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
    drop_empty(secret, "data")


def _namespace(namespace: RawObject) -> None:
    name = namespace["metadata"].get("name")
    if name:
        labels = namespace["metadata"].setdefault("labels", {})
        labels.setdefault("kubernetes.io/metadata.name", name)
    namespace.setdefault("spec", {})
    namespace.setdefault("status", {})


def _node(node: RawObject) -> None:
    spec, status = node.setdefault("spec", {}), node.setdefault("status", {})
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        spec["podCIDR"] = spec["podCIDRs"][0]
    canonical(status, "capacity")
    canonical(status, "allocatable")
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])
    status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {}).setdefault("Port", 0)
    fill(status.setdefault("nodeInfo", {}), tuple((name, "") for name in _NODE_INFO))
    drop_empty(spec, "unschedulable")
    for condition in status.get("conditions") or ():
        condition.setdefault("lastHeartbeatTime", None)
        condition.setdefault("lastTransitionTime", None)


_NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)


def _endpoints(endpoints: RawObject) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            fill(port, (("protocol", "TCP"),))


def _endpoint_slice(endpoint_slice: RawObject) -> None:
    for port in endpoint_slice.get("ports") or ():
        port.setdefault("name", "")
        fill(port, (("protocol", "TCP"),))
    endpoint_slice.setdefault("endpoints", None)
    endpoint_slice.setdefault("ports", None)


def _event(event: RawObject) -> None:
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        event.setdefault(name, None)
    event.setdefault("source", {})
    event.setdefault("involvedObject", {})
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")


def _config_map(config_map: RawObject) -> None:
    drop_empty(config_map, "data", "binaryData")


_DEFAULTS: dict[str, Callable[[RawObject], None]] = {
    "configmaps": _config_map,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "events": _event,
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "replicationcontrollers": _rc,
    "secrets": _secret,
    "services": _service,
}
