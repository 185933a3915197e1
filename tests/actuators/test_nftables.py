"""The nftables actuator against the kernel, on a pretend machine with two nodes' bridges and four pods."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from rulekube.actuators.nftables import NftablesActuator, clean
from rulekube.errors import ActuatorError
from rulekube.facts.addresses import bridge_prefix, table_name
from tests.actuators.machine import MARKS, Machine, ask, inside, ping
from tests.actuators.network_harness import RANGES, Element, Observer, service

pytestmark = MARKS

CLUSTER = "test"
VIP = "10.96.0.10"
PODS = {"a": ("n1", "10.244.1.2"), "b": ("n1", "10.244.1.3"), "c": ("n2", "10.244.2.2"), "d": ("n2", "10.244.2.3")}
ALL = [f"{address}:8080" for _, address in PODS.values()]
REFUSED = (ConnectionRefusedError, PermissionError)  # the latter where the machine itself sends a datagram
BRIDGES = bridge_prefix(CLUSTER)


@pytest.fixture(scope="module", params=["bridged", "routed"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Pods with the range's prefix and with a /32; both ways of docs/network.md."""
    machine = Machine()
    try:
        machine.bridge(f"{BRIDGES}n1", "10.244.1.1/24")
        machine.bridge(f"{BRIDGES}n2", "10.244.2.1/24")
        for name, (node, address) in PODS.items():
            namespace = machine.pod(name, BRIDGES + node, address, routed=request.param == "routed")
            machine.serve(name, namespace, 8080)
            machine.serve(name, namespace, 8053, "udp")
        yield machine
    finally:
        machine.close()


@pytest.fixture
def network(machine: Machine) -> Iterator[Observer]:
    """A started actuator; its table is removed afterwards."""
    observer = Observer(NftablesActuator(CLUSTER, machine.path))
    observer.start()
    try:
        yield observer
    finally:
        observer.actuator.stop()
        clean(CLUSTER, machine.path)


def want(network: Observer, elements: list[Element]) -> None:
    hairpin: list[Element] = [("hairpin", f"{address} . {address}", "") for _, address in PODS.values()]
    network.want(hairpin + elements)


def names(answers: list[str]) -> Counter[str]:
    return Counter(answer.split()[0] for answer in answers)


def peers(answers: list[str]) -> set[str]:
    return {answer.split()[1] for answer in answers}


def test_connections_are_spread_evenly_over_the_endpoints(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ALL))
    answers = ask(f"{machine.namespace}-a", VIP, 80, count=200)
    spread = names(answers)
    assert set(spread) == set(PODS)
    assert min(spread.values()) >= 25  # of 50; less is a chance of one in a million
    assert names(ask(machine.namespace, VIP, 80, count=60)).keys() == PODS.keys()


def test_a_pod_sees_who_asks_through_a_service(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ["10.244.2.2:8080"]))
    assert peers(ask(f"{machine.namespace}-a", VIP, 80)) == {"10.244.1.2"}
    want(network, service(VIP, 80, ["10.244.1.3:8080"]))
    assert peers(ask(f"{machine.namespace}-a", VIP, 80)) == {"10.244.1.2"}  # on one bridge, too


def test_a_pod_reaches_itself_through_a_service(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ["10.244.1.2:8080"]))
    answers = ask(f"{machine.namespace}-a", VIP, 80, count=5)
    assert names(answers) == {"a": 5}
    assert peers(answers) == {"10.244.1.1"}


def test_ports_of_one_service_are_apart(machine: Machine, network: Observer) -> None:
    want(
        network,
        service(VIP, 80, ["10.244.1.3:8080"])
        + service(VIP, 81, ["10.244.2.2:8080"])
        + service(VIP, 80, ["10.244.2.3:8053"], "udp"),
    )
    client = f"{machine.namespace}-a"
    assert names(ask(client, VIP, 80)) == {"b": 1}
    assert names(ask(client, VIP, 81)) == {"c": 1}
    assert names(ask(client, VIP, 80, "udp")) == {"d": 1}


