"""Which bridges, routes and switches the rules want of a machine."""

from __future__ import annotations

from rulekube.facts.addresses import bridge_name
from tests.rules.network.world import database, joined, node

N1, N2 = bridge_name("test", "n1"), bridge_name("test", "n2")


def test_each_node_of_this_machine_gets_a_bridge() -> None:
    db = database()
    assert db.facts("create_bridge") == [(N1, "10.244.1.1/24")]
    assert db.facts("add_route") == []  # not before the bridge is there
    db.commit(insert={"bridge_present": [(N1, "10.244.1.1/24")]})
    assert db.facts("create_bridge") == []
    assert db.facts("add_route") == [("10.96.0.0/16", f"dev {N1}")]
    db.commit(insert={"route_present": [("10.96.0.0/16", f"dev {N1}")]})
    assert db.facts("add_route") == []


def test_a_bridge_goes_with_its_node_and_the_route_moves_on() -> None:
    db = database()
    db.commit(insert=joined({"local_node": [("n2",)]}, node("n2", "10.244.2.0/24", "192.0.2.1")))
    db.commit(insert={"bridge_present": [(N1, "10.244.1.1/24"), (N2, "10.244.2.1/24")]})
    db.commit(insert={"route_present": [("10.96.0.0/16", f"dev {N1}")]})
    db.commit(retract={"local_node": [("n1",)]})
    assert db.facts("delete_bridge") == [(N1,)]
    assert db.facts("add_route") == [("10.244.1.0/24", "via 192.0.2.1"), ("10.96.0.0/16", f"dev {N2}")]
    assert db.facts("delete_route") == []  # the new one takes the old one's place


def test_pods_of_other_machines_are_reached_by_their_nodes_address() -> None:
    db = database()
    other = node("far", "10.244.9.0/24", "192.0.2.9")
    db.commit(insert=other)
    assert db.facts("add_route") == [("10.244.9.0/24", "via 192.0.2.9")]
    db.commit(insert={"route_present": [("10.244.9.0/24", "via 192.0.2.9")]})
    db.commit(retract=other)
    assert db.facts("delete_route") == [("10.244.9.0/24", "via 192.0.2.9")]


def test_a_node_whose_range_is_no_range_gets_no_bridge() -> None:
    db = database()
    db.commit(insert=joined({"local_node": [("n2",)]}, node("n2", "10.244.2.0", "192.0.2.1")))
    assert N2 not in [name for name, _ in db.facts("create_bridge")]


def test_forwarding_is_switched_on_where_it_is_off() -> None:
    db = database()
    db.commit(insert={"sysctl_value": [("net.ipv4.ip_forward", 0)]})
    assert db.facts("set_sysctl") == [("net.ipv4.ip_forward", 1)]
    db.commit(
        insert={"sysctl_value": [("net.ipv4.ip_forward", 1)]}, retract={"sysctl_value": [("net.ipv4.ip_forward", 0)]}
    )
    assert db.facts("set_sysctl") == []
