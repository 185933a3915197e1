"""`rulekube down`."""

from __future__ import annotations

import fcntl
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
    data = data.expanduser()
    pid = running(data)
    if pid is None:
        raise SetupError(f"no cluster runs on {data}")
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while running(data) == pid:
        if time.monotonic() > end:
            raise SetupError(f"process {pid} has not ended within {PATIENCE:.0f} s; its log is {data}/rulekube.log")
        time.sleep(0.05)
    show({"ended": pid}, output, text="cluster ended")


def running(data: Path) -> int | None:
    """The process whose cluster has its store in `data`: the one that holds the store's lock, which ends with it."""
    try:
        with (data / "store.db.lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (OSError, ValueError):
        return None
    return None
