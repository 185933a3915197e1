"""One node's agent: a reconciler over the node pack, the actuators that run pods, and their logs.

It reads the store through the node's view, writes through the one door under the field manager `kubelet`, and decides
nothing itself. `run` serves until it is cancelled; `stop` ends the actuators, and with `remove` also what they run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from rulekube import rules
from rulekube.actuators import leases, machine, probes, simulated_volumes, volumes
from rulekube.actuators.base import Actuator
from rulekube.actuators.docker_containers import DockerContainers
from rulekube.actuators.docker_labels import Owner
from rulekube.actuators.log_stream import LogStream, LogWindow
from rulekube.actuators.objects import Objects
from rulekube.actuators.simulated import SimulatedContainers
from rulekube.actuators.volumes import IssueToken, Token
from rulekube.engine import Ref
from rulekube.errors import ActuatorError
from rulekube.facts.addresses import gateway
from rulekube.facts.store.interface import Store
from rulekube.facts.writer import Writer
from rulekube.node import logs
from rulekube.node.view import NodeView
from rulekube.reconciler import Reconciler

Clock = Callable[[], int]


class Runtime(Actuator, Protocol):
    """What runs containers: Docker's or pretend ones."""

    def log(self, identifier: str, window: LogWindow) -> LogStream:
        """What a container wrote."""

    def answers(self) -> bool:
        """Whether it works now."""

    def version(self) -> str:
        """As a Node's containerRuntimeVersion."""

    def clear(self) -> None:
        """Remove all that runs; after `stop`."""


@dataclass(frozen=True)
class NodeConfig:
    """What an agent is told. `engine` is the URL of a Docker Engine, None for pretend containers."""

    name: str
    cluster: str
    pod_cidr: str
    data: Path
    engine: str | None = None
    pull_images: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where this node's files are."""
        return self.data / "nodes" / self.name

    def facts(self, runtime: str) -> dict[str, Any]:
        """The settings that the node's rules read."""
        return {
            **self.settings,
            "cluster-name": self.cluster,
            "node-address": gateway(self.pod_cidr),
            "pod-cidr": self.pod_cidr,
            "pods-directory": str(self.folder / "pods"),
            "container-runtime": runtime.partition(":")[0],
        }


def no_tokens(pod: Ref, account: str, audience: str, seconds: int) -> Token:  # noqa: ARG001 - the seam's shape
    """Where nobody issues service account tokens."""
    raise ActuatorError(f"nobody issues tokens for service account {account}")


class NodeAgent:
    """Runs the pods of one node. Make it and call it in the event loop's thread."""

    def __init__(
        self, config: NodeConfig, store: Store, writer: Writer, clock: Clock, issue_token: IssueToken = no_tokens
    ) -> None:
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.config, self._clock = config, clock
        self.runtime = _runtime(config, clock)
        settings = config.facts(self.runtime.version())
        view = cast(Store, NodeView(store, config.name))
        self.reconciler = Reconciler(rules.paths(rules.NODE), view, clock, settings)
        self.reconciler.report({"local_node": [(config.name,)]})
        self.reconciler.attach_inline(Objects(writer, clock, manager="kubelet", host=config.name))
        for actuator in self._actuators(clock, issue_token):
            self.reconciler.attach(actuator)

    def _actuators(self, clock: Clock, issue_token: IssueToken) -> list[Actuator]:
        folder, runtime = self.config.folder, self.runtime
        return [
            runtime,
            probes.Probes(_prober(runtime), clock=clock),
            simulated_volumes.SimulatedVolumes()
            if isinstance(runtime, SimulatedContainers)
            else volumes.Volumes(folder / "pods", issue_token),
            leases.AddressLeases(folder / "addresses"),
            machine.Machine(folder, runtime.version(), runtime.answers, clock=clock),
        ]

    async def run(self) -> None:
        """Serve until cancelled."""
        await self.reconciler.run()

    def logs(self, pod: Mapping[str, Any], container: str, options: logs.Options) -> AsyncIterator[bytes]:
        """The log of a container of this node, in pieces. Raises ApiError where there is none to have."""
        identifier = logs.chosen_run(self.reconciler.db.facts("instance"), pod, container, options.previous)
        stream = self.runtime.log(identifier, logs.window(options, self._clock()))
        return logs.pieces(stream, options.limit)

    def stop(self, remove: bool = False) -> None:
        """End the actuators; `remove` also removes the containers. Volumes and leases stay for the next start."""
        self.reconciler.stop()
        if remove:
            self.runtime.clear()


def _runtime(config: NodeConfig, clock: Clock) -> Runtime:
    owner = Owner(config.cluster, config.name)
    if config.engine is None:
        return SimulatedContainers(owner, clock=clock)
    return DockerContainers(config.engine, owner, pull=config.pull_images, clock=clock)


def _prober(runtime: Runtime) -> probes.Prober:
    if isinstance(runtime, DockerContainers):
        return probes.MachineProber(runtime.execute)
    assert isinstance(runtime, SimulatedContainers)
    return simulated_volumes.SimulatedProber(runtime)
