"""Links, addresses, routes and switches as the kernel has them, through pyroute2. Everything here is idempotent.

A route's target is written `dev BRIDGE` or `via ADDRESS`. Runs in the thread that made it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute, NetlinkError

from rulekube.errors import ActuatorError
from rulekube.facts.addresses import bridge_prefix, cluster_tag, hardware_address

PROTOCOL = 77  # of our routes, `ip route show proto 77`
METRICS = 1 << 20  # the cluster's metric lies above this, where no other program puts its routes
LINK_SCOPE = 253  # reached without a gateway
ANY_SCOPE = 255  # of a route to be deleted

RUNTIME_FOLDER = Path("/run/rulekube")

# Kernel switches that rules may ask for. Each is observed where its file exists.
SYSCTLS = ("net.ipv4.ip_forward",)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the kernel's refusal into an ActuatorError with its words. Used as a decorator."""
    try:
        yield
    except NetlinkError as error:
        raise ActuatorError(str(error.args[-1])) from error


def metric(cluster: str) -> int:
    """What the cluster's routes are told by."""
    return METRICS + int(cluster_tag(cluster), 16)


class Kernel:
    """The cluster's bridges and routes in the kernel."""

    def __init__(self, cluster: str) -> None:
        self._prefix = bridge_prefix(cluster)
        self._metric = metric(cluster)
        self._netlink = IPRoute()

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    @refusals()
    def bridges(self) -> list[tuple[str, str]]:
        """(name, address/length) of our bridges that are up; one without an address has ""."""
        addresses = {
            message["index"]: f"{message.get('address')}/{message['prefixlen']}"
            for message in self._netlink.get_addr(family=2)
        }
        return [(name, addresses.get(index, "")) for name, index, is_up in self._links() if is_up]

    @refusals()
    def set_bridge(self, name: str, address: str) -> None:
        """Make the bridge, or give the one that is there this one address, and set it up.

        Its hardware address is derived from its own address: else the bridge would take the lowest of its ports', and
        pods would remember one that is gone. `nf_call_iptables` lets replies within the bridge pass connection
        tracking, as the sysctl bridge-nf-call-iptables would for every bridge of the machine.
        """
        index = self._index(name)
        if index is None:
            hardware = hardware_address(address.partition("/")[0])
            self._netlink.link("add", ifname=name, kind="bridge", address=hardware, br_nf_call_iptables=1)
            index = self._index(name)
        self._set_address(index, address)
        self._netlink.link("set", index=index, state="up")

    @refusals()
    def delete_bridge(self, name: str) -> None:
        """Remove the bridge; whatever is plugged in stays without it."""
        index = self._index(name)
        if index is not None:
            self._netlink.link("del", index=index)

    @refusals()
    def routes(self) -> list[tuple[str, str]]:
        """(destination, target) of our routes."""
        names = {index: name for name, index, _ in self._links()}
        found = []
        for message in self._netlink.get_routes(family=2, proto=PROTOCOL):
            if message.get("priority") == self._metric:
                via, device = message.get("gateway"), message.get("oif")
                target = f"via {via}" if via else f"dev {names.get(device, device)}"
                found.append((f"{message.get('dst')}/{message['dst_len']}", target))
        return found

    @refusals()
    def set_route(self, destination: str, target: str) -> None:
        """Make the route, or turn the one to this destination to another target."""
        self._netlink.route("replace", dst=destination, proto=PROTOCOL, priority=self._metric, **self._target(target))

    @refusals()
    def delete_route(self, destination: str, target: str) -> None:
        """Remove the route if it is there."""
        if (destination, target) in self.routes():
            self._netlink.route("del", dst=destination, proto=PROTOCOL, priority=self._metric, scope=ANY_SCOPE)

    def _links(self) -> list[tuple[str, int, bool]]:
        found = []
        for message in self._netlink.get_links(kind="bridge"):
            name = message.get("ifname")
            if name.startswith(self._prefix):
                found.append((name, message["index"], bool(message["flags"] & 1)))
        return found

    def _index(self, name: str) -> int | None:
        found = self._netlink.link_lookup(ifname=name)
        return found[0] if found else None

    def _set_address(self, index: int | None, address: str) -> None:
        interface = ipaddress.IPv4Interface(address)
        wanted = (str(interface.ip), interface.network.prefixlen)
        for message in self._netlink.get_addr(family=2, index=index):
            there = (message.get("address"), message["prefixlen"])
            if there == wanted:
                return
            self._netlink.addr("del", index=index, address=there[0], prefixlen=there[1])
        self._netlink.addr("add", index=index, address=wanted[0], prefixlen=wanted[1])

    def _target(self, target: str) -> dict[str, int | str]:
        kind, _, name = target.partition(" ")
        if kind == "via":
            return {"gateway": name}
        index = self._index(name)
        if index is None:
            raise NetlinkError(errno.ENODEV, f"there is no device {name} yet")
        return {"oif": index, "scope": LINK_SCOPE}


def read_sysctls() -> dict[str, int]:
    """The switches of this thread's network namespace."""
    return {name: int(path.read_text()) for name in SYSCTLS if (path := sysctl_path(name)).exists()}


def remember_sysctls(cluster: str) -> None:
    """Note the switches as they are, unless a predecessor that has crashed noted how it found them."""
    path = memory(cluster)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name} = {value}\n" for name, value in sorted(read_sysctls().items())))


def restore_sysctls(cluster: str) -> None:
    """Put the switches back to what was noted, and forget it."""
    path = memory(cluster)
    if not path.exists():
        return
    now = read_sysctls()
    for line in path.read_text().splitlines():
        name, _, value = line.partition(" = ")
        if now.get(name) != int(value):
            write_sysctl(name, int(value))
    path.unlink()


def memory(cluster: str) -> Path:
    """The file of the notes, for this thread's network namespace; gone after a reboot, as the switches are."""
    return RUNTIME_FOLDER / f"{cluster_tag(cluster)}-{os.stat('/proc/thread-self/ns/net').st_ino}.sysctl"


def write_sysctl(name: str, value: int) -> None:
    """Set a switch."""
    try:
        sysctl_path(name).write_text(str(value))
    except OSError as error:
        raise ActuatorError(f"{name} cannot be set to {value}: {error.strerror}; is this process root?") from error


def sysctl_path(name: str) -> Path:
    """`net.ipv4.ip_forward` → `/proc/sys/net/ipv4/ip_forward`."""
    return Path("/proc/sys").joinpath(*name.split("."))
