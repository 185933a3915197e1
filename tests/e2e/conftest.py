"""Whole clusters, started as a person starts them: by the command line, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class ClusterProcess:
    """`rulekube up` in a process of its own, on a free port; `kubectl` and `rulekube` speak with it."""

    def __init__(self, data: Path, kubectl: str) -> None:
        self.data, self._kubectl = data, kubectl
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "HOME": str(data.parent),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(data / "kubeconfig"),
        }

    def up(self, *options: str) -> None:
        """Start, and wait until it serves."""
        (self.data / "ready").unlink(missing_ok=True)
        self.data.mkdir(exist_ok=True)
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rulekube", "up", "--data", str(self.data), "--listen", "127.0.0.1:0", *options],
                cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait("the cluster serves", lambda: (self.data / "ready").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (self.data / "log").read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints."""
        return self._run([self._kubectl, *words], stdin, check)

    def rulekube(self, *words: str, check: bool = True) -> str:
        """What a verb of ours prints."""
        return self._run([sys.executable, "-m", "rulekube", *words], None, check)

    def _run(self, argv: list[str], stdin: str | None, check: bool) -> str:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=self.environment,
            cwd=ROOT,
            check=False,
        )
        if check:
            assert done.returncode == 0, (
                f"{argv}: {done.stderr}\n{done.stdout}\n{(self.data / 'log').read_text()[-3000:]}"
            )
        return done.stdout + (done.stderr if not check else "")

    def items(self, *words: str) -> list[dict[str, Any]]:
        """The objects that `kubectl get` finds."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", *words, "-o", "json"))["items"]
        return found


def wait(what: str, done: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait on a condition, not on a clock."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path, kubectl: str) -> Iterator[ClusterProcess]:
    """A cluster that is not started yet, and is ended whatever happens."""
    found = ClusterProcess(tmp_path / "data", kubectl)
    try:
        yield found
    finally:
        if found.process is not None and found.process.poll() is None:
            found.end()
