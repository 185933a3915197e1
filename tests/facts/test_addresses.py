"""Names and addresses of a cluster's network."""

from __future__ import annotations

import pytest

from rulekube.engine import NO_VALUE
from rulekube.facts import addresses, functions


@pytest.mark.parametrize("node", ["n1", "node-a1", "node-a2-with-a-long-name", "n" * 63, "a.b.example.org"])
def test_a_bridges_name_fits_linux_and_tells_cluster_and_node(node: str) -> None:
    name = addresses.bridge_name("shop", node)
    assert len(name) <= 15
    assert name.startswith(addresses.bridge_prefix("shop"))
    assert name != addresses.bridge_name("other", node)
    assert name != addresses.bridge_name("shop", node + "x")


def test_a_short_name_is_kept_and_a_long_one_cannot_be_mistaken_for_it() -> None:
    assert addresses.bridge_name("shop", "n1") == addresses.bridge_prefix("shop") + "n1"
    assert addresses.bridge_name("shop", "a-long-name").removeprefix(addresses.bridge_prefix("shop"))[0] == "H"


def test_the_gateway_is_the_first_address_of_the_range() -> None:
    assert addresses.gateway("10.244.1.0/24") == "10.244.1.1"
    assert addresses.gateway_interface("10.244.1.0/24") == "10.244.1.1/24"


@pytest.mark.parametrize("cidr", ["", "10.244.1.0", "10.244.1.7/24", "fd00::/64", "nonsense"])
def test_what_is_no_range_has_no_gateway_for_rules(cidr: str) -> None:
    assert functions.gateway_interface(cidr) is NO_VALUE
