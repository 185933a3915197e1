"""The brains: rule files, and the lists of packs. No Python decides anything here.

Names are paths below this folder. A pack's files include `schema.dl` and `actions.dl` themselves.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

CONTROL_PLANE: tuple[str, ...] = (
    "schema.dl",
    "actions.dl",
    "admission/contract.dl",
)

# What a node agent decides: containers, probes, the status of its pods.
NODE: tuple[str, ...] = ()

# What a machine's network agent decides: Service maps and routes.
NETWORK: tuple[str, ...] = ("network/elements.dl", "network/routes.dl")


def paths(pack: tuple[str, ...]) -> list[Path]:
    """The files of a pack, in its order."""
    return [FOLDER / name for name in pack]
