"""The cluster's one nftables table: its fixed layout, and the text of a change to its elements.

A packet to a Service takes two look-ups, whatever the number of Services. `services` maps (address, protocol, port) to
a chain that knows how many endpoints there are; that chain draws an index and asks `tcp_endpoints` for (address, port,
index). `node_ports` and `node_tcp_endpoints` do the same for ports of the machine itself. So a Service is a few
elements, and only the data change; the rules below never do. Chains such as `tcp_random_3` or `node_udp_client_3` are
made when the first element goes to them, one for each number of endpoints met. (Endpoints have a map for each protocol
because `dnat` to a port found in a map wants to know whose port it is.)

Each look-up sees the table before or after a transaction, but one packet may do its first look-up before and its second
after. Where the index it has drawn is gone by then, the chain falls back to the endpoint of index 0, which a Service
with endpoints always has. For the same reason `hairpin`, asked a hook later, holds every pod of the machine and not
just the endpoints of the moment.

What is still addressed to a Service after translation has no endpoint and is rejected there and then: it can
neither reach a later hook nor leave the machine.

The chain `layout_<digest>` is empty: its name tells whether a table found at start was built from this text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rulekube.errors import ActuatorError

MASQUERADE_MARK = "0x4000"  # the bit that kube-proxy uses for the same purpose

PROTOCOLS = ("tcp", "udp", "sctp")

ENDPOINT_MAPS = "\n".join(
    f"map {prefix}{protocol}_endpoints {{ "
    f"typeof {address}{protocol} dport . numgen random mod 2 : ip daddr . {protocol} dport; }}"
    for protocol in PROTOCOLS
    for prefix, address in (("", "ip daddr . "), ("node_", ""))
)

LAYOUT = """
map services { type ipv4_addr . inet_proto . inet_service : verdict; }
map node_ports { type inet_proto . inet_service : verdict; }
ENDPOINTS
set hairpin { type ipv4_addr . ipv4_addr; }
set service_ranges { type ipv4_addr; flags interval; }
set pod_ranges { type ipv4_addr; flags interval; }
chain translate {
  ip daddr @service_ranges ip saddr != @pod_ranges meta mark set meta mark | MARK
  ip daddr . meta l4proto . th dport vmap @services
  ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node_ports
}
chain prerouting { type nat hook prerouting priority -100; jump translate; }
chain output { type nat hook output priority -100; jump translate; }
chain unserved {
  ip protocol tcp reject with tcp reset
  reject with icmp type port-unreachable
}
chain guard_prerouting { type filter hook prerouting priority -99; ip daddr @service_ranges goto unserved; }
chain guard_output { type filter hook output priority -99; ip daddr @service_ranges goto unserved; }
chain postrouting { type nat hook postrouting priority 100;
  meta mark & MARK == MARK masquerade
  ct status dnat ip saddr . ip daddr @hairpin masquerade
  ip saddr @pod_ranges ip daddr != @pod_ranges ip daddr != 224.0.0.0/4 masquerade
}
""".replace("MARK", MASQUERADE_MARK).replace("ENDPOINTS", ENDPOINT_MAPS)

LAYOUT_CHAIN = "layout_" + hashlib.sha256(LAYOUT.encode()).hexdigest()[:8]

CHAIN_NAME = re.compile(r"(node_)?(tcp|udp|sctp)_(random|client)_([1-9][0-9]*)")
FIRST_INDEX = "numgen random mod 1"  # nft has no constant as a part of a key that is looked up
AFFINITY_SEED = "0x72756c65"  # any constant: the same on every machine, so that a client finds the same endpoint


class Element(NamedTuple):
    """One element, `Element("services", "10.96.0.1 . tcp . 80", "goto tcp_random_2")`; a set's has the value ""."""

    map: str
    key: str
    value: str


def create(table: str) -> str:
    """Commands that make the empty table, in place of one of that name if there is one."""
    return f"add table ip {table}\ndelete table ip {table}\ntable ip {table} {{{LAYOUT}chain {LAYOUT_CHAIN} {{ }}\n}}\n"


def delete(table: str) -> str:
    """Commands that remove the table, there or not."""
    return f"add table ip {table}\ndelete table ip {table}\n"


def change(table: str, gone: Iterable[Element], new: Iterable[Element]) -> str:
    """Commands that remove and add elements: one command a map, for a map takes many at once."""
    lines = [
        f"delete element ip {table} {name} {{ {', '.join(texts)} }}" for name, texts in grouped(gone, keys_only=True)
    ]
    lines += [f"add element ip {table} {name} {{ {', '.join(texts)} }}" for name, texts in grouped(new)]
    return "\n".join(lines) + "\n"


def grouped(elements: Iterable[Element], keys_only: bool = False) -> list[tuple[str, list[str]]]:
    """Elements by map, in order, as nft writes them."""
    texts: dict[str, list[str]] = {}
    for element in sorted(elements):
        value = "" if keys_only or not element.value else f" : {element.value}"
        texts.setdefault(element.map, []).append(element.key + value)
    return list(texts.items())


def chain(table: str, name: str) -> str:
    """Commands that make the chain choosing one of N endpoints, N being in its name."""
    match = CHAIN_NAME.fullmatch(name)
    if match is None:
        raise ActuatorError(
            f"no such chain: {name}; chains are named like tcp_random_3 or node_udp_client_3", temporary=False
        )
    on_node, protocol, choice, count = match.groups()
    index = f"numgen random mod {count}" if choice == "random" else f"jhash ip saddr mod {count} seed {AFFINITY_SEED}"
    key = f"{protocol} dport" if on_node else f"ip daddr . {protocol} dport"
    rules = [f"meta mark set meta mark | {MASQUERADE_MARK}"] if on_node else []
    rules += [f"dnat ip to {key} . {draw} map @{on_node or ''}{protocol}_endpoints" for draw in (index, FIRST_INDEX)]
    return "\n".join([f"add chain ip {table} {name}", *(f"add rule ip {table} {name} {rule}" for rule in rules)])


def target(element: Element) -> str | None:
    """The chain that an element's verdict goes to, or None."""
    return element.value.removeprefix("goto ") if element.value.startswith("goto ") else None


class Listing(NamedTuple):
    """What `nft -j list table` shows, as far as it matters here."""

    chains: frozenset[str]
    elements: frozenset[Element]


def read(objects: Iterable[Mapping[str, Any]]) -> Listing:
    """Chains and elements of a listed table."""
    chains: set[str] = set()
    elements: set[Element] = set()
    for entry in objects:
        if "chain" in entry:
            chains.add(entry["chain"]["name"])
        for kind in ("map", "set"):
            if kind in entry:
                elements.update(read_element(entry[kind]["name"], item) for item in entry[kind].get("elem", ()))
    return Listing(frozenset(chains), frozenset(elements))


def read_element(name: str, item: Any) -> Element:
    """An element as libnftables lists it: a map's is a pair of key and value, a set's is the key alone."""
    key, value = item if isinstance(item, list) else (item, "")
    return Element(name, text(key), text(value))


def text(term: Any) -> str:
    """A key or value of a listing in nft's own words."""
    match term:
        case {"concat": parts}:
            return " . ".join(text(part) for part in parts)
        case {"goto": {"target": name}}:
            return f"goto {name}"
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case _:
            return str(term)