def test_a_node_port_answers_at_every_local_address(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ALL, node_port=30001))
    outside = ask(machine.upstream, "192.0.2.1", 30001, count=60)
    assert set(names(outside)) == set(PODS)
    assert peers(outside) <= {"10.244.1.1", "10.244.2.1"}  # so that the answer comes back by this machine
    for address in ("192.0.2.1", "10.244.1.1", "10.244.2.1"):
        assert ask(machine.namespace, address, 30001)
        assert ask(f"{machine.namespace}-a", address, 30001)
    with pytest.raises(ConnectionRefusedError):
        ask(machine.namespace, "127.0.0.1", 30001)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_service_without_endpoints_refuses_at_once(machine: Machine, network: Observer, protocol: str) -> None:
    want(network, service(VIP, 80, ["10.244.1.2:8080"], protocol))
    want(network, service(VIP, 80, [], protocol))
    before = machine.leaked()
    for client in (machine.namespace, f"{machine.namespace}-a", f"{machine.namespace}-c"):
        began = time.monotonic()
        with pytest.raises(REFUSED):
            ask(client, VIP, 80, protocol)
        assert time.monotonic() - began < 0.5
    assert machine.leaked() == before


def test_nothing_for_the_services_range_leaves_the_machine(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ALL))
    before = machine.leaked()
    for client in (machine.namespace, f"{machine.namespace}-a"):
        for address, port, protocol in ((VIP, 81, "tcp"), (VIP, 80, "udp"), ("10.96.200.7", 80, "tcp")):
            with pytest.raises(REFUSED):
                ask(client, address, port, protocol)
        ping(client, "10.96.200.7")
    assert machine.leaked() == before
    clean(CLUSTER, machine.path)
    for client in (machine.namespace, f"{machine.namespace}-a"):
        ping(client, "10.96.200.7")
    assert machine.leaked() == before + 2  # without the table they leave, and are seen


def test_client_ip_affinity_keeps_a_client_at_one_endpoint(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ALL, choice="client", node_port=30001))
    for name in PODS:
        assert len(names(ask(f"{machine.namespace}-{name}", VIP, 80, count=10))) == 1
    assert len(names(ask(machine.upstream, "192.0.2.1", 30001, count=10))) == 1


def test_pods_reach_the_world_by_the_machines_address(machine: Machine, network: Observer) -> None:
    want(network, [])
    server = machine.serve("world", machine.upstream, 9000)
    assert ask(f"{machine.namespace}-a", "192.0.2.254", 9000) == ["world 192.0.2.1"]
    server.close()


SHIFTING = [ALL[step % 4 :] if step % 2 else list(reversed(ALL[: 1 + step % 4])) for step in range(300)]
GROWING = [(ALL * 40)[:count] for count in range(1, 150)]  # each to a chain that no packet has met


@pytest.mark.parametrize("steps", [SHIFTING, GROWING], ids=["shift", "grow"])
def test_no_connection_fails_while_endpoints_change(
    machine: Machine, network: Observer, steps: list[list[str]]
) -> None:
    want(network, service(VIP, 80, ALL))
    done = threading.Event()
    failures: list[str] = []
    asked = 0

    def traffic() -> None:
        nonlocal asked
        while not done.is_set():
            try:
                asked += len(ask(f"{machine.namespace}-a", VIP, 80, count=20))
            except OSError as error:
                failures.append(repr(error))

    client = threading.Thread(target=traffic)
    client.start()
    try:
        for endpoints in steps:
            want(network, service(VIP, 80, endpoints))
    finally:
        done.set()
        client.join()
    assert failures == []
    assert asked >= 20


