"""What this machine is, and that it lives: observes only, and is an actuator so that the reconciler starts and ends it.

Resources and description are those of a Node's status; `heartbeat(time)` is replaced every ten seconds for as long as
what runs the containers answers. Sources: /proc, /etc/os-release, uname.
"""

from __future__ import annotations

import os
import platform
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from rulekube.actuators.base import Action, Report
from rulekube.actuators.ledger import Ledger
from rulekube.engine import Json
from rulekube.errors import ActuatorError

HEARTBEAT_SECONDS = 10.0
MAX_PODS = 110
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
KUBELET_VERSION = "v1.36.0"


class Machine:
    """The actuator `machine`. `runtime` describes what runs containers, `answers` says whether it does so now."""

    name = "machine"
    batched = False

    def __init__(self, folder: Path, runtime: str, answers: Callable[[], bool], *, clock: Callable[[], int]) -> None:
        self._folder = folder
        self._runtime = runtime
        self._answers = answers
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self, report: Report) -> None:
        """Report what the machine is, and begin to beat."""
        self._ledger = Ledger(report)
        fact = (Json(capacity(self._folder)), Json(node_info(self._runtime)))
        self._ledger.open({"machine": {"machine": [fact]}, "heartbeat": {"heartbeat": [(self._clock(),)]}})
        self._thread.start()

    def stop(self) -> None:
        """End the heartbeat."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def apply(self, actions: Sequence[Action]) -> None:
        """No relation is this actuator's."""
        raise ActuatorError(f"the machine has no action {actions[0].relation}", temporary=False)

    def _beat(self) -> None:
        while not self._stopping.wait(HEARTBEAT_SECONDS):
            if self._answers():
                self._ledger.replace("heartbeat", {"heartbeat": [(self._clock(),)]})


def capacity(folder: Path) -> dict[str, str]:
    """CPUs, memory, storage below `folder`, and the kubelet's usual limit of pods."""
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    return {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{memory}Ki",
        "ephemeral-storage": f"{shutil.disk_usage(folder).total // 1024}Ki",
        "pods": str(MAX_PODS),
    }


def node_info(runtime: str) -> dict[str, str]:
    """`nodeInfo` of a Node's status."""
    machine = platform.machine()
    return {
        "architecture": ARCHITECTURES.get(machine, machine),
        "bootID": _line("/proc/sys/kernel/random/boot_id"),
        "containerRuntimeVersion": runtime,
        "kernelVersion": platform.release(),
        "kubeProxyVersion": "",
        "kubeletVersion": KUBELET_VERSION,
        "machineID": _line("/etc/machine-id"),
        "operatingSystem": "linux",
        "osImage": _os_name(),
        "systemUUID": _line("/etc/machine-id"),
    }


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"
