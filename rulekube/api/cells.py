"""Cells of server-side tables: functions from an object and the time now (microseconds) to what a cell shows.

Source: k8s.io/kubernetes/pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rulekube.api.ages import age_of

RawObject = dict[str, Any]
Cell = Callable[[RawObject, int], Any]
NONE = "<none>"
_MORE = 3  # endpoints are listed up to this many


def field(path: str, empty: Any = "", default: Any = None) -> Cell:
    """The value at a dotted path; `empty` where it is missing or empty."""
    steps = path.split(".")

    def cell(obj: RawObject, _now: int) -> Any:
        value: Any = obj
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return value or (empty if default is None or value is None else default)

    return cell


def number(path: str) -> Cell:
    """The number at a dotted path, 0 where it is missing."""
    return field(path, 0)


def size(*fields: str) -> Cell:
    """How many entries the maps have together."""
    return lambda obj, _now: sum(len(obj.get(name) or {}) for name in fields)


def name(obj: RawObject, _now: int) -> str:
    """metadata.name."""
    return str(obj["metadata"].get("name", ""))


def age(obj: RawObject, now: int) -> str:
    """How long the object has existed."""
    return age_of(obj["metadata"].get("creationTimestamp"), now)


def labels(values: dict[str, str] | None) -> str:
    """`a=b,c=d`, as k8s.io/apimachinery/pkg/labels.FormatLabels."""
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


def selector(path: str) -> Cell:
    """The map of labels at a path."""
    at = field(path)
    return lambda obj, now: labels(at(obj, now) or None)


def containers(what: str) -> Cell:
    """The names or images of the pod template's containers."""
    at = field("spec.template.spec.containers", ())
    return lambda obj, now: ",".join(str(one.get(what, "")) for one in at(obj, now))


def service_address(obj: RawObject, _now: int) -> str:
    """The first cluster IP."""
    addresses = obj["spec"].get("clusterIPs") or [obj["spec"].get("clusterIP")]
    return addresses[0] or NONE


def service_outside(obj: RawObject, _now: int) -> str:
    """Where a Service is reached from outside, by its type (getServiceExternalIP)."""
    spec = obj["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    outside = list(spec.get("externalIPs") or [])
    if spec.get("type") == "LoadBalancer":
        ingress = obj.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        outside = [one.get("ip") or one.get("hostname") for one in ingress] + outside
        return ",".join(outside) or "<pending>"
    return ",".join(outside) or NONE


def service_ports(obj: RawObject, _now: int) -> str:
    """`80:30001/TCP,…` (makePortString)."""
    ports = obj["spec"].get("ports") or []
    texts = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in ports
    ]
    return ",".join(texts) or NONE


def _some(entries: list[str]) -> str:
    shown = ",".join(entries[:_MORE])
    return f"{shown} + {len(entries) - _MORE} more..." if len(entries) > _MORE else shown


def endpoints(obj: RawObject, _now: int) -> str:
    """The addresses with their ports (formatEndpoints)."""
    subsets = obj.get("subsets") or []
    entries = [
        _address(address["ip"], port)
        for subset in subsets
        for port in (subset.get("ports") or [None])
        for address in subset.get("addresses") or []
    ]
    return _some(entries) if subsets else NONE


def _address(ip: str, port: RawObject | None) -> str:
    if port is None:
        return ip
    return f"[{ip}]:{port['port']}" if ":" in ip else f"{ip}:{port['port']}"


def slice_ports(obj: RawObject, _now: int) -> str:
    """The ports of a slice; one without a number shows its name."""
    ports = obj.get("ports") or []
    return _some([str(port.get("port") or port.get("name") or "*") for port in ports]) or "<unset>"


def slice_endpoints(obj: RawObject, _now: int) -> str:
    """The addresses of a slice."""
    return _some([address for one in obj.get("endpoints") or [] for address in one.get("addresses") or []]) or "<unset>"


def node_status(obj: RawObject, _now: int) -> str:
    """Ready, NotReady or Unknown, and whether the node takes pods."""
    conditions = obj.get("status", {}).get("conditions") or []
    ready = [one["status"] for one in conditions if one["type"] == "Ready"]
    status = ("Ready" if ready[0] == "True" else "NotReady") if ready else "Unknown"
    return f"{status},SchedulingDisabled" if obj.get("spec", {}).get("unschedulable") else status


def node_roles(obj: RawObject, _now: int) -> str:
    """The roles that labels give (findNodeRoles)."""
    prefix = "node-role.kubernetes.io/"
    roles = set()
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if key.startswith(prefix) and len(key) > len(prefix):
            roles.add(key.removeprefix(prefix))
        elif key == "kubernetes.io/role" and value:
            roles.add(value)
    return ",".join(sorted(roles)) or NONE


def node_address(kind: str) -> Cell:
    """The first address of a type."""
    addresses = field("status.addresses", ())
    return lambda obj, now: next((one["address"] for one in addresses(obj, now) if one["type"] == kind), NONE)


def node_kernel(obj: RawObject, _now: int) -> str:
    """The kernel's version and the machine it is for."""
    info = obj.get("status", {}).get("nodeInfo") or {}
    kernel, machine = info.get("kernelVersion"), info.get("architecture")
    return (f"{kernel} ({machine})" if machine else str(kernel)) if kernel else "<unknown>"


def event_first(obj: RawObject, now: int) -> str:
    """When an Event first happened."""
    return age_of(obj.get("firstTimestamp") or obj.get("eventTime"), now)


def event_last(obj: RawObject, now: int) -> str:
    """When an Event last happened."""
    series = obj.get("series") or {}
    return age_of(
        series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("firstTimestamp") or obj.get("eventTime"),
        now,
    )


def event_count(obj: RawObject, _now: int) -> int:
    """How often; an Event of the newer API happened once."""
    return int((obj.get("series") or {}).get("count") or obj.get("count") or 1)


def event_object(obj: RawObject, _now: int) -> str:
    """`pod/cart`."""
    about = obj.get("involvedObject") or {}
    kind = str(about.get("kind", "")).lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def event_source(obj: RawObject, _now: int) -> str:
    """Who reported it, and from where."""
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else component


def event_message(obj: RawObject, _now: int) -> str:
    """What happened."""
    return str(obj.get("message", "")).strip()
