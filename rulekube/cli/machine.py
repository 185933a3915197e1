"""What carries pods and Services on this machine: one agent a node, and where containers are real a network agent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from rulekube import rules
from rulekube.actuators.nftables import NftablesActuator
from rulekube.actuators.routes import RoutesActuator
from rulekube.actuators.volumes import Token
from rulekube.api.subresources import LogOptions
from rulekube.cli.carrier import Carrier
from rulekube.cli.settings import Settings
from rulekube.engine import Ref
from rulekube.errors import ActuatorError, ApiError
from rulekube.facts.store import Key
from rulekube.node.agent import NodeAgent, NodeConfig
from rulekube.reconciler import Reconciler

if TYPE_CHECKING:
    from rulekube.cli.cluster import Cluster


class Machine:
    """The agents of one machine. `run` lets them work, `stop` removes what they made."""

    def __init__(self, settings: Settings, cluster: Cluster, carrier: Carrier) -> None:
        self._settings, self._cluster, self._engine = settings, cluster, carrier.engine
        self.identity = settings.identity
        self.agents = {name: self._agent(name, number) for number, name in enumerate(node_names(settings.nodes), 1)}
        self.network = self._network() if carrier.engine else None
        self._routes, self._nftables = RoutesActuator(self.identity), NftablesActuator(self.identity)
        self._tasks: list[asyncio.Task[None]] = []

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
