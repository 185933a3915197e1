"""Random Services come and go: no address or port is given twice, none lies out of range, released ones are used again.

The rules are held to a twin that looks at every address there is.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from typing import Any

import pytest

from rulekube.facts.merge import with_path

RANGE, FIRST_PORT, LAST_PORT = "10.0.0.0/27", 30000, 30031


@pytest.fixture(scope="module")
def small(cluster_of: Any) -> Any:
    """A cluster with 30 addresses (16 of them for those who choose) and 32 node ports (16)."""
    ports = f"{FIRST_PORT}-{LAST_PORT}"
    given_flags = {"service-cluster-ip-range": RANGE, "service-node-port-range": ports}
    return cluster_of(["admission/cluster_ip.dl", "admission/node_port.dl", "admission/service_fields.dl"], given_flags)


class Twin:
    """Draws by looking through the whole range: the upper band, then the lower one."""

    def __init__(self) -> None:
        self.services: dict[int, dict[str, Any]] = {}

    def used(self, field: str) -> set[Any]:
        return {value for spec in self.services.values() for value in spec[field]}

    def addresses(self, asked: str) -> list[str] | None:
        hosts = [str(address) for address in ipaddress.ip_network(RANGE).hosts()]
        return self._draw([*hosts[16:], *hosts[:16]], self.used("addresses"), [asked] if asked else [], 1)

    def ports(self, asked: list[int], count: int) -> list[int] | None:
        every = list(range(FIRST_PORT, LAST_PORT + 1))
        return self._draw([*every[16:], *every[:16]], self.used("ports"), asked, count)

    @staticmethod
    def _draw(order: list[Any], used: Iterable[Any], asked: list[Any], count: int) -> list[Any] | None:
        if any(choice in used or choice not in order for choice in asked):
            return None
        free = [value for value in order if value not in used and value not in asked]
        wanted = count - len(asked)
        return [*asked, *free[:wanted]] if len(free) >= wanted else None


def service(number: int, address: str, asked: list[int], count: int) -> dict[str, Any]:
    ports = [{"name": f"p{i}", "port": 80 + i} for i in range(count)]
    for port, node_port in zip(ports, asked, strict=False):
        port["nodePort"] = node_port
    kind = {"type": "NodePort", "ports": ports} if ports else {"type": "ClusterIP"}
    spec = {**kind, **({"clusterIP": address} if address else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{number}", "namespace": "n"}, "spec": spec}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_what_is_given_agrees_with_a_search_of_the_whole_range(small: Any, seed: int) -> None:
    chance, twin = random.Random(seed), Twin()
    refused = 0
    try:
        for number in range(120):
            if twin.services and chance.random() < 0.35:
                small.delete(twin.services.pop(chance.choice(sorted(twin.services)))["object"])
                continue
            count = chance.randint(0, 4)
            address = chance.choice(["", "", "", f"10.0.0.{chance.randint(0, 31)}"])
            asked = chance.sample(range(FIRST_PORT - 1, LAST_PORT + 2), min(count, chance.choice([0, 0, 1, 2])))
            refused += not create(small, twin, number, address, asked, count)
            assert_apart(small)
    finally:
        small.delete(*list(small.objects.values()))
    assert 5 < refused < 80, "the sequence must meet both answers"


def create(small: Any, twin: Twin, number: int, address: str, asked: list[int], count: int) -> bool:
    """Ask for a Service, and hold the answer to the twin's; whether it was made."""
    raw = service(number, address, asked, count)
    answer = small.admit("CREATE", "services", raw)
    addresses, ports = twin.addresses(address), twin.ports(asked, count)
    assert answer.allowed == (addresses is not None and ports is not None), (answer.denials, answer.invalid)
    if not answer.allowed:
        return False
    for path, value in answer.fields.items():
        raw = with_path(raw, path, value)
    assert raw["spec"]["clusterIPs"] == addresses == [raw["spec"]["clusterIP"]]
    assert [port["nodePort"] for port in raw["spec"].get("ports", [])] == ports
    twin.services[number] = {"addresses": addresses, "ports": ports, "object": raw}
    small.apply(raw)
    return True


def assert_apart(small: Any) -> None:
    """Nothing is given twice; everything lies in range."""
    specs = [raw["spec"] for raw in small.objects.values()]
    addresses = [spec["clusterIP"] for spec in specs]
    ports = [port["nodePort"] for spec in specs for port in spec.get("ports", [])]
    assert len(set(addresses)) == len(addresses) and len(set(ports)) == len(ports)
    assert all(ipaddress.ip_address(address) in ipaddress.ip_network(RANGE) for address in addresses)
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)


def test_a_full_range_is_told(small: Any) -> None:
    made = []
    for number in range(30):
        answer = small.admit("CREATE", "services", {**service(number, "", [], 1)})
        raw = service(number, "", [], 1)
        for path, value in answer.fields.items():
            raw = with_path(raw, path, value)
        small.apply(raw)
        made.append(raw)
    assert len({raw["spec"]["clusterIP"] for raw in made}) == 30
    answer = small.admit("CREATE", "services", service(31, "", [], 1))
    texts = [message for _, message, _ in answer.denials]
    assert texts == ["Internal error occurred: failed to allocate a serviceIP: range is full"]
    small.delete(*made)


@pytest.mark.parametrize(("cidr", "first"), [
    ("10.96.0.0/16", "10.96.1.1"), ("172.20.0.0/22", "172.20.0.65"), ("192.168.1.0/25", "192.168.1.17"),
    ("192.168.1.0/28", "192.168.1.1"), ("fd00::/108", "fd00::101"),
])  # fmt: skip
def test_the_lower_band_is_as_large_as_recorded(cluster_of: Any, cidr: str, first: str) -> None:
    flags = {"service-cluster-ip-range": cidr, "service-node-port-range": "30000-32767"}
    cluster = cluster_of(["admission/cluster_ip.dl"], flags)
    raw = service(1, "", [], 1)
    assert cluster.admit("CREATE", "services", raw).fields["spec.clusterIP"] == first


@pytest.mark.parametrize(("ports", "static"), [
    ("30000-32767", 86), ("30000-30010", 0), ("30000-30100", 16), ("40000-40016", 16), ("40000-40600", 18),
])  # fmt: skip
def test_the_lower_band_of_ports_is_as_large_as_recorded(cluster_of: Any, ports: str, static: int) -> None:
    flags = {"service-cluster-ip-range": RANGE, "service-node-port-range": ports}
    cluster = cluster_of(["admission/cluster_ip.dl", "admission/node_port.dl", "admission/service_fields.dl"], flags)
    assert cluster.facts("static_ports") == [(static,)]
