"""Plugs a sandbox into the node's bridge: a veth pair, one end in the sandbox's network namespace as eth0.

The host's end is named by the sandbox's id, so plugging twice makes one link. It joins the bridge as the last
step: a link with a master is a finished plug, anything else is made anew. The kernel removes the pair with the
sandbox's namespace. The bridge itself, its address and its routes belong to the routes actuator.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from rulekube.errors import ActuatorError
from rulekube.facts.addresses import hardware_address

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Plug:
    """Where a sandbox goes: `address`/`prefix` on `bridge`, with `gateway` as the way out."""

    bridge: str
    address: str
    prefix: int
    gateway: str


def link_name(sandbox: str) -> str:
    """The host's end of a sandbox's link, at most 15 characters as the kernel wants."""
    return f"rkv{sandbox[:12]}"


def is_plugged(link: str) -> bool:
    """Whether a finished plug of this name exists."""
    return Path(f"/sys/class/net/{link}/master").exists()


def plug(pid: int, link: str, where: Plug) -> None:
    """Give the network namespace of process `pid` its eth0. Raises ActuatorError."""
    if is_plugged(link):
        return
    try:
        with IPRoute() as host:
            bridges = host.link_lookup(ifname=where.bridge)
            if not bridges:
                raise ActuatorError(f"bridge {where.bridge} is not there yet")
            for stale in host.link_lookup(ifname=link):
                host.link("del", index=stale)
            host.link("add", ifname=link, kind="veth", peer={"ifname": "eth0", "net_ns_pid": pid})
            _configure(pid, where)
            index = host.link_lookup(ifname=link)[0]
            host.link("set", index=index, state="up", master=bridges[0])
            host.brport("set", index=index, mode=1)  # hairpin: a pod may reach itself through a Service
    except (NetlinkError, OSError) as error:
        raise ActuatorError(f"cannot plug {link} into {where.bridge}: {error}") from error


def _configure(pid: int, where: Plug) -> None:
    """Set addresses and routes inside, from a thread of its own: entering a namespace moves the thread for good."""
    with ThreadPoolExecutor(1, thread_name_prefix="veth") as visitor:
        visitor.submit(_configure_here, pid, where).result()


def _configure_here(pid: int, where: Plug) -> None:
    with open(f"/proc/{pid}/ns/net") as namespace:
        if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace of process {pid}")
    with IPRoute() as inside:
        loopback = inside.link_lookup(ifname="lo")[0]
        inside.link("set", index=loopback, state="up")
        index = inside.link_lookup(ifname="eth0")[0]
        inside.link("set", index=index, address=hardware_address(where.address))
        inside.addr("add", index=index, address=where.address, prefixlen=where.prefix)
        inside.link("set", index=index, state="up")
        inside.route("add", dst="default", gateway=where.gateway)
