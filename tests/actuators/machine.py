"""A pretend machine: a network namespace with pods plugged into its bridges, and a router that sees what leaves it.

    pod ── veth ── bridge ─┐
    pod ── veth ── bridge ─┤ machine ── eth0 ── upstream (default route; counts what arrives for the Services' range)

Sockets are opened by a thread that has entered the namespace, so servers and clients are threads of the test, not
processes. Every namespace bears this process' id and is removed by `close`.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

T = TypeVar("T")

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = itertools.count()
SERVICE_RANGE = "10.96.0.0/16"
UPSTREAM = "192.0.2.254"


def is_capable() -> bool:
    """Whether network namespaces can be made here and nftables answers in them."""
    try:
        attempt = subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return attempt.returncode == 0


CAPABLE = pytest.mark.skipif(
    not is_capable(), reason="needs root, network namespaces and nftables (Debian: nftables, iproute2)"
)
MARKS = [pytest.mark.nft, pytest.mark.slow, CAPABLE]


def inside(namespace: str, function: Callable[[], T]) -> T:
    """Run `function` in a thread that has entered the namespace."""

    def enter() -> None:
        descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            if LIBC.setns(descriptor, 0) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        finally:
            os.close(descriptor)

    with ThreadPoolExecutor(1, initializer=enter) as executor:
        return executor.submit(function).result()


def ip(*lines: str, namespace: str | None = None) -> None:
    """Run lines of ip(8), all in one process."""
    arguments = ["ip", *(["-n", namespace] if namespace else []), "-batch", "-"]
    subprocess.run(arguments, input="\n".join(lines), text=True, check=True, capture_output=True)


class Server:
    """Answers each TCP connection, or each UDP datagram, with its own name and the peer's address, `name 10.0.0.1`."""

    def __init__(self, name: str, namespace: str, port: int, protocol: str = "tcp") -> None:
        self._name = name
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        self._socket = inside(namespace, lambda: socket.socket(socket.AF_INET, kind))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("0.0.0.0", port))
        if protocol == "tcp":
            self._socket.listen(128)
        self._thread = threading.Thread(target=self._serve_tcp if protocol == "tcp" else self._serve_udp)
        self._thread.start()

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.sendall(f"{self._name} {peer[0]}".encode())

    def _serve_udp(self) -> None:
        while True:
            try:
                _, peer = self._socket.recvfrom(100)
                if peer is None:  # woken by the shutdown
                    return
                self._socket.sendto(f"{self._name} {peer[0]}".encode(), peer)
            except OSError:
                return

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a datagram socket has no peer, and wakes its reader all the same
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


class Machine:
    """The machine, its pods and its upstream router."""

    def __init__(self) -> None:
        self.namespace = f"rkt{os.getpid()}-{next(NUMBERS)}"
        self.path = f"/run/netns/{self.namespace}"
        self.upstream = f"{self.namespace}-up"
        self._namespaces: list[str] = []
        self._servers: list[Server] = []
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        for name in (self.namespace, self.upstream):
            self._add_namespace(name)
        ip(
            f"link add eth0 type veth peer name eth0 netns {self.upstream}",
            "addr add 192.0.2.1/24 dev eth0",
            "link set eth0 up",
            f"route add default via {UPSTREAM}",
            namespace=self.namespace,
        )
        ip(f"addr add {UPSTREAM}/24 dev eth0", "link set eth0 up", namespace=self.upstream)
        self.nft(
            "table ip watch {\ncounter leaked { }\nchain seen { type filter hook prerouting priority -300;\n"
            f'ip daddr {SERVICE_RANGE} counter name "leaked"\n}}\n}}',
            namespace=self.upstream,
        )

    def _add_namespace(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._namespaces.append(name)
        ip("link set lo up", namespace=name)

    def bridge(self, name: str, address: str) -> None:
        """A bridge as the routes actuator makes it."""
        ip(
            f"link add {name} type bridge nf_call_iptables 1",
            f"addr add {address} dev {name}",
            f"link set {name} up",
            namespace=self.namespace,
        )
        self.sysctl("net/ipv4/ip_forward", "1")

    def sysctl(self, name: str, value: str | None = None) -> str:
        """Read a kernel switch of the machine, after setting it where a value is given."""

        def access() -> str:
            if value is not None:
                with open(f"/proc/sys/{name}", "w") as file:
                    file.write(value)
            with open(f"/proc/sys/{name}") as file:
                return file.read().strip()

        return inside(self.namespace, access)

    def pod(self, name: str, bridge: str, address: str, routed: bool = False) -> str:
        """A pod plugged into a bridge, as docs/network.md asks; `routed` gives it its address as a /32."""
        namespace = f"{self.namespace}-{name}"
        self._add_namespace(namespace)
        gateway = address.rsplit(".", 1)[0] + ".1"
        ip(
            f"link add v{name} type veth peer name eth0 netns {namespace}",
            f"link set v{name} master {bridge} up",
            f"link set v{name} type bridge_slave hairpin on",
            namespace=self.namespace,
        )
        routes = (f"route add {gateway} dev eth0 scope link",) if routed else ()
        ip(
            f"addr add {address}/{32 if routed else 24} dev eth0",
            "link set eth0 up",
            *routes,
            f"route add default via {gateway}",
            namespace=namespace,
        )
        return namespace

    def serve(self, name: str, namespace: str, port: int, protocol: str = "tcp") -> Server:
        """A server that ends with the machine."""
        server = Server(name, namespace, port, protocol)
        self._servers.append(server)
        return server

    def nft(self, commands: str, namespace: str | None = None) -> str:
        """Run nft in the machine, or in another namespace."""
        path = f"/run/netns/{namespace or self.namespace}"
        done = subprocess.run(
            ["nsenter", f"--net={path}", "nft", "-f", "-"], input=commands, text=True, check=True, capture_output=True
        )
        return done.stdout

    def leaked(self) -> int:
        """How many packets for the Services' range have reached the upstream router."""
        listing = self.nft("list counter ip watch leaked", namespace=self.upstream)
        return int(listing.split("packets ")[1].split()[0])

    def close(self) -> None:
        """End the servers and remove the namespaces."""
        for server in self._servers:
            server.close()
        for name in reversed(self._namespaces):
            subprocess.run(["ip", "netns", "del", name], check=True)


def ask(
    namespace: str, address: str, port: int, protocol: str = "tcp", timeout: float = 3.0, count: int = 1
) -> list[str]:
    """What answers `count` connections from the namespace; raises OSError like a client of its own would see."""

    def once() -> str:
        if protocol == "tcp":
            with socket.create_connection((address, port), timeout) as connection:
                return connection.recv(100).decode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.settimeout(timeout)
            datagram.connect((address, port))
            datagram.send(b"?")
            return datagram.recv(100).decode()

    return inside(namespace, lambda: [once() for _ in range(count)])


def ping(namespace: str, address: str) -> None:
    """Send one ICMP echo request, and wait for nothing; the machine may refuse it to itself."""
    echo = b"\x08\x00\xf7\xff\x00\x00\x00\x00"  # type, code, checksum, identifier, sequence

    def send() -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw,
            contextlib.suppress(PermissionError),
        ):
            raw.sendto(echo, (address, 0))

    inside(namespace, send)
