"""Which addresses and ports Services are given, keep and lose."""

from __future__ import annotations

from typing import Any

from rulekube.facts import resources
from rulekube.facts.operation import Caller


def service(name: str = "s", ports: Any = ((80, 0),), **spec: Any) -> dict[str, Any]:
    listed = [
        {"name": f"p{port}", "port": port, **({"nodePort": node_port} if node_port else {})}
        for port, node_port in ports
    ]
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": listed, **spec}}


def node_ports(raw: dict[str, Any]) -> list[int | None]:
    return [port.get("nodePort") for port in raw["spec"]["ports"]]


def changed(raw: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The Service with other fields; one that is None is left out."""
    merged = {**raw["spec"], **spec}
    return {**raw, "spec": {key: value for key, value in merged.items() if value is not None}}


def test_a_service_gets_the_first_address_of_the_upper_band(door: Any) -> None:
    first, second = door.create(service("a")), door.create(service("b"))
    assert (first["spec"]["clusterIP"], first["spec"]["clusterIPs"]) == ("10.96.1.1", ["10.96.1.1"])
    assert (first["spec"]["ipFamilies"], first["spec"]["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert second["spec"]["clusterIP"] == "10.96.1.2"
    assert node_ports(first) == [None]


def test_a_service_has_the_recorded_fields(door: Any, recorded: Any) -> None:
    fields = door.create(recorded["default-service"]["sent"])["spec"]
    stored = recorded["default-service"]["stored"]["spec"]
    assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} <= set(fields) & set(stored)
    assert [fields[name] == stored[name] for name in ("ipFamilies", "ipFamilyPolicy")] == [True, True]


def test_a_deleted_service_gives_its_address_and_ports_back(door: Any) -> None:
    first = door.create(service("a", type="NodePort"))
    door.create(service("b", type="NodePort"))
    door.cluster.delete(first)
    again = door.create(service("c", type="NodePort"))
    assert (again["spec"]["clusterIP"], node_ports(again)) == (first["spec"]["clusterIP"], node_ports(first))


def test_an_address_asked_for_is_given_once(door: Any) -> None:
    assert door.create(service("a", clusterIP="10.96.0.10"))["spec"]["clusterIPs"] == ["10.96.0.10"]
    ((field, kind, value, detail),) = door.judge("CREATE", service("b", clusterIP="10.96.0.10")).invalid
    assert (field, kind, value) == ("spec.clusterIPs", "FieldValueInvalid", ["10.96.0.10"])
    assert detail == "failed to allocate IP 10.96.0.10: provided IP is already allocated"


def test_an_address_outside_the_range_is_refused(door: Any) -> None:
    for address in ("10.97.0.1", "10.96.0.0", "10.96.255.255"):
        ((_, _, _, detail),) = door.judge("CREATE", service(clusterIP=address)).invalid
        assert detail == f"failed to allocate IP {address}: the provided network does not match the current range"


def test_headless_and_external_services_take_no_address(door: Any) -> None:
    assert door.create(service("a", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]
    external = door.create(service("b", (), type="ExternalName", externalName="x.example"))
    assert "clusterIP" not in external["spec"] and "ipFamilies" not in external["spec"]
    assert door.create(service("c"))["spec"]["clusterIP"] == "10.96.1.1"


def test_every_port_gets_a_node_port_of_its_own(door: Any) -> None:
    made = door.create(service("a", ((80, 0), (81, 0), (82, 30086)), type="NodePort"))
    assert node_ports(made) == [30087, 30088, 30086]
    assert node_ports(door.create(service("b", ((80, 0), (81, 0)), type="LoadBalancer"))) == [30089, 30090]


def test_ports_of_one_number_share_a_node_port(door: Any) -> None:
    raw = service("dns", (), type="NodePort")
    raw["spec"]["ports"] = [{"name": p, "port": 53, "protocol": p.upper()} for p in ("tcp", "udp")]
    assert node_ports(door.create(raw)) == [30086, 30086]
    raw["metadata"]["name"], raw["spec"]["ports"][1]["nodePort"] = "dns2", 30053
    assert node_ports(door.create(raw)) == [30053, 30053]


def test_a_node_port_asked_for_is_given_once(door: Any) -> None:
    assert node_ports(door.create(service("a", ((80, 30001),), type="NodePort"))) == [30001]
    answer = door.judge("CREATE", service("b", ((80, 0), (81, 30001)), type="NodePort"))
    assert answer.invalid == [
        ("spec.ports[1].nodePort", "FieldValueInvalid", 30001, "provided port is already allocated")
    ]


def test_a_node_port_outside_the_range_is_refused_in_kubernetes_words(door: Any) -> None:
    answer = door.judge("CREATE", service("a", ((80, 3001),), type="NodePort"))
    text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
    assert answer.invalid == [("spec.ports[0].nodePort", "FieldValueInvalid", 3001, text)]


def test_an_update_keeps_what_it_leaves_out(door: Any) -> None:
    made = door.create(service("a", ((80, 0), (81, 0)), type="NodePort"))
    bare = service("a", ((81, 0), (80, 0), (82, 0)), type="NodePort", selector={"x": "y"})
    kept = door.update(bare)
    assert kept["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert kept["spec"]["clusterIPs"] == made["spec"]["clusterIPs"]
    assert node_ports(kept) == [30087, 30086, 30088]


def test_an_update_may_repeat_its_own(door: Any) -> None:
    made = door.create(service("a", type="NodePort"))
    assert door.judge("UPDATE", made, made).allowed


def test_a_change_of_type_takes_and_gives_back(door: Any) -> None:
    plain = door.create(service("a"))
    reached = door.update(changed(plain, type="NodePort"))
    assert node_ports(reached) == [30086]
    back = door.update(changed(reached, type="ClusterIP"))
    assert node_ports(back) == [None]
    assert back["spec"]["clusterIP"] == plain["spec"]["clusterIP"]
    named = door.update(changed(back, type="ExternalName", externalName="x.example"))
    assert not {"clusterIP", "clusterIPs"} & set(named["spec"])
    assert door.create(service("b"))["spec"]["clusterIP"] == plain["spec"]["clusterIP"]


def test_a_load_balancer_may_do_without_node_ports(door: Any) -> None:
    made = door.create(service("a", type="LoadBalancer", allocateLoadBalancerNodePorts=False))
    assert node_ports(made) == [None]


def test_a_service_that_is_only_tried_is_told_the_networks_own_address(door: Any) -> None:
    tried = Caller(dry_run=True)
    for _ in range(2):
        found = door.writer.create(resources.row("services"), "shop", service(), tried).object
        assert found["spec"]["clusterIP"] == "10.96.0.0"
    assert door.create(service())["spec"]["clusterIP"] == "10.96.1.1"


def test_what_only_a_load_balancer_has_goes_with_the_type(door: Any) -> None:
    made = door.create(service("a", type="LoadBalancer", loadBalancerClass="x.example/lb"))
    assert {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "loadBalancerClass"} <= set(made["spec"])
    reached = door.update(changed(made, type="NodePort"))
    assert "externalTrafficPolicy" in reached["spec"]
    assert not {"allocateLoadBalancerNodePorts", "loadBalancerClass"} & set(reached["spec"])
    assert "externalTrafficPolicy" not in door.update(changed(reached, type="ClusterIP"))["spec"]
