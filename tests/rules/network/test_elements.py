"""Which elements the rules want for which Services."""

from __future__ import annotations

from typing import Any

import pytest

from rulekube.engine import Database
from tests.rules.network.world import Facts, database, endpoints, joined, pod, service


@pytest.fixture(scope="module")
def empty() -> Database:
    return database()


def wanted(empty: Database, *parts: Facts) -> dict[tuple[str, str], str]:
    """The elements besides those of the ranges, by map and key."""
    changes = empty.what_if(insert=joined(*parts))
    return {(element[0], element[1]): element[2] for element in changes.inserted.get("element", [])}


def test_a_service_leads_to_its_ready_endpoints_in_the_order_of_addresses(empty: Database) -> None:
    found = wanted(empty, service("web", "10.96.0.10"), endpoints("web", ["10.244.1.3", "10.244.1.2"]))
    assert found == {
        ("services", "10.96.0.10 . tcp . 80"): "goto tcp_random_2",
        ("tcp_endpoints", "10.96.0.10 . 80 . 0"): "10.244.1.2 . 8080",
        ("tcp_endpoints", "10.96.0.10 . 80 . 1"): "10.244.1.3 . 8080",
    }


def test_ports_are_found_by_name_and_protocol(empty: Database) -> None:
    ports = [("dns", 53, "UDP", 0), ("dns-tcp", 53, "TCP", 0)]
    found = wanted(
        empty,
        service("dns", "10.96.0.10", ports),
        endpoints("dns", ["10.244.1.2"], [("dns-tcp", 5301, "TCP"), ("dns", 5300, "UDP"), ("metrics", 9153, "TCP")]),
    )
    assert found == {
        ("services", "10.96.0.10 . udp . 53"): "goto udp_random_1",
        ("services", "10.96.0.10 . tcp . 53"): "goto tcp_random_1",
        ("udp_endpoints", "10.96.0.10 . 53 . 0"): "10.244.1.2 . 5300",
        ("tcp_endpoints", "10.96.0.10 . 53 . 0"): "10.244.1.2 . 5301",
    }


def test_a_node_port_leads_to_the_same_endpoints(empty: Database) -> None:
    found = wanted(
        empty, service("web", "10.96.0.10", [("", 80, "TCP", 30001)], "ClientIP"), endpoints("web", ["10.244.1.2"])
    )
    assert found[("node_ports", "tcp . 30001")] == "goto node_tcp_client_1"
    assert found[("node_tcp_endpoints", "30001 . 0")] == "10.244.1.2 . 8080"
    assert found[("services", "10.96.0.10 . tcp . 80")] == "goto tcp_client_1"


def test_endpoints_of_several_slices_count_once(empty: Database) -> None:
    found = wanted(
        empty,
        service("web", "10.96.0.10"),
        endpoints("web", ["10.244.1.2", "10.244.1.3"]),
        endpoints("web", ["10.244.1.3", "10.244.2.2"], name="b"),
    )
    assert found[("services", "10.96.0.10 . tcp . 80")] == "goto tcp_random_3"


@pytest.mark.parametrize("ip", ["None", "", "fd00::10"])
def test_a_service_without_an_address_of_the_range_has_no_elements(empty: Database, ip: str) -> None:
    assert wanted(empty, service("web", ip), endpoints("web", ["10.244.1.2"])) == {}


READY, DRAINING, GONE = (True, True, False), (False, True, True), (False, False, True)


@pytest.mark.parametrize(
    ("states", "addresses"),
    [
        ([READY, DRAINING], ["10.244.1.1 . 8080"]),
        ([DRAINING, GONE], ["10.244.1.1 . 8080"]),
        ([GONE, (False, False, False)], []),
    ],
    ids=["ready ones alone", "else those that serve while terminating", "else none"],
)
def test_which_endpoints_are_used(empty: Database, states: list[Any], addresses: list[str]) -> None:
    slices = [
        endpoints("web", [f"10.244.1.{number}"], state=state, name=str(number))
        for number, state in enumerate(states, 1)
    ]
    found = wanted(empty, service("web", "10.96.0.10"), *slices)
    assert [value for (name, _), value in sorted(found.items()) if name == "tcp_endpoints"] == addresses
    assert (("services", "10.96.0.10 . tcp . 80") in found) == bool(addresses)


def test_pods_of_this_machine_may_reach_themselves(empty: Database) -> None:
    found = wanted(
        empty,
        pod("mine", "n1", "10.244.1.2"),
        pod("host", "n1", "192.0.2.1", host_network=True),
        pod("far", "n2", "10.244.2.2"),
    )
    assert found == {("hairpin", "10.244.1.2 . 10.244.1.2"): ""}


def test_the_kernel_is_owed_the_difference() -> None:
    db = database()
    db.commit(insert=joined(service("web", "10.96.0.10"), endpoints("web", ["10.244.1.2", "10.244.1.3"])))
    assert len(db.facts("add_element")) == 5
    present = db.facts("add_element")
    db.commit(insert={"element_present": present, "forward_chain": [("DOCKER-USER",)]})
    assert db.facts("add_element") == db.facts("delete_element") == []
    assert db.facts("accept_forward") == [("DOCKER-USER",)]
    slice_ = endpoints("web", ["10.244.1.2", "10.244.1.3"])
    db.commit(retract={"slice_address": slice_["slice_address"][:1], "slice_endpoint": slice_["slice_endpoint"][:1]})
    assert db.facts("add_element") == [
        ("services", "10.96.0.10 . tcp . 80", "goto tcp_random_1"),
        ("tcp_endpoints", "10.96.0.10 . 80 . 0", "10.244.1.3 . 8080"),
    ]
    assert db.facts("delete_element") == [
        ("services", "10.96.0.10 . tcp . 80", "goto tcp_random_2"),
        ("tcp_endpoints", "10.96.0.10 . 80 . 0", "10.244.1.2 . 8080"),
        ("tcp_endpoints", "10.96.0.10 . 80 . 1", "10.244.1.3 . 8080"),
    ]


def test_an_element_is_explained_by_its_service() -> None:
    db = database()
    db.commit(insert=joined(service("web", "10.96.0.10"), endpoints("web", ["10.244.1.2"])))
    proof = str(db.why('element("tcp_endpoints", "10.96.0.10 . 80 . 0", "10.244.1.2 . 8080")'))
    assert 'array = ["10.244.1.2 . 8080"]' in proof
    assert "service_port(service/default/web" in proof
