"""Names and addresses of a cluster's network on one machine: pure functions of the cluster's and the node's names.

The rules, the network actuators and whoever plugs pods in all ask here, so that they agree without talking.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re

TAG_DIGITS = 5  # of hexadecimal; 20 bits tell apart the few clusters that may share a machine
SHORT_NAME = re.compile(r"[a-z0-9.-]{1,7}")


def cluster_tag(cluster: str) -> str:
    """Five hexadecimal digits that mark everything a cluster makes on a machine."""
    return hashlib.sha256(cluster.encode()).hexdigest()[:TAG_DIGITS]


def table_name(cluster: str) -> str:
    """The name of the cluster's nftables table, such as `rulekube_3fa21`."""
    return f"rulekube_{cluster_tag(cluster)}"


def bridge_prefix(cluster: str) -> str:
    """How the names of the cluster's bridges begin, such as `rk3fa21-`."""
    return f"rk{cluster_tag(cluster)}-"


def bridge_name(cluster: str, node: str) -> str:
    """The bridge that a node's pods are plugged into, such as `rk3fa21-n1`: at most 15 characters, Linux' limit.

    A node's name of more than seven characters is replaced by six digits of its hash behind an `H`, a letter that no
    name of a node contains.
    """
    if SHORT_NAME.fullmatch(node):
        return bridge_prefix(cluster) + node
    return bridge_prefix(cluster) + "H" + hashlib.sha256(node.encode()).hexdigest()[:6]


def gateway(cidr: str) -> str:
    """The first address of a node's pod range, which is its bridge's: `10.244.1.0/24` → `10.244.1.1`."""
    return str(ipaddress.IPv4Network(cidr)[1])


def hardware_address(address: str) -> str:
    """The hardware address of whoever has this address on a bridge: `10.244.1.3` → `0a:58:0a:f4:01:03`.

    Neighbours remember it for minutes; derived from the address, it stays right when another pod gets the address.
    """
    return "0a:58:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)


def gateway_interface(cidr: str) -> str:
    """The same with the length of its prefix, as an interface bears it: `10.244.1.0/24` → `10.244.1.1/24`."""
    return f"{gateway(cidr)}/{ipaddress.IPv4Network(cidr).prefixlen}"
