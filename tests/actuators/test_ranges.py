"""Address ranges in use: read from a pretend machine's kernel, and refused where a cluster would get in the way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from rulekube.actuators.ranges import Used, in_use, refuse_overlaps
from rulekube.actuators.routes_kernel import PROTOCOL, metric
from rulekube.errors import SetupError
from rulekube.facts.addresses import bridge_name
from tests.actuators.machine import MARKS, Machine, ip

DEFAULTS = {"--pod-cidr": "10.244.0.0/16", "--service-cidr": "10.96.0.0/16"}


def used(cidr: str, link: str, kind: str = "link") -> Used:
    return Used(ipaddress.IPv4Network(cidr), link, kind)


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.close()


def test_neighbours_do_not_matter() -> None:
    refuse_overlaps(DEFAULTS, [used("10.243.0.0/16", "eth0"), used("10.245.0.0/16", "eth0", "route")])


def test_another_cluster_is_named_with_the_flags_to_give() -> None:
    other = [
        used("10.96.0.0/16", "rkc6f98-n1", "route"),
        used("10.244.1.0/24", "rkc6f98-n1"),
        used("10.245.3.0/24", "eth0"),
    ]
    with pytest.raises(SetupError) as caught:
        refuse_overlaps(DEFAULTS, other)
    assert str(caught.value) == (
        "--pod-cidr 10.244.0.0/16 cannot be used: link rkc6f98-n1, of another RuleKube cluster, has 10.244.1.0/24; "
        "--service-cidr 10.96.0.0/16 cannot be used: a route by link rkc6f98-n1, of another RuleKube cluster, leads "
        "to 10.96.0.0/16. Start with --pod-cidr 10.246.0.0/16 --service-cidr 10.97.0.0/16"
    )


def test_a_wider_range_of_the_machine_is_refused_where_nothing_is_left_to_propose() -> None:
    with pytest.raises(SetupError, match=r"a route leads to 10.0.0.0/8. Choose others with --pod-cidr and --service-"):
        refuse_overlaps(DEFAULTS, [used("10.0.0.0/8", "", "route")])


def test_the_two_ranges_must_not_overlap() -> None:
    with pytest.raises(SetupError, match=r"overlap. Start with --pod-cidr 10.244.0.0/16$"):
        refuse_overlaps({"--pod-cidr": "10.96.0.0/12", "--service-cidr": "10.96.0.0/16"}, [])


class TestKernel:
    pytestmark = MARKS

    def test_addresses_and_routes_are_in_use_but_the_clusters_own_are_not(self, machine: Machine) -> None:
        before = in_use("test", machine.path)
        own, other = bridge_name("test", "n1"), bridge_name("other", "n1")
        ip(
            f"link add {own} type bridge",
            f"addr add 10.244.1.1/24 dev {own}",
            f"link set {own} up",
            f"route add 10.96.0.0/16 dev {own}",
            f"link add {other} type bridge",
            f"addr add 10.250.1.1/24 dev {other}",
            f"link set {other} up",
            f"route add 10.97.0.0/16 dev {other}",
            f"route add 10.98.0.0/16 via 10.250.1.9 proto {PROTOCOL} metric {metric('test')}",
            "route add blackhole 10.99.0.0/16",
            namespace=machine.namespace,
        )
        assert sorted(set(in_use("test", machine.path)) - set(before)) == [
            used("10.97.0.0/16", other, "route"),
            used("10.99.0.0/16", "", "route"),
            used("10.250.1.0/24", other, "link"),
            used("10.250.1.0/24", other, "route"),
        ]
        assert not [one for one in before if one.range.prefixlen == 0]
