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
from rulekube.cli.kubeconfig import ensure_tokens, write_kubeconfig
from rulekube.cli.machine import Machine
from rulekube.cli.settings import Settings
from rulekube.errors import SetupError
from rulekube.facts.store import Key
from rulekube.facts.store.sqlite import SQLiteStore
from rulekube.facts.writer import Writer
from rulekube.reconciler import Reconciler

log = logging.getLogger("rulekube")
ISSUER = "https://kubernetes.default.svc.cluster.local"


def clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class Cluster:
    """The control plane: everything but the nodes. Made and used in one event loop's thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._socket = bound_socket(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        service_ip = str(next(ipaddress.ip_network(settings.service_cidr).hosts()))
        self.pki = certificates.ensure(settings.data / "pki", sorted({settings.host, "127.0.0.1", service_ip}))
        self.store = SQLiteStore(settings.data / "store.db")
        self.writer = Writer(self.store, clock, lambda: str(uuid.uuid4()))
        self.facts: dict[str, Any] = {
            **dict(settings.facts()),
            "apiserver-address": advertised_address(settings.host),
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
        await web.SockSite(self._runner, self._socket, ssl_context=self._tls()).start()
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
        self._socket.close()
        self.store.sync()
        self.store.close()


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening address that is ours from now on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --listen") from error
    return found


def advertised_address(host: str) -> str:
    """The address behind Service default/kubernetes: where we listen, or this machine's own where that is loopback.

    Source: k8s.io/apimachinery/pkg/util/net.ResolveBindAddress.
    """
    if not ipaddress.ip_address(host).is_loopback and not ipaddress.ip_address(host).is_unspecified:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address; connecting a datagram socket sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return "192.0.2.1"  # no way out of this machine: nobody but us could reach it anyway


async def serve(settings: Settings, output: str) -> None:
    """Run until SIGINT or SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    cluster, machine = Cluster(settings), None
    try:
        machine = await Machine.start(settings, cluster) if settings.nodes else None
        await cluster.start(machine)
        if machine is not None:
            machine.run()
        announce(settings, cluster, machine, output)
        await stop.wait()
    finally:
        click.echo("ending the cluster", err=True)
        if machine is not None:
            await machine.stop()
        await cluster.stop()
        for name in ("ready", "engine.json"):
            (settings.data / name).unlink(missing_ok=True)


def announce(settings: Settings, cluster: Cluster, machine: Machine | None, output: str) -> None:
    """Say how to reach the cluster, and leave the same in DATA/ready for whoever waits for it."""
    kubeconfig = Path(settings.kubeconfig or settings.data / "kubeconfig").resolve()
    server = f"https://{settings.host}:{cluster.port}"
    runs = machine.description if machine is not None else {"runtime": "none", "why": "started without nodes"}
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
    (settings.data / "ready").write_text(text + "\n")


def run(settings: Settings, output: str) -> None:
    """Run a cluster in this process until it is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    uvloop.run(serve(settings, output))