def test_an_open_connection_outlives_its_endpoint(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ["10.244.1.3:9090"]))
    listener = inside(f"{machine.namespace}-b", lambda: socket.create_server(("0.0.0.0", 9090)))
    client = inside(f"{machine.namespace}-a", lambda: socket.create_connection((VIP, 80), 3.0))
    server, _ = listener.accept()
    with listener, client, server:
        want(network, service(VIP, 80, []))
        client.sendall(b"still here")
        assert server.recv(100) == b"still here"


def test_a_client_of_datagrams_follows_the_endpoints_from_one_port(machine: Machine, network: Observer) -> None:
    targets = {"service": (VIP, 53), "node port": ("10.244.2.1", 30053)}
    clients = {name: datagrams(f"{machine.namespace}-a") for name in targets}

    def answers() -> dict[str, str]:
        found = {}
        for name, client in clients.items():
            client.sendto(b"?", targets[name])
            found[name] = client.recv(100).decode().split()[0]
        return found

    with clients["service"], clients["node port"]:
        for name, endpoint in (("b", "10.244.1.3:8053"), ("c", "10.244.2.2:8053")):
            want(network, service(VIP, 53, [endpoint], "udp", node_port=30053))
            assert answers() == {"service": name, "node port": name}
        want(network, service(VIP, 53, ["10.244.1.3:8053", "10.244.2.2:8053"], "udp", node_port=30053))
        assert answers() == {"service": "c", "node port": "c"}  # what still leads to an endpoint goes on


def datagrams(namespace: str) -> socket.socket:
    client = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(3.0)
    return client


def test_a_successor_adopts_the_table_as_it_stands(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ["10.244.1.2:8080", "10.244.1.3:8080"], node_port=30001))
    handle = table_handle(machine)
    network.actuator.stop()
    successor = Observer(NftablesActuator(CLUSTER, machine.path))
    successor.start()
    try:
        assert successor.facts == network.facts
        assert ask(f"{machine.namespace}-c", VIP, 80)
        want(successor, service(VIP, 80, ["10.244.1.3:8080", "10.244.2.2:8080"]))
        assert set(names(ask(f"{machine.namespace}-a", VIP, 80, count=20))) == {"b", "c"}
        assert table_handle(machine) == handle
    finally:
        successor.actuator.stop()


