"""Datagram flows that outlive their endpoint.

The kernel translates a flow as it did its first packet, for as long as packets come. A TCP connection to an endpoint
that is gone breaks and is opened anew; a client that sends datagrams from one port would talk to nobody for ever. So
when a UDP port loses an endpoint, the flows to others than the present ones are forgotten, and the next datagram is
translated afresh.
Source: kube-proxy, pkg/proxy/conntrack/cleanup.go.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pyroute2 import NetlinkError, NFCTSocket
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

from rulekube.actuators.nftables_table import Element

MAPS = ("udp_endpoints", "node_udp_endpoints")


class Frontend(NamedTuple):
    """Where clients send to; a port of the machine itself has the address ""."""

    address: str
    port: int


Endpoints = dict[Frontend, set[tuple[str, int]]]


def touched(elements: Iterable[Element], present: Mapping[tuple[str, str], str]) -> Endpoints:
    """The UDP ports that these elements were endpoints of, and the endpoints that each has now."""
    prefixes = {(element.map, element.key.rpartition(" . ")[0]) for element in elements if element.map in MAPS}
    return {frontend(prefix): set(endpoints(*prefix, present)) for prefix in prefixes}


def frontend(prefix: tuple[str, str]) -> Frontend:
    """`("udp_endpoints", "10.96.0.10 . 53")` → Frontend("10.96.0.10", 53)."""
    address, _, port = prefix[1].rpartition(" . ")
    return Frontend(address, int(port))


def endpoints(name: str, prefix: str, present: Mapping[tuple[str, str], str]) -> Iterable[tuple[str, int]]:
    """The endpoints numbered 0, 1, … in the map."""
    number = 0
    while value := present.get((name, f"{prefix} . {number}")):
        address, _, port = value.partition(" . ")
        yield address, int(port)
        number += 1


def forget(changed: Endpoints) -> int:
    """Forget the flows to these ports that lead elsewhere than to their endpoints; returns how many."""
    if not changed:
        return 0
    ports = {frontend.port for frontend in changed}
    datagrams = NFCTAttrTuple(proto=socket.IPPROTO_UDP, dport=ports.pop() if len(ports) == 1 else None)
    with NFCTSocket() as conntrack:
        flows = map(Flow.read, conntrack.dump(tuple_orig=datagrams))
        stale = [flow for flow in flows if flow is not None and flow.is_stale(changed)]
        for flow in stale:
            try:
                conntrack.entry("del", tuple_orig=flow.original)
            except NetlinkError as error:
                if error.code != errno.ENOENT:  # it has ended by itself
                    raise
    return len(stale)


class Flow(NamedTuple):
    """One entry of connection tracking: as the client sent it, and as the answer comes."""

    original: NFCTAttrTuple
    reply: NFCTAttrTuple

    @classmethod
    def read(cls, message: Any) -> Flow | None:
        """A UDP flow of a dump, None for any other."""
        original, reply = (
            NFCTAttrTuple.from_netlink(socket.AF_INET, message.get_attr(name))
            for name in ("CTA_TUPLE_ORIG", "CTA_TUPLE_REPLY")
        )
        return cls(original, reply) if original.proto == socket.IPPROTO_UDP else None

    def is_stale(self, changed: Endpoints) -> bool:
        """Whether it was sent to a changed port and is answered by none of its endpoints."""
        answerer = (self.reply.saddr, self.reply.sport)
        wanted = changed.get(Frontend(self.original.daddr, self.original.dport))
        if wanted is None and self.reply.saddr != self.original.daddr:  # translated: perhaps by a node port
            wanted = changed.get(Frontend("", self.original.dport))
        return wanted is not None and answerer not in wanted
