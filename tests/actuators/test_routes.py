"""The routes actuator against the kernel, on a pretend machine without bridges."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from rulekube.actuators.nftables import NftablesActuator
from rulekube.actuators.routes import RoutesActuator, clean
from rulekube.errors import ActuatorError
from rulekube.facts.addresses import bridge_name
from tests.actuators.machine import MARKS, SERVICE_RANGE, Machine, ask
from tests.actuators.network_harness import Observer, service

pytestmark = MARKS

CLUSTER = "test"
N1, N2 = bridge_name(CLUSTER, "n1"), bridge_name(CLUSTER, "n2")
TWO_NODES = (
    ("set_sysctl", ("net.ipv4.ip_forward", 1)),
    ("create_bridge", (N1, "10.244.1.1/24")),
    ("create_bridge", (N2, "10.244.2.1/24")),
)


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    clean(CLUSTER, machine.path)
    machine.close()


@pytest.fixture
def routes(machine: Machine) -> Iterator[Observer]:
    observer = Observer(RoutesActuator(CLUSTER, machine.path))
    observer.start()
    yield observer
    observer.actuator.stop()


def shown(machine: Machine, *words: str) -> list[dict[str, Any]]:
    command = ["ip", "-n", machine.namespace, "-json", "-details", *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout or "[]")


def bridges(machine: Machine) -> dict[str, str]:
    return {link["ifname"]: link["address"] for link in shown(machine, "link", "show", "type", "bridge")}


def test_a_bridge_is_made_once_and_reported(machine: Machine, routes: Observer) -> None:
    for _ in range(2):
        routes.owe(*TWO_NODES)
    assert routes.of("bridge_present") == {(N1, "10.244.1.1/24"), (N2, "10.244.2.1/24")}
    assert routes.of("sysctl_value") == {("net.ipv4.ip_forward", 1)}
    assert bridges(machine) == {N1: "0a:58:0a:f4:01:01", N2: "0a:58:0a:f4:02:01"}
    details = shown(machine, "link", "show", "type", "bridge")
    assert [link["linkinfo"]["info_data"]["nf_call_iptables"] for link in details] == [1, 1]


def test_a_bridge_gets_another_address_in_place(machine: Machine, routes: Observer) -> None:
    routes.owe(*TWO_NODES)
    routes.owe(("create_bridge", (N1, "10.244.7.1/24")))
    assert routes.of("bridge_present") == {(N1, "10.244.7.1/24"), (N2, "10.244.2.1/24")}
    routes.owe(("delete_bridge", (N1,)), ("delete_bridge", ("rk00000-none",)))
    assert set(bridges(machine)) == {N2}


def test_routes_are_made_turned_and_removed(machine: Machine, routes: Observer) -> None:
    routes.owe(
        *TWO_NODES, ("add_route", (SERVICE_RANGE, f"dev {N1}")), ("add_route", ("10.244.9.0/24", "via 192.0.2.9"))
    )
    assert routes.of("route_present") == {(SERVICE_RANGE, f"dev {N1}"), ("10.244.9.0/24", "via 192.0.2.9")}
    routes.owe(("add_route", ("10.244.9.0/24", "via 192.0.2.8")), ("delete_bridge", (N1,)))
    assert routes.of("route_present") == {("10.244.9.0/24", "via 192.0.2.8")}
    for _ in range(2):
        routes.owe(("delete_route", ("10.244.9.0/24", "via 192.0.2.8")))
    assert routes.of("route_present") == set()
    assert len(shown(machine, "route", "show", "default")) == 1


def test_a_route_over_a_missing_bridge_fails_and_says_so(machine: Machine, routes: Observer) -> None:
    with pytest.raises(ActuatorError, match=f"there is no device {N1} yet"):
        routes.owe(("add_route", (SERVICE_RANGE, f"dev {N1}")), ("create_bridge", (N2, "10.244.2.1/24")))
    assert routes.of("bridge_present") == {(N2, "10.244.2.1/24")}  # the others are carried out all the same


def test_what_others_change_is_reported(machine: Machine) -> None:
    observer = Observer(RoutesActuator(CLUSTER, machine.path, watch_seconds=0.02))
    observer.start()
    try:
        observer.owe(*TWO_NODES)
        subprocess.run(["ip", "-n", machine.namespace, "link", "del", N1], check=True)
        observer.wait_for("bridge_present", (N1, "10.244.1.1/24"), there=False)
    finally:
        observer.actuator.stop()


def test_a_successor_finds_what_is_there_and_cleaning_leaves_nothing(machine: Machine, routes: Observer) -> None:
    machine.bridge("other0", "10.99.0.1/24")
    machine.sysctl("net/ipv4/ip_forward", "0")
    before = shown(machine, "route"), set(bridges(machine))
    routes.owe(
        *TWO_NODES, ("add_route", (SERVICE_RANGE, f"dev {N1}")), ("add_route", ("10.244.9.0/24", "via 192.0.2.9"))
    )
    successor = Observer(RoutesActuator(CLUSTER, machine.path))
    successor.start()
    assert successor.facts == routes.facts
    successor.actuator.stop()
    for _ in range(2):
        clean(CLUSTER, machine.path)
    assert (shown(machine, "route"), set(bridges(machine))) == before


@pytest.mark.parametrize("agents", [1, 2], ids=["after a run", "after a crash and a successor"])
def test_cleaning_puts_the_kernels_switches_back(machine: Machine, agents: int) -> None:
    machine.sysctl("net/ipv4/ip_forward", "0")
    observers = [Observer(RoutesActuator(CLUSTER, machine.path)) for _ in range(agents)]
    for observer in observers:
        observer.start()
        observer.owe(*TWO_NODES[: 1 if observer.of("bridge_present") else None])
    for observer in observers:
        observer.actuator.stop()
    assert machine.sysctl("net/ipv4/ip_forward") == "1"  # pods go on
    for _ in range(2):
        observers[0].actuator.clean()
    assert machine.sysctl("net/ipv4/ip_forward") == "0"


def test_the_machine_reaches_a_service_without_a_default_route(machine: Machine, routes: Observer) -> None:
    subprocess.run(["ip", "-n", machine.namespace, "route", "del", "default"], check=True)
    routes.owe(*TWO_NODES)
    machine.serve("a", machine.pod("a", N1, "10.244.1.2"), 8080)
    network = Observer(NftablesActuator(CLUSTER, machine.path))
    network.start()
    try:
        network.want(service("10.96.0.1", 443, ["10.244.1.2:8080"]))
        with pytest.raises(OSError, match="unreachable"):
            ask(machine.namespace, "10.96.0.1", 443)
        routes.owe(("add_route", (SERVICE_RANGE, f"dev {N2}")))
        assert ask(machine.namespace, "10.96.0.1", 443) == ["a 10.244.2.1"]
    finally:
        network.actuator.stop()
