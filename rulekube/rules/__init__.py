"""The brains: rule files, and the lists of packs. No Python decides anything here.

Names are paths below this folder. A pack's files include `schema.dl` and `actions.dl` themselves.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

CONTROLLERS: tuple[str, ...] = (
    "controllers/bootstrap.dl",
    "controllers/endpoints_write.dl",
    "controllers/endpointslice_mirroring.dl",
    "controllers/endpointslice_write.dl",
    "controllers/event_expiry.dl",
    "controllers/eviction.dl",
    "controllers/eviction_cancelled.dl",
    "controllers/garbage_collection.dl",
    "controllers/namespace.dl",
    "controllers/node_health.dl",
    "controllers/node_taints.dl",
    "controllers/replicationcontroller_failure.dl",
    "controllers/replicationcontroller_status.dl",
    "controllers/root_ca.dl",
    "controllers/serviceaccount.dl",
)

SCHEDULER: tuple[str, ...] = (
    "scheduler/bind.dl",
    "scheduler/filter/named_nodes.dl",
    "scheduler/filter/node_affinity.dl",
    "scheduler/filter/node_name.dl",
    "scheduler/filter/node_ports.dl",
    "scheduler/filter/node_resources_fit.dl",
    "scheduler/filter/node_unschedulable.dl",
    "scheduler/filter/taint_toleration.dl",
    "scheduler/score/least_allocated.dl",
    "scheduler/unschedulable.dl",
)

# Asked about each write before it is made.
ADMISSION: tuple[str, ...] = (
    "admission/cluster_ip.dl",
    "admission/default_tolerations.dl",
    "admission/namespace_lifecycle.dl",
    "admission/node_port.dl",
    "admission/not_honoured.dl",
    "admission/pod_creation.dl",
    "admission/pod_topology_labels.dl",
    "admission/priority.dl",
    "admission/service_account.dl",
    "admission/service_account_token.dl",
    "admission/service_fields.dl",
    "admission/taint_new_nodes.dl",
)

# Asked about each request before it is served at all.
AUTH: tuple[str, ...] = ("auth/bootstrap.dl",)

# Relations that nothing keeps: what people ask about, worked out when they ask.
QUESTIONS: tuple[str, ...] = (
    "questions/controllers.dl",
    "questions/scheduling.dl",
    "questions/services.dl",
    "questions/unchangeable.dl",
)

CONTROL_PLANE: tuple[str, ...] = ("schema.dl", "actions.dl", *CONTROLLERS, *SCHEDULER, *ADMISSION, *AUTH)

# What a node agent decides: containers, probes, the status of its pods.
NODE: tuple[str, ...] = ("node/node.dl", "node/event_writing.dl")

# What a machine's network agent decides: Service maps and routes.
NETWORK: tuple[str, ...] = ("network/elements.dl", "network/routes.dl")


def paths(pack: tuple[str, ...]) -> list[Path]:
    """The files of a pack, in its order."""
    return [FOLDER / name for name in pack]


def control_plane() -> list[Path]:
    """The files of the control plane."""
    return paths(CONTROL_PLANE)
