"""The columns of server-side tables: data, one list a kind.

Columns of priority 1 show with `-o wide`. Descriptions are Kubernetes' own, taken from the type that the column's
`about` names.

Source: k8s.io/kubernetes/pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rulekube.api import cells, pod_summary
from rulekube.api.cells import NONE, Cell, field, number, selector, size
from rulekube.facts.schema import definitions

RawObject = dict[str, Any]


class Column(NamedTuple):
    """One column. `about`: the definition and field that describe it, or the description itself."""

    name: str
    about: str
    cell: Cell
    type: str = "string"
    format: str = ""
    priority: int = 0

    def definition(self) -> RawObject:
        """As in `columnDefinitions` of a Table."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": _description(self.about),
            "priority": self.priority,
        }


def _description(about: str) -> str:
    name, _, member = about.rpartition("/")
    if not name:
        return about
    text: str = definitions()[name]["properties"][member].get("description", "")
    return text.split("\n\nPossible enum values", 1)[0].replace("\n", " " if "discovery" in name else "\n")


_CORE = "io.k8s.api.core.v1"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
NAME = Column("Name", f"{_META}/name", cells.name, format="name")
AGE = Column("Age", f"{_META}/creationTimestamp", cells.age)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "ConfigMap": (NAME, Column("Data", f"{_CORE}.ConfigMap/data", size("data", "binaryData")), AGE),
    "Endpoints": (NAME, Column("Endpoints", f"{_CORE}.Endpoints/subsets", cells.endpoints), AGE),
    "EndpointSlice": (
        NAME,
        Column("AddressType", "io.k8s.api.discovery.v1.EndpointSlice/addressType", field("addressType")),
        Column("Ports", "io.k8s.api.discovery.v1.EndpointSlice/ports", cells.slice_ports),
        Column("Endpoints", "io.k8s.api.discovery.v1.EndpointSlice/endpoints", cells.slice_endpoints),
        AGE,
    ),
    "Event": (
        Column("Last Seen", f"{_CORE}.Event/lastTimestamp", cells.event_last),
        Column("Type", f"{_CORE}.Event/type", field("type")),
        Column("Reason", f"{_CORE}.Event/reason", field("reason")),
        Column("Object", f"{_CORE}.Event/involvedObject", cells.event_object),
        Column("Subobject", f"{_CORE}.ObjectReference/fieldPath", field("involvedObject.fieldPath"), priority=1),
        Column("Source", f"{_CORE}.Event/source", cells.event_source, priority=1),
        Column("Message", f"{_CORE}.Event/message", cells.event_message),
        Column("First Seen", f"{_CORE}.Event/firstTimestamp", cells.event_first, priority=1),
        Column("Count", f"{_CORE}.Event/count", cells.event_count, priority=1),
        NAME._replace(priority=1),
    ),
    "Lease": (
        NAME,
        Column("Holder", "io.k8s.api.coordination.v1.LeaseSpec/holderIdentity", field("spec.holderIdentity")),
        AGE,
    ),
    "Namespace": (NAME, Column("Status", "The status of the namespace", field("status.phase")), AGE),
    "Node": (
        NAME,
        Column("Status", "The status of the node", cells.node_status),
        Column("Roles", "The roles of the node", cells.node_roles),
        AGE,
        Column("Version", f"{_CORE}.NodeSystemInfo/kubeletVersion", field("status.nodeInfo.kubeletVersion")),
        Column("Internal-IP", f"{_CORE}.NodeStatus/addresses", cells.node_address("InternalIP"), priority=1),
        Column("External-IP", f"{_CORE}.NodeStatus/addresses", cells.node_address("ExternalIP"), priority=1),
        Column(
            "OS-Image", f"{_CORE}.NodeSystemInfo/osImage", field("status.nodeInfo.osImage", "<unknown>"), priority=1
        ),
        Column("Kernel-Version", f"{_CORE}.NodeSystemInfo/kernelVersion", cells.node_kernel, priority=1),
        Column(
            "Container-Runtime",
            f"{_CORE}.NodeSystemInfo/containerRuntimeVersion",
            field("status.nodeInfo.containerRuntimeVersion", "<unknown>"),
            priority=1,
        ),
    ),
    "Pod": (
        NAME,
        Column("Ready", "The aggregate readiness state of this pod for accepting traffic.", pod_summary.ready),
        Column("Status", "The aggregate status of the containers in this pod.", pod_summary.status),
        Column(
            "Restarts",
            "The number of times the containers in this pod have been restarted and when the last container in this "
            "pod has restarted.",
            pod_summary.restarts,
        ),
        AGE,
        Column("IP", f"{_CORE}.PodStatus/podIP", field("status.podIP", NONE), priority=1),
        Column("Node", f"{_CORE}.PodSpec/nodeName", field("spec.nodeName", NONE), priority=1),
        Column(
            "Nominated Node",
            f"{_CORE}.PodStatus/nominatedNodeName",
            field("status.nominatedNodeName", NONE),
            priority=1,
        ),
        Column("Readiness Gates", f"{_CORE}.PodSpec/readinessGates", pod_summary.readiness_gates, priority=1),
    ),
    "ReplicationController": (
        NAME,
        Column("Desired", f"{_CORE}.ReplicationControllerSpec/replicas", number("spec.replicas"), "integer"),
        Column("Current", f"{_CORE}.ReplicationControllerStatus/replicas", number("status.replicas"), "integer"),
        Column(
            "Ready", f"{_CORE}.ReplicationControllerStatus/readyReplicas", number("status.readyReplicas"), "integer"
        ),
        AGE,
        Column("Containers", "Names of each container in the template.", cells.containers("name"), priority=1),
        Column("Images", "Images referenced by each container in the template.", cells.containers("image"), priority=1),
        Column("Selector", f"{_CORE}.ReplicationControllerSpec/selector", selector("spec.selector"), priority=1),
    ),
    "Secret": (
        NAME,
        Column("Type", f"{_CORE}.Secret/type", field("type")),
        Column("Data", f"{_CORE}.Secret/data", size("data")),
        AGE,
    ),
    "Service": (
        NAME,
        Column("Type", f"{_CORE}.ServiceSpec/type", field("spec.type")),
        Column("Cluster-IP", f"{_CORE}.ServiceSpec/clusterIP", cells.service_address),
        Column("External-IP", f"{_CORE}.ServiceSpec/externalIPs", cells.service_outside),
        Column("Port(s)", f"{_CORE}.ServiceSpec/ports", cells.service_ports),
        AGE,
        Column("Selector", f"{_CORE}.ServiceSpec/selector", selector("spec.selector"), priority=1),
    ),
    "ServiceAccount": (NAME, AGE),
}
DEFAULT = (NAME, Column("Created At", f"{_META}/creationTimestamp", field("metadata.creationTimestamp"), "date"))
