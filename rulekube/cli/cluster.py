"""Assembles a running cluster: the store, the one door, the rules, the API server, and the agents of its nodes.

`Cluster` is the control plane. `run` adds what carries pods and Services on this machine (`machine.py`), prints how to
reach the cluster, and ends everything on SIGINT or SIGTERM in the order opposite to its start.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import signal
import socket
import ssl
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import click
import uvloop
from aiohttp import web

from rulekube import rules
from rulekube.actuators.objects import Objects
from rulekube.api import authn
from rulekube.api.app import COMMITTER, create_app
from rulekube.api.brain import ClusterBrain
from rulekube.cli import certificates
from rulekube.cli.carrier import Carrier
from rulekube.cli.kubeconfig import ensure_tokens, write_kubeconfig
from rulekube.cli.machine import Machine
from rulekube.cli.settings import Settings
from rulekube.errors import SetupError
from rulekube.facts.store import Key
from rulekube.facts.store.sqlite import SQLiteStore
from rulekube.facts.writer import Writer
from rulekube.reconciler import Reconciler

log = logging.getLogger("rulekube")
IP_FREEBIND = 15  # linux/in.h: bind to an address that the machine does not have yet
ISSUER = "https://kubernetes.default.svc.cluster.local"


def clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class Cluster:
    """The control plane: everything but the nodes. Made and used in one event loop's thread."""

    def __init__(self, settings: Settings, listening: socket.socket, pods_side: str | None) -> None:
        """`listening` is where users reach the server; `pods_side` this machine's address to pods, if it has any."""
        self.settings = settings
        self.port: int = listening.getsockname()[1]
        self._sockets = [listening]
        advertised = advertised_address(settings.host, pods_side)
        if advertised is not None and advertised == pods_side:
            self._sockets.append(bound_socket(pods_side, self.port, is_there=False))
        service_ip = str(next(ipaddress.ip_network(settings.service_cidr).hosts()))
        addresses = {settings.host, "127.0.0.1", service_ip, advertised or service_ip}
        self.pki = certificates.ensure(settings.data / "pki", sorted(addresses))
        self.store = SQLiteStore(settings.data / "store.db")
        self.writer = Writer(self.store, clock, lambda: str(uuid.uuid4()))
        self.facts: dict[str, Any] = {
            **dict(settings.facts()),
            **({"apiserver-address": advertised} if advertised is not None else {}),
            "apiserver-port": self.port,
            "apiserver-service-ip": service_ip,
            "root-ca": self.pki.ca.read_text(),
        }
        self.reconciler = Reconciler(rules.paths(rules.CONTROL_PLANE), self.store, clock, self.facts)
        self.reconciler.attach_inline(Objects(self.writer, clock))
        self.writer.admit = self.reconciler.admit
        self.brain = ClusterBrain(self.reconciler, settings.data / "policies")
        self.tokens = authn.ServiceAccountTokens(self.pki.account_key.read_bytes(), ISSUER, self._account_lives)
        self._runner: web.AppRunner | None = None

    def _account_lives(self, namespace: str, name: str, uid: str) -> bool:
        found = self.store.get(Key("serviceaccounts", namespace, name))
        return found is not None and found["metadata"]["uid"] == uid

    async def start(self, machine: Machine | None) -> None:
        """Load policies, make what every cluster has, and serve."""
        self.brain.load_all(self.settings.rules)
        files, token = ensure_tokens(self.settings.data, self.settings.token_auth_file)
        authenticators: list[authn.Authenticator] = [
            *(authn.StaticTokens.read(file) for file in files),
            authn.client_certificate,
            self.tokens,
        ]
        app = create_app(
            self.store,
            self.writer,
            brain=self.brain,
            authenticators=authenticators,
            authorize=self.brain.authorize,
            log_source=machine,
            clock=clock,
        )
        self.task = asyncio.create_task(self.reconciler.run(), name="reconciler")
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await app[COMMITTER].wait(self.store.revision)
        for listening in self._sockets:
            await web.SockSite(self._runner, listening, ssl_context=self._tls()).start()
        for path in {self.settings.data / "kubeconfig", self.settings.kubeconfig or self.settings.data / "kubeconfig"}:
            write_kubeconfig(path, f"https://{self.settings.host}:{self.port}", self.pki.ca, token)

    def _tls(self) -> ssl.SSLContext:
        """Serve with our certificate; a client may show one of our authority's."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.pki.ca)
        context.load_cert_chain(self.pki.certificate, self.pki.key)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    async def stop(self) -> None:
        """End the rules first, then the server, then the store: nothing that was written is lost."""
        if self._runner is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        self.reconciler.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        for listening in self._sockets:
            listening.close()
        self.store.sync()
        self.store.close()


def bound_socket(host: str, port: int, *, is_there: bool = True) -> socket.socket:
    """A listening address that is ours from now on; where it `is_there` not yet, from the moment it is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not is_there:
        found.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --listen") from error
    return found


def advertised_address(host: str, pods_side: str | None) -> str | None:
    """The address behind Service default/kubernetes, None where pods cannot reach any.

    It is where we listen, this machine's own where that is every address, and `pods_side` where it is loopback.
    Source: k8s.io/apimachinery/pkg/util/net.ResolveBindAddress, which would name an address where nobody listens.
    """
    listens = ipaddress.ip_address(host)
    if listens.is_loopback:
        return pods_side
    if not listens.is_unspecified:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address; connecting a datagram socket sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return None  # no way out of this machine, so no address of its own


async def serve(settings: Settings, output: str) -> None:
    """Run until SIGINT or SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    listening = bound_socket(settings.host, settings.port)
    carrier = await asyncio.to_thread(Carrier.find, settings)
    cluster: Cluster | None = None
    machine: Machine | None = None
    try:
        cluster = Cluster(settings, listening, carrier.gateway)
        machine = Machine(settings, cluster, carrier) if settings.nodes else None
        await cluster.start(machine)
        if machine is not None:
            machine.run()
        announce(settings, cluster, carrier, output)
        await stop.wait()
    finally:
        click.echo("ending the cluster", err=True)
        if machine is not None:
            await machine.stop()
        await asyncio.to_thread(carrier.stop)
        if cluster is not None:
            await cluster.stop()
        for name in ("ready", "engine.json"):
            (settings.data / name).unlink(missing_ok=True)


def announce(settings: Settings, cluster: Cluster, carrier: Carrier, output: str) -> None:
    """Say how to reach the cluster, and leave the same in DATA/ready for whoever waits for it."""
    kubeconfig = Path(settings.kubeconfig or settings.data / "kubeconfig").resolve()
    server = f"https://{settings.host}:{cluster.port}"
    runs = carrier.description
    (settings.data / "engine.json").write_text(json.dumps(runs))
    text = (
        f"RuleKube serves on {server} with {settings.nodes} nodes.\n"
        f"Containers: {runs['runtime']} ({runs['why']})\n"
        f"export KUBECONFIG={kubeconfig}"
    )
    if output == "json":
        text = json.dumps({"server": server, "kubeconfig": str(kubeconfig), "nodes": settings.nodes, **runs}, indent=2)
    click.echo(text)
    sys.stdout.flush()
    scratch = settings.data / ".ready"
    scratch.write_text(text + "\n")
    scratch.replace(settings.data / "ready")  # whole, for somebody waits for it


def run(settings: Settings, output: str) -> None:
    """Run a cluster in this process until it is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    uvloop.run(serve(settings, output))
