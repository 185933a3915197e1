"""What a cluster is asked to be: the values of `rulekube up`'s flags, and where its files are."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from rulekube.errors import SetupError

RUNTIMES = ("auto", "docker", "simulated")


@dataclass(frozen=True)
class Settings:
    """One cluster's settings; addresses are text in CIDR or HOST:PORT form."""

    data: Path
    listen: str = "127.0.0.1:6443"
    nodes: int = 1
    runtime: str = "auto"
    kubeconfig: Path | None = None
    token_auth_file: Path | None = None
    service_cidr: str = "10.96.0.0/16"
    pod_cidr: str = "10.244.0.0/16"
    node_port_range: tuple[int, int] = (30000, 32767)
    rules: tuple[Path, ...] = field(default=())
    pull: bool = True

    @property
    def host(self) -> str:
        """The address the API server listens on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port the API server listens on; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def identity(self) -> str:
        """What tells this cluster from others on the machine: a hash of where its files are."""
        return hashlib.sha256(str(self.data).encode()).hexdigest()[:8]

    @property
    def ranges(self) -> dict[str, str]:
        """The cluster's address ranges, by the flags that set them."""
        return {"--pod-cidr": self.pod_cidr, "--service-cidr": self.service_cidr}

    def pod_cidr_of(self, number: int) -> str:
        """The /24 of node `number`, counted from 1: the first /24 of the range belongs to nobody."""
        network = ipaddress.ip_network(self.pod_cidr)
        subnets = network.subnets(new_prefix=24)
        for index, subnet in enumerate(subnets):
            if index == number:
                return str(subnet)
        raise SetupError(f"{self.pod_cidr} has no room for node {number}: give --pod-cidr a shorter prefix")

    def facts(self) -> list[tuple[str, object]]:
        """The settings that rules read, as rows of `setting(name, value)`, by the names of Kubernetes' own flags."""
        low, high = self.node_port_range
        return [
            ("service-cluster-ip-range", self.service_cidr),
            ("service-node-port-range", f"{low}-{high}"),
            ("cluster-cidr", self.pod_cidr),
        ]
