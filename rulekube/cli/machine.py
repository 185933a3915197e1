"""What carries pods and Services on this machine: a container engine, one agent a node, and one network agent.

The engine is chosen once, at start: Docker where one answers or a private one may be started, else pretend containers;
`description` says which, why, and how to get the other. The network agent runs where containers are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from rulekube import rules
from rulekube.actuators import docker_engine
from rulekube.actuators.docker_engine import Engine
from rulekube.actuators.nftables import NftablesActuator
from rulekube.actuators.routes import RoutesActuator
from rulekube.actuators.volumes import Token
from rulekube.api.subresources import LogOptions
from rulekube.cli.settings import Settings
from rulekube.engine import Ref
from rulekube.errors import ActuatorError, ApiError, SetupError
from rulekube.facts.store import Key
from rulekube.node.agent import NodeAgent, NodeConfig
from rulekube.reconciler import Reconciler

if TYPE_CHECKING:
    from rulekube.cli.cluster import Cluster


class Machine:
    """The agents of one machine. `start` makes them, `run` lets them work, `stop` removes what they made."""

    def __init__(self, settings: Settings, cluster: Cluster, engine: Engine | None, why: str) -> None:
        self._settings, self._cluster, self._engine = settings, cluster, engine
        self.identity = hashlib.sha256(str(settings.data).encode()).hexdigest()[:8]
        self.description = {
            "runtime": "docker" if engine else "simulated",
            "url": engine.url if engine else None,
            "private": bool(engine and engine.private),
            "cluster": self.identity,
            "why": why,
        }
        self.agents = {name: self._agent(name, number) for number, name in enumerate(node_names(settings.nodes), 1)}
        self.network = self._network() if engine else None
        self._routes, self._nftables = RoutesActuator(self.identity), NftablesActuator(self.identity)
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, settings: Settings, cluster: Cluster) -> Machine:
        """Find what runs containers, and make the agents."""
        engine, why = await asyncio.to_thread(choose_engine, settings)
        try:
            return cls(settings, cluster, engine, why)
        except BaseException:
            if engine is not None:
                engine.stop()
            raise

    def _agent(self, name: str, number: int) -> NodeAgent:
        from rulekube.cli.cluster import clock

        config = NodeConfig(
            name=name,
            cluster=self.identity,
            pod_cidr=self._settings.pod_cidr_of(number),
            data=self._settings.data,
            engine=self._engine.url if self._engine else None,
            pull_images=self._settings.pull,
            settings=self._cluster.facts,
        )
        return NodeAgent(config, self._cluster.store, self._cluster.writer, clock, self._issue_token)

    def _network(self) -> Reconciler:
        from rulekube.cli.cluster import clock

        facts = {**self._cluster.facts, "cluster-name": self.identity}
        network = Reconciler(rules.paths(rules.NETWORK), self._cluster.store, clock, facts)
        network.report({"local_node": [(name,) for name in self.agents]})
        return network

    def run(self) -> None:
        """Begin to work."""
        if self.network is not None:
            self.network.attach(self._routes)
            self.network.attach(self._nftables)
            self._tasks.append(asyncio.create_task(self.network.run(), name="network"))
        self._tasks += [asyncio.create_task(agent.run(), name=name) for name, agent in self.agents.items()]

    async def stop(self) -> None:
        """End the agents, and remove the containers, rules and routes they made."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        for agent in self.agents.values():
            agent.stop(remove=True)
        if self.network is not None:
            self.network.stop()
            self._nftables.clean()
            self._routes.clean()
        if self._engine is not None:
            self._engine.stop()

    def _issue_token(self, pod: Ref, account: str, audience: str, seconds: int) -> Token:
        """A service account's token for a pod, as the TokenRequest API gives it; renewed after 80 % of its life."""
        from rulekube.cli.cluster import clock

        namespace = pod.path.split("/")[1]
        found = self._cluster.store.get(Key("serviceaccounts", namespace, account))
        if found is None:
            raise ActuatorError(f"serviceaccount {namespace}/{account} not found")
        now = clock() // 1_000_000
        audiences = [audience] if audience else []
        text = self._cluster.tokens.issue(
            namespace, account, found["metadata"]["uid"], now=now, seconds=seconds, audiences=audiences
        )
        return Token(text, (now + seconds * 4 // 5) * 1_000_000)

    def logs(self, pod: dict[str, Any], container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The log of a container, from the agent of the pod's node."""
        agent = self.agents.get(pod["spec"].get("nodeName", ""))
        if agent is None:
            raise ApiError("NotFound", f"no agent of node {pod['spec'].get('nodeName')!r} runs here")
        return agent.logs(pod, container, options)


def node_names(count: int) -> list[str]:
    """n1, n2, …"""
    return [f"n{number}" for number in range(1, count + 1)]


def choose_engine(settings: Settings) -> tuple[Engine | None, str]:
    """What runs containers, and why. Raises SetupError where Docker was asked for and there is none."""
    if settings.runtime == "simulated":
        return None, "asked for; containers are pretended"
    try:
        if os.geteuid() != 0:
            raise SetupError("real pods need root, for their network; run as root to get them")
        engine = docker_engine.find(settings.data)
    except SetupError as error:
        if settings.runtime == "docker":
            raise
        return None, f"containers are pretended: {error}"
    return engine, f"Docker Engine {engine.version} at {engine.url}" + (", our own" if engine.private else "")
