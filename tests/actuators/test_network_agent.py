"""The network agent whole: objects in a store, the network pack, both actuators, and traffic on a pretend machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rulekube import rules
from rulekube.actuators import nftables, routes
from rulekube.facts.addresses import bridge_name
from rulekube.facts.store import Key, MemoryStore
from rulekube.facts.store.interface import Write
from rulekube.reconciler import Reconciler
from tests.actuators.machine import MARKS, Machine, ask

pytestmark = MARKS

CLUSTER = "test"
VIP = "10.96.0.10"
SETTINGS = {"cluster-name": CLUSTER, "cluster-cidr": "10.244.0.0/16", "service-cluster-ip-range": "10.96.0.0/16"}


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    nftables.clean(CLUSTER, machine.path)
    routes.clean(CLUSTER, machine.path)
    machine.close()


class World:
    """The objects of the test, written to the store as others would write them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        for number in (1, 2):
            self.put("nodes", "", f"n{number}", {
                "kind": "Node", "apiVersion": "v1", "spec": {"podCIDR": f"10.244.{number}.0/24"},
            })  # fmt: skip

    def put(self, resource: str, namespace: str, name: str, raw: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **raw.pop("metadata", {})}
        self.store.transact([Write(Key(resource, namespace, name), {**raw, "metadata": metadata}, None)])

    def pod(self, name: str, node: str, address: str) -> None:
        raw = {"kind": "Pod", "apiVersion": "v1", "spec": {"nodeName": node}, "status": {"podIP": address}}
        self.put("pods", "default", name, raw)

    def service(self, node_port: int) -> None:
        port = {"port": 80, "protocol": "TCP", "nodePort": node_port, "targetPort": 8080}
        spec = {"clusterIP": VIP, "type": "NodePort", "ports": [port]}
        self.put("services", "default", "web", {"kind": "Service", "apiVersion": "v1", "spec": spec})

    def slice(self, addresses: list[str]) -> None:
        self.put("endpointslices.discovery.k8s.io", "default", "web-x", {
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        })  # fmt: skip


@asynccontextmanager
async def agent(world: World, machine: Machine) -> AsyncIterator[Reconciler]:
    """The agent as whoever assembles it makes it; the kernel keeps what it made."""
    pack = rules.paths(rules.NETWORK)
    reconciler = Reconciler(pack, world.store, lambda: time.time_ns() // 1000, SETTINGS)
    reconciler.report({"local_node": [("n1",), ("n2",)]})
    reconciler.attach(nftables.NftablesActuator(CLUSTER, machine.path))
    reconciler.attach(routes.RoutesActuator(CLUSTER, machine.path))
    loop = asyncio.create_task(reconciler.run())
    try:
        yield reconciler
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        reconciler.stop()


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not reached in time"
        await asyncio.sleep(0.01)


def elements(reconciler: Reconciler, name: str) -> list[Any]:
    return [fact for fact in reconciler.db.facts("element_present") if fact[0] == name]


async def test_objects_become_traffic(machine: Machine) -> None:
    world = World()
    async with agent(world, machine) as reconciler:
        await until(lambda: len(reconciler.db.facts("bridge_present")) == 2)
        for name, node, address in (("a", "n1", "10.244.1.2"), ("b", "n2", "10.244.2.2")):
            machine.serve(name, machine.pod(name, bridge_name(CLUSTER, node), address), 8080)
            world.pod(name, node, address)
        world.service(30001)
        world.slice(["10.244.1.2", "10.244.2.2"])
        await until(lambda: len(elements(reconciler, "tcp_endpoints")) == 2 and reconciler.db.facts("route_present"))
        for client, address, port in (
            (machine.namespace, VIP, 80),
            (f"{machine.namespace}-a", VIP, 80),
            (machine.upstream, "192.0.2.1", 30001),
        ):
            answers = ask(client, address, port, count=40)
            assert {answer.split()[0] for answer in answers} == {"a", "b"}
        world.slice(["10.244.2.2"])
        await until(lambda: len(elements(reconciler, "tcp_endpoints")) == 1)
        assert {answer.split()[0] for answer in ask(machine.namespace, VIP, 80, count=10)} == {"b"}
        world.slice([])
        await until(lambda: not elements(reconciler, "services"))
        with pytest.raises(ConnectionRefusedError):
            ask(f"{machine.namespace}-a", VIP, 80)


async def test_services_answer_while_the_agent_is_replaced(machine: Machine) -> None:
    world = World()
    world.service(30001)
    world.slice(["10.244.1.2"])
    async with agent(world, machine) as reconciler:
        await until(lambda: elements(reconciler, "tcp_endpoints") and reconciler.db.facts("route_present"))
        machine.serve("a", machine.pod("a", bridge_name(CLUSTER, "n1"), "10.244.1.2"), 8080)
        assert ask(machine.namespace, VIP, 80)
        machine.pod("b", bridge_name(CLUSTER, "n2"), "10.244.2.2")
    for client in (machine.namespace, f"{machine.namespace}-b"):
        assert ask(client, VIP, 80)
    async with agent(world, machine) as reconciler:
        await until(lambda: elements(reconciler, "tcp_endpoints"))
        assert not any(reconciler.owed.of(name) for name in ("nftables", "routes"))
        assert ask(machine.namespace, VIP, 80)
