"""How a pod's containers are named and labelled in Docker, and read back from there.

The name is a function of cluster, pod, container and attempt, so that the same action twice makes one container. The
labels hold what facts need and Docker does not know: they are the agent's only memory across a restart.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from rulekube.engine import Ref

CLUSTER = "rulekube.cluster"
NODE = "rulekube.node"
POD = "rulekube.pod"
UID = "rulekube.uid"
CONTAINER = "rulekube.container"
ATTEMPT = "rulekube.attempt"
SANDBOX = "rulekube.sandbox"
BACKOFF = "rulekube.backoff"
IMAGE = "rulekube.image"
MESSAGE = "rulekube.termination-message"
MESSAGE_POLICY = "rulekube.termination-message-policy"
PLUGGED = "rulekube.plugged"


class Owner(NamedTuple):
    """Whose containers: one cluster's, on one of its nodes."""

    cluster: str
    node: str

    def labels(self) -> dict[str, str]:
        """The labels of everything this owner runs."""
        return {CLUSTER: self.cluster, NODE: self.node}

    def filters(self) -> dict[str, list[str]]:
        """The same, as a filter of the engine's lists and events."""
        return {"label": [f"{key}={value}" for key, value in sorted(self.labels().items())]}

    def sandbox_name(self, pod: Ref) -> str:
        """The name of a pod's sandbox."""
        return f"rk-{_short(self.cluster)}-{pod.uid}-sandbox"

    def container_name(self, pod: Ref, container: str, attempt: int) -> str:
        """The name of one run of a pod's container."""
        return f"rk-{_short(self.cluster)}-{pod.uid}-{container}.{attempt}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