def table_handle(machine: Machine) -> str:
    return machine.nft("list tables ip").strip() + str(
        subprocess.run(
            ["nsenter", f"--net={machine.path}", "nft", "-a", "list", "table", "ip", table_name(CLUSTER)],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()[0]
    )  # fmt: skip


def test_a_table_of_another_layout_is_replaced(machine: Machine) -> None:
    machine.nft(f"table ip {table_name(CLUSTER)} {{\nchain layout_old {{ }}\n}}")
    observer = Observer(NftablesActuator(CLUSTER, machine.path))
    observer.start()
    try:
        assert observer.of("element_present") == set()
        want(observer, service(VIP, 80, ["10.244.1.2:8080"]))
        assert names(ask(machine.namespace, VIP, 80)) == {"a": 1}
    finally:
        observer.actuator.stop()
        observer.actuator.clean()


def test_a_table_that_others_remove_is_made_anew(machine: Machine) -> None:
    observer = Observer(NftablesActuator(CLUSTER, machine.path, watch_seconds=0.02))
    observer.start()
    try:
        want(observer, service(VIP, 80, ["10.244.1.2:8080"]))
        machine.nft("flush ruleset")
        observer.wait_for("element_present", RANGES[0], there=False)
        want(observer, service(VIP, 80, ["10.244.1.2:8080"]))
        assert names(ask(machine.namespace, VIP, 80)) == {"a": 1}
    finally:
        observer.actuator.stop()
        observer.actuator.clean()


def test_one_bad_element_does_not_hold_up_the_others(machine: Machine, network: Observer) -> None:
    want(network, service(VIP, 80, ["10.244.1.2:8080"]))
    bad = ("tcp_endpoints", "10.96.0.11 . 80 . 1", "10.244.1.300 . 8080")
    services = service(VIP, 80, ["10.244.1.3:8080"]) + service(
        "10.96.0.11", 80, ["10.244.2.2:8080", "10.244.1.300:8080"]
    )
    with pytest.raises(ActuatorError, match=re.escape("10.244.1.300")):
        want(network, services)
    assert network.of("element_present") >= {*services} - {bad}
    assert bad not in network.of("element_present")
    assert names(ask(machine.namespace, VIP, 80)) == {"b": 1}
    assert names(ask(machine.namespace, "10.96.0.11", 80, count=20)) == {"c": 20}  # the good one takes it all


def test_a_change_that_is_wrong_throughout_is_given_up(machine: Machine, network: Observer) -> None:
    with pytest.raises(ActuatorError):
        want(network, [("services", f"{VIP} . tcp . {70000 + number}", "goto tcp_random_1") for number in range(20)])
    want(network, service(VIP, 80, ["10.244.1.2:8080"]))
    assert names(ask(machine.namespace, VIP, 80)) == {"a": 1}


def test_an_order_is_carried_out_once_however_often_it_comes(machine: Machine, network: Observer) -> None:
    element = ("services", f"{VIP} . tcp . 80", "goto tcp_random_1")
    for _ in range(2):
        network.owe(("add_element", element))
    assert network.of("element_present") == {element}
    network.owe(("add_element", (*element[:2], "goto tcp_random_2")), ("delete_element", element))
    assert network.of("element_present") == {(*element[:2], "goto tcp_random_2")}
    for _ in range(2):
        network.owe(("delete_element", (*element[:2], "goto tcp_random_2")))
    assert network.of("element_present") == set()


def test_traffic_passes_where_docker_drops_forwarding(machine: Machine) -> None:
    machine.nft(
        "table ip filter {\nchain DOCKER-USER {\ncounter return\n}\n"
        "chain FORWARD {\ntype filter hook forward priority 0; policy drop;\ncounter jump DOCKER-USER\n}\n}"
    )
    observer = Observer(NftablesActuator(CLUSTER, machine.path, watch_seconds=0.02))
    try:
        observer.start()
        want(observer, service(VIP, 80, ["10.244.2.2:8080"], node_port=30001))
        with pytest.raises(TimeoutError):
            ask(f"{machine.namespace}-a", VIP, 80, timeout=0.3)
        assert observer.of("forward_chain") == {("DOCKER-USER",)}
        for _ in range(2):
            observer.owe(("accept_forward", ("DOCKER-USER",)))
        assert observer.of("forward_accepted") == {("DOCKER-USER",)}
        assert names(ask(f"{machine.namespace}-a", VIP, 80)) == {"c": 1}
        assert names(ask(machine.upstream, "192.0.2.1", 30001)) == {"c": 1}
        assert f"-A DOCKER-USER -o {BRIDGES}+ -m comment --comment {table_name(CLUSTER)} -j ACCEPT" in iptables_rules(
            machine
        )  # iptables can still read it
        machine.nft("flush chain ip filter DOCKER-USER")
        observer.wait_for("forward_accepted", ("DOCKER-USER",), there=False)
        observer.owe(("accept_forward", ("DOCKER-USER",)))
        observer.actuator.stop()
        observer.actuator.clean()
        assert "-j ACCEPT" not in iptables_rules(machine)
    finally:
        with contextlib.suppress(RuntimeError):
            observer.actuator.stop()
        machine.nft("delete table ip filter")


def iptables_rules(machine: Machine) -> str:
    command = ["nsenter", f"--net={machine.path}", "iptables", "-S"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_cleaning_leaves_nothing(machine: Machine) -> None:
    before = machine.nft("list ruleset")
    observer = Observer(NftablesActuator(CLUSTER, machine.path))
    observer.start()
    want(observer, service(VIP, 80, ALL, node_port=30001))
    assert table_name(CLUSTER) in machine.nft("list ruleset")
    observer.actuator.stop()
    for _ in range(2):
        observer.actuator.clean()
    assert machine.nft("list ruleset") == before
