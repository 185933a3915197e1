"""`rulekube up`."""

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import click

from rulekube.cli.down import running
from rulekube.cli.output import output_option
from rulekube.cli.settings import RUNTIMES, Settings
from rulekube.errors import SetupError

PATIENCE = 60.0  # seconds that a detached cluster may take to become ready


class Cidr(click.ParamType[str]):
    """An IPv4 range such as 10.96.0.0/16."""

    name = "CIDR"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is not a range."""
        try:
            return str(ipaddress.IPv4Network(value))
        except ValueError as error:
            self.fail(f"{value!r} is not an IPv4 range: {error}", param, ctx)


class PortRange(click.ParamType[tuple[int, int]]):
    """A range of ports such as 30000-32767."""

    name = "LOW-HIGH"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Refuse what is not two ports in order."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d+)-(\d+)", value)
        if match is None or not 0 < int(match[1]) <= int(match[2]) < 65536:
            self.fail(f"{value!r} is not a range of ports like 30000-32767", param, ctx)
        return int(match[1]), int(match[2])


class Address(click.ParamType[str]):
    """HOST:PORT."""

    name = "HOST:PORT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what has no address or port."""
        host, _, port = value.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            self.fail(f"{value!r} is not like 127.0.0.1:6443", param, ctx)
        if not port.isdigit() or int(port) > 65535:
            self.fail(f"{value!r} does not end in a port", param, ctx)
        return value


@click.command("up")
@click.option("--nodes", type=click.IntRange(0, 250), default=1, show_default=True, help="Node agents to run.")
@click.option("--no-node", is_flag=True, help="The control plane alone; pods wait for nodes that others bring.")
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", show_default=True, help="What runs containers.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("~/.rulekube"),
    show_default=True,
    help="Where the cluster's state lives.",
)
@click.option(
    "--listen",
    type=Address(),
    default="127.0.0.1:6443",
    show_default=True,
    help="Where the API server listens; port 0 takes any that is free.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="Where to write the administrator's kubeconfig [default: DATA/kubeconfig].",
)
@click.option(
    "--token-auth-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Users: lines of token,user,uid,"group,group".',
)
@click.option(
    "--service-cidr", type=Cidr(), default="10.96.0.0/16", show_default=True, help="ClusterIPs come from here."
)
@click.option(
    "--pod-cidr", type=Cidr(), default="10.244.0.0/16", show_default=True, help="Each node takes a /24 of it."
)
@click.option(
    "--service-node-port-range",
    "node_port_range",
    type=PortRange(),
    default=(30000, 32767),
    help="Ports a NodePort may have [default: 30000-32767].",
)
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A rule file of one's own; may be repeated.",
)
@click.option(
    "--pull/--no-pull",
    default=True,
    show_default=True,
    help="Whether images that are not there may be pulled from registries.",
)
@click.option("--detach", is_flag=True, help="Run in the background; `rulekube down` ends it.")
@output_option
def command(no_node: bool, detach: bool, data: Path, output: str, **options: object) -> None:
    """Run a cluster until SIGINT or SIGTERM, then remove what it made on the machine. Its state stays in --data.

    \b
    Examples:
      rulekube up                                   one node, containers by Docker where there is an engine
      rulekube up --nodes 3 --runtime simulated     pretend containers, no root needed
      rulekube up --no-node --listen 127.0.0.1:0    the control plane alone, on any free port
      rulekube up --detach && rulekube down         in the background
    """
    if no_node:
        if click.get_current_context().get_parameter_source("nodes") is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError("--nodes and --no-node exclude each other")
        options["nodes"] = 0
    os.umask(0o077)  # the store holds Secrets, whatever the mode of a folder that was there before
    data = data.expanduser().resolve()
    if (pid := running(data)) is not None:
        raise SetupError(f"a cluster runs on {data} already (process {pid}); end it with `rulekube down --data {data}`")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if detach:
        run_detached(data, output)
        return
    settings = Settings(data=data, **options)  # type: ignore[arg-type]  # click has converted each by its option's type
    from rulekube.cli.cluster import run

    run(settings, output)


def run_detached(data: Path, output: str) -> None:
    """Start the same command again in a session of its own, and wait until it has written DATA/ready."""
    ready, log = data / "ready", data / "rulekube.log"
    ready.unlink(missing_ok=True)
    arguments = [word for word in sys.argv[1:] if word != "--detach"]
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "rulekube", *arguments],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + PATIENCE
    while not ready.exists():
        if process.poll() is not None:
            raise SetupError(f"the cluster ended at once; its log, {log}, ends with:\n{tail(log)}")
        if time.monotonic() > end:
            process.terminate()
            raise SetupError(f"the cluster was not ready within {PATIENCE:.0f} s; its log is {log}")
        time.sleep(0.02)
    click.echo(ready.read_text().rstrip())
    if output == "text":
        click.echo(f"It runs in the background; end it with:  rulekube down --data {data}")


def tail(log: Path, lines: int = 10) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
