"""`rulekube down`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from rulekube.cli.output import output_option, show
from rulekube.errors import SetupError

PATIENCE = 60.0  # seconds that a cluster may take to remove what it made


@click.command("down")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("~/.rulekube"),
    show_default=True,
    help="The cluster's data directory.",
)
@output_option
def command(data: Path, output: str) -> None:
    """End a cluster that was started with `rulekube up --detach`, and wait until it has removed what it made.

    \b
    Example:
      rulekube down --data /tmp/cluster
    """
    pid_file = data.expanduser() / "rulekube.pid"
    pid = running(pid_file)
    if pid is None:
        raise SetupError(f"no cluster runs on {data}")
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while running(pid_file) == pid:
        if time.monotonic() > end:
            raise SetupError(f"process {pid} has not ended within {PATIENCE:.0f} s; its log is {data}/rulekube.log")
        time.sleep(0.05)
    show({"ended": pid}, output, text="cluster ended")


def running(pid_file: Path) -> int | None:
    """The process that holds the pid file, if it lives (and is not a zombie)."""
    try:
        pid = int(pid_file.read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return pid if state != "Z" else None
