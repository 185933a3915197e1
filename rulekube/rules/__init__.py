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
    "controllers/eviction.dl",
    "controllers/garbage_collection.dl",
    "controllers/namespace.dl",
    "controllers/node_health.dl",
    "controllers/node_taints.dl",
    "controllers/replicationcontroller_status.dl",
    "controllers/root_ca.dl",
    "controllers/serviceaccount.dl",
)

SCHEDULER: tuple[str, ...] = ()

# What is asked about a request before it is written, and before it is served at all.
ADMISSION: tuple[str, ...] = ("admission/contract.dl",)

CONTROL_PLANE: tuple[str, ...] = ("schema.dl", "actions.dl", *CONTROLLERS, *SCHEDULER, *ADMISSION)

# What a node agent decides: containers, probes, the status of its pods.
NODE: tuple[str, ...] = ()

# What a machine's network agent decides: Service maps and routes.
NETWORK: tuple[str, ...] = ("network/elements.dl", "network/routes.dl")


def paths(pack: tuple[str, ...]) -> list[Path]:
    """The files of a pack, in its order."""
    return [FOLDER / name for name in pack]


def control_plane() -> list[Path]:
    """The files of the control plane."""
    return paths(CONTROL_PLANE)
