"""Finds a Docker Engine, or starts a private one and ends it cleanly.

The order: DOCKER_HOST or the default socket, where an engine answers there; else, where `dockerd` is installed and we
are root, a private engine whose files lie under the cluster's data directory. It runs without a bridge and without
iptables rules, because pods are plugged into our own bridge (`veth.py`), and in a cgroup of its own, which is
also the handle that finds what it left when it had to be killed.

Sockets have short paths (`/run/rulekube/<hash>`): a Unix address holds 108 bytes, a data directory may be longer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from rulekube.errors import SetupError

DEFAULT_URL = "unix:///var/run/docker.sock"
API_VERSION = "1.41"  # of Engine 20.10, the oldest we speak to
RUNTIME_FOLDER = Path("/run/rulekube")
START_SECONDS = 30.0
STOP_SECONDS = 20.0

HOW_TO_GET_ONE = (
    "start a Docker Engine and point DOCKER_HOST at it, or install one (on Debian: apt-get install docker.io) "
    "and run as root so that a private one can be started"
)


@dataclass
class Engine:
    """A Docker Engine that answers at `url`; `pid` is set where it is private, and then `stop` ends it."""

    url: str
    version: str
    pid: int | None = None
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def private(self) -> bool:
        """Whether this process is responsible for ending it."""
        return self.pid is not None

    def stop(self, remove: bool = False) -> None:
        """End a private engine and all that runs in it; `remove` also deletes its images and files."""
        if self.pid is None or self.folder is None:
            return
        _terminate(self.pid, self.process)
        _end_leftovers(self.folder)
        shutil.rmtree(_runtime(self.folder), ignore_errors=True)
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.pid = None


def find(data: Path, environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine to use for a cluster whose files are in `data`. Raises SetupError that says why there is none."""
    refusals = []
    for url in dict.fromkeys((environment.get("DOCKER_HOST") or DEFAULT_URL, DEFAULT_URL)):
        version = _answer(url)
        if version is not None:
            return Engine(url, version)
        refusals.append(f"no Docker Engine answers at {url}")
    try:
        return start(data / "docker")
    except SetupError as error:
        raise SetupError(f"{'; '.join(refusals)}; {error}. To get one: {HOW_TO_GET_ONE}") from error


def start(folder: Path) -> Engine:
    """A private engine with its files in `folder`; one that still runs there (after a crash of ours) is taken over."""
    program = _dockerd()
    folder = folder.resolve()
    runtime = _runtime(folder)
    url = f"unix://{runtime}/docker.sock"
    pid_file = runtime / "docker.pid"
    version = _answer(url)
    if version is not None:
        return Engine(url, version, int(pid_file.read_text()), folder)
    _end_leftovers(folder)
    for path in (folder, runtime):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    pid_file.unlink(missing_ok=True)  # a killed engine leaves it, and the next would refuse to start
    log = folder / "dockerd.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program, *_arguments(folder, url)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    version = _await(lambda: _answer(url), process, START_SECONDS)
    if version is None:
        _terminate(process.pid, process)
        _end_leftovers(folder)
        shutil.rmtree(runtime, ignore_errors=True)
        raise SetupError(f"the private dockerd did not start: {_tail(log)} (its log: {log})")
    return Engine(url, version, process.pid, folder, process)


def _dockerd() -> str:
    if os.geteuid() != 0:
        raise SetupError("a private dockerd needs root")
    program = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise SetupError("dockerd is not installed")
    return program


def _arguments(folder: Path, url: str) -> list[str]:
    runtime = _runtime(folder)
    return [
        f"--data-root={folder}/data",
        f"--exec-root={runtime}/exec",
        f"--pidfile={runtime}/docker.pid",
        f"--host={url}",
        f"--cgroup-parent={_cgroup(folder)}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=false",
        "--shutdown-timeout=3",
        "--log-level=warn",
    ]


def _runtime(folder: Path) -> Path:
    return RUNTIME_FOLDER / hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def _cgroup(folder: Path) -> str:
    return f"/rulekube-{_runtime(folder).name}"


def _answer(url: str) -> str | None:
    """The version of the engine at `url`, None where none answers."""
    if url.startswith("unix://") and not _listens(url.removeprefix("unix://")):
        return None  # asked first, because docker-py leaks a socket on each refusal
    client = docker.APIClient(base_url=url, timeout=5, version=API_VERSION)
    try:
        return str(client.version()["Version"])
    except (DockerException, RequestException):
        return None
    finally:
        client.close()


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _await(ask: Callable[[], str | None], process: subprocess.Popen[bytes], seconds: float) -> str | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.05)
    return None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"


def _terminate(pid: int, process: subprocess.Popen[bytes] | None) -> None:
    """SIGTERM, patience, SIGKILL. A child is reaped; another's process may stay a zombie, which counts as ended."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        if not _alive(pid, process):
            return
        os.kill(pid, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end and _alive(pid, process):
            time.sleep(0.02)


def _alive(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    if process is not None:
        return process.poll() is None
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _end_leftovers(folder: Path) -> None:
    """Kill what outlived the engine (by its cgroup, and shims by its exec-root) and unmount what it mounted."""
    runtime = _runtime(folder)
    for pid in sorted({*_cgroup_processes(_cgroup(folder)), *_shims(str(runtime / "exec"))}):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if mount.startswith((f"{folder}/", f"{runtime}/")):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)  # noqa: S607
    for group in sorted(Path("/sys/fs/cgroup").glob(f"*{_cgroup(folder)}"), reverse=True):
        _remove_cgroup(group)
    _remove_cgroup(Path("/sys/fs/cgroup" + _cgroup(folder)))


def _cgroup_processes(group: str) -> Iterator[int]:
    for controller in (*Path("/sys/fs/cgroup").glob("*"), Path("/sys/fs/cgroup")):
        for procs in Path(f"{controller}{group}").glob("**/cgroup.procs"):
            yield from map(int, procs.read_text().split())


def _shims(exec_root: str) -> Iterator[int]:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = command.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if exec_root in text and "containerd" in text:
            yield int(command.parent.name)


def _remove_cgroup(group: Path) -> None:
    if not group.is_dir():
        return
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # a dying process may hold it for an instant; an empty group costs nothing
