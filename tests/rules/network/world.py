"""Facts of a small world for the network rules: Services and their slices, nodes and pods, written in a line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rulekube.engine import Database, Ref
from rulekube.facts.functions import FUNCTIONS
from rulekube.rules import NETWORK, paths

Facts = dict[str, list[tuple[Any, ...]]]
SETTINGS: Facts = {
    "setting": [
        ("cluster-name", "test"),
        ("cluster-cidr", "10.244.0.0/16"),
        ("service-cluster-ip-range", "10.96.0.0/16"),
    ]
}


def database() -> Database:
    """The network pack, with the cluster's settings and the node n1 of this machine."""
    db = Database.from_files(paths(NETWORK), functions=FUNCTIONS)
    db.commit(insert=joined(SETTINGS, {"local_node": [("n1",)]}, node("n1", "10.244.1.0/24", "192.0.2.1")))
    return db


def joined(*parts: Facts) -> Facts:
    """All facts of the parts."""
    together: Facts = {}
    for part in parts:
        for relation, facts in part.items():
            together.setdefault(relation, []).extend(facts)
    return together


def node(name: str, cidr: str, address: str) -> Facts:
    """A node with a pod range and an internal address."""
    ref = Ref(f"node/{name}", f"uid-{name}")
    return {
        "node": [(ref, name)],
        "node_pod_cidr": [(ref, cidr)],
        "node_address": [(ref, 0, "Hostname", name), (ref, 1, "InternalIP", address)],
    }


def service(
    name: str,
    ip: str,
    ports: Iterable[tuple[str, int, str, int]] = (("", 80, "TCP", 0),),
    affinity: str = "None",
) -> Facts:
    """A Service; a port is (name, port, protocol, node port)."""
    ref = Ref(f"service/default/{name}", f"uid-{name}")
    return {
        "service": [(ref, "default", name, f"uid-{name}")],
        "service_cluster_ip": [(ref, ip)],
        "service_session_affinity": [(ref, affinity)],
        "service_port": [
            (ref, index, port_name, port, protocol, None, node_port, "")
            for index, (port_name, port, protocol, node_port) in enumerate(ports)
        ],
    }


def endpoints(
    service: str,
    addresses: Iterable[str],
    ports: Iterable[tuple[str, int, str]] = (("", 8080, "TCP"),),
    state: tuple[bool, bool, bool] = (True, True, False),
    name: str = "a",
) -> Facts:
    """A slice of a Service whose endpoints are all ready, serving, terminating as `state` says."""
    ref = Ref(f"endpointslice/default/{service}-{name}", f"uid-{service}-{name}")
    addresses = list(addresses)
    return {
        "slice": [(ref, "default", f"{service}-{name}", "IPv4")],
        "label": [(ref, "kubernetes.io/service-name", service)],
        "slice_port": [(ref, index, *port) for index, port in enumerate(ports)],
        "slice_endpoint": [(ref, index, *state, "n1", "") for index in range(len(addresses))],
        "slice_address": [(ref, index, 0, address) for index, address in enumerate(addresses)],
    }


def pod(name: str, node: str, ip: str, host_network: bool = False) -> Facts:
    """A pod with an address on a node."""
    ref = Ref(f"pod/default/{name}", f"uid-{name}")
    return {"pod_node": [(ref, node)], "pod_ip": [(ref, ip)], "pod_host_network": [(ref, host_network)]}
