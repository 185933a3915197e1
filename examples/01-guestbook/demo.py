"""The guestbook, from two manifests to answered requests: what `make demo` runs.

Starts a cluster of two nodes in a scratch folder, applies the manifests beside this file, shows what the cluster does
and why, and ends it again. Each step prints the command that a person would type. Exit code 0 only if every step held.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rulekube.cli.client import Client
from rulekube.facts.addresses import bridge_prefix, table_name

HERE = Path(__file__).resolve().parent
PATIENCE = 120.0  # seconds that any one step may take
PING = b"PING\r\n"  # redis takes commands as plain lines too
console = Console(highlight=False)


class DemoError(Exception):
    """A step did not do what the guestbook promises."""


class Demo:
    """One run: the scratch folder, the cluster, and a client of it."""

    def __init__(self, folder: Path, runtime: str) -> None:
        self.folder, self.runtime = folder, runtime
        self.data, self.kubeconfig = folder / "data", folder / "kubeconfig"
        self.kubectl = shutil.which("kubectl")
        self.identity = ""
        self.socket: Path | None = None
        self.client: Client

    # What a person would type

    def rulekube(self, *words: str, quiet: bool = False) -> str:
        """Run one verb of ours, showing it and its answer."""
        return self.shown("rulekube", [sys.executable, "-m", "rulekube", *words], words, quiet)

    def kube(self, *words: str) -> str:
        """Run kubectl where there is one, else the verb of ours that does the same."""
        if self.kubectl:
            return self.shown("kubectl", [self.kubectl, *words], words, False)
        return self.rulekube(*words)

    def shown(self, name: str, argv: list[str], words: tuple[str, ...], quiet: bool) -> str:
        """Run a command with the demo's kubeconfig; its failure ends the demo."""
        typed = " ".join(f"'{w}'" if set(w) & set(" (){}[]|") else w for w in words).replace(
            str(HERE), "examples/01-guestbook"
        )
        if not quiet:
            console.print(f"[bold cyan]$ {name} {typed}[/]", soft_wrap=True)
        environment = {
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(self.folder),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False)
        if not quiet:
            console.print(done.stdout.rstrip() or done.stderr.rstrip(), markup=False, soft_wrap=True)
        if done.returncode != 0:
            raise DemoError(
                f"{name} {typed} ended with exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    # What the cluster says

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection in the namespace default."""
        found: list[dict[str, Any]] = self.client.request("GET", f"/api/v1/namespaces/default/{path}")["items"]
        return found

    def pods(self, app: str) -> list[dict[str, Any]]:
        """The pods of one half of the guestbook that are not on their way out."""
        return [p for p in self.items(f"pods?labelSelector=name={app}") if "deletionTimestamp" not in p["metadata"]]

    def ready(self, app: str) -> list[str]:
        """The names of its pods that are ready."""
        return [p["metadata"]["name"] for p in self.pods(app) if condition(p, "Ready")]

    def service(self, name: str) -> dict[str, Any]:
        """One Service."""
        found: dict[str, Any] = self.client.request("GET", f"/api/v1/namespaces/default/services/{name}")
        return found


def condition(pod: dict[str, Any], kind: str) -> bool:
    """Whether a condition of a pod is true."""
    return any(c["type"] == kind and c["status"] == "True" for c in pod["status"].get("conditions", []))


def wait(what: str, done: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until `done()` is true, showing that we do."""
    end = time.monotonic() + patience
    with console.status(what):
        while not done():
            if time.monotonic() > end:
                raise DemoError(f"not within {patience:.0f} s: {what}")
            time.sleep(0.1)


def heading(text: str) -> None:
    """Announce a step."""
    console.print(f"\n[bold]== {text}[/]")


# The steps, in order


def images(demo: Demo) -> None:
    """The images that the manifests name, built here"""
    if demo.runtime != "docker":
        console.print("(pretended containers need no images)")
        return
    url = json.loads((demo.data / "engine.json").read_text())["url"]
    console.print("[bold cyan]$ python examples/01-guestbook/images ENGINE[/]")
    loaded = subprocess.run([sys.executable, str(HERE / "images"), url], capture_output=True, text=True, check=False)
    console.print((loaded.stdout or loaded.stderr).rstrip(), markup=False)
    if loaded.returncode != 0:
        raise DemoError("the images could not be built")


def apply(demo: Demo) -> None:
    """Two manifests in"""
    demo.kube("apply", "-f", str(HERE))
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    want, end = {"redis-slave": 2, "frontend": 2}, time.monotonic() + PATIENCE
    with Progress(*columns, console=console) as progress:
        tasks = {app: progress.add_task(f"{app} pods ready", total=n) for app, n in want.items()}
        while not progress.finished:
            for app, task in tasks.items():
                progress.update(task, completed=len(demo.ready(app)))
            if time.monotonic() > end:
                raise DemoError(
                    "the guestbook's pods did not become ready: "
                    + json.dumps([p["status"] for p in demo.items("pods")])
                )
            time.sleep(0.1)


def look(demo: Demo) -> None:
    """What stands now"""
    demo.kube("get", "nodes", "-o", "wide")
    demo.kube("get", "pods", "-o", "wide")
    demo.kube("get", "endpointslices")


def requests(demo: Demo) -> None:
    """Requests answered, shared among the pods"""
    if demo.runtime != "docker":
        console.print("The containers are pretended, so nothing answers requests; with Docker, this step sends them.")
        return
    service = demo.service("frontend")
    address = demo.client.request("GET", "/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"]
    ways = {
        "ClusterIP": (service["spec"]["clusterIP"], 80),
        "NodePort": (address, service["spec"]["ports"][0]["nodePort"]),
    }
    for way, (host, port) in ways.items():
        share_out(demo, way, host, port)
    redis = demo.service("redis-slave")["spec"]["clusterIP"]
    console.print(f"redis-slave at {redis}:6379 answers PING with {exchange(redis, 6379, PING).decode().strip()}")


def share_out(demo: Demo, way: str, host: str, port: int, count: int = 40) -> None:
    """Send requests one way and show which pods answered; every ready pod must."""
    wait(f"{way} {host}:{port} answers", lambda: answering_pod(host, port))
    counts = Counter(answering_pod(host, port) for _ in range(count))
    console.print(f"{count} requests to http://{host}:{port}/ ({way}):")
    for name, n in sorted(counts.items(), key=str):
        console.print(f"  {name}  {'▪' * n} {n}")
    if set(counts) != set(demo.ready("frontend")):
        raise DemoError(f"answers came from {sorted(counts, key=str)}, ready are {sorted(demo.ready('frontend'))}")


def answering_pod(host: str, port: int) -> str | None:
    """The name of the frontend pod that answers a request for /, None where none does."""
    try:
        answer = exchange(host, port, b"GET / HTTP/1.0\r\nHost: guestbook\r\n\r\n").decode()
    except OSError:
        return None
    return next((line.split()[1] for line in answer.splitlines() if line.startswith("pod: ")), None)


def exchange(host: str, port: int, request: bytes) -> bytes:
    """One request over TCP, and what comes back until the other side closes or falls silent for a moment."""
    with socket.create_connection((host, port), timeout=3) as connection:
        connection.sendall(request)
        answer = connection.recv(65536)
        while answer.startswith(b"HTTP") and (more := connection.recv(65536)):
            answer += more
    return answer


def ask(demo: Demo) -> None:
    """Ask the live cluster, and ask why"""
    demo.rulekube("query", 'label(Pod, "name", App), pod_node(Pod, Node)')
    pod = sorted(demo.ready("frontend"))[0]
    demo.rulekube("why", f"endpoint(service/default/frontend, pod/default/{pod}, Ip)", "--depth", "4")
    unbound = f"pod_node(pod/default/{pod}, _)"  # a binding is derived only until it is done
    demo.rulekube("why", f"bind(pod/default/{pod}, Node, _)", "--without", unbound, "--depth", "3")


def kill(demo: Demo) -> None:
    """A pod killed behind the cluster's back is replaced"""
    victim = demo.pods("frontend")[0]
    name, before = victim["metadata"]["name"], victim["status"]["containerStatuses"][0]
    if demo.runtime != "docker":
        console.print("(pretended containers cannot be killed by docker; the pod is deleted instead)")
        demo.kube("delete", "pod", name)
        wait("the pod is replaced", lambda: name not in demo.ready("frontend") and len(demo.ready("frontend")) == 2)
    else:
        import docker

        engine = docker.APIClient(base_url=json.loads((demo.data / "engine.json").read_text())["url"])
        console.print(f"[bold cyan]$ docker kill {before['containerID'].removeprefix('docker://')[:12]}[/]   # {name}")
        engine.kill(before["containerID"].removeprefix("docker://"))
        engine.close()
        wait("its container is replaced", lambda: replaced(demo, name, before["containerID"]))
    demo.kube("get", "pods", "-l", "name=frontend")


def replaced(demo: Demo, name: str, container: str) -> bool:
    """Whether the pod runs another container now, and is ready."""
    pod = next(p for p in demo.pods("frontend") if p["metadata"]["name"] == name)
    now = pod["status"]["containerStatuses"][0]
    return bool(now["ready"] and now.get("containerID") != container and now["restartCount"] > 0)


def scale(demo: Demo) -> None:
    """Scale to 3"""
    if demo.kubectl:
        demo.kube("scale", "rc", "frontend", "--replicas=3")
    else:
        demo.client.request(
            "PATCH",
            "/api/v1/namespaces/default/replicationcontrollers/frontend",
            {"spec": {"replicas": 3}},
            content_type="application/merge-patch+json",
        )
    wait("three frontends are ready", lambda: len(demo.ready("frontend")) == 3)
    demo.kube("get", "pods", "-l", "name=frontend", "-o", "wide")


def policy(demo: Demo) -> None:
    """A rule of one's own changes the next placement"""
    rows = json.loads(
        demo.rulekube("query", 'label(P, "name", "frontend"), pod_node(P, Node)', "-o", "json", quiet=True)
    )
    counts = Counter(row["Node"] for row in rows)
    console.print(f"Frontends by node: {dict(sorted(counts.items()))}")
    console.print((HERE / "kept-for-database.dl").read_text().rstrip(), markup=False, style="green")
    demo.rulekube("policy", "load", str(HERE / "kept-for-database.dl"))
    refused = min(node["metadata"]["name"] for node in demo.client.request("GET", "/api/v1/nodes")["items"])
    before = set(demo.ready("frontend"))
    for wanted in (4, 5):
        demo.client.request(
            "PATCH",
            "/api/v1/namespaces/default/replicationcontrollers/frontend",
            {"spec": {"replicas": wanted}},
            content_type="application/merge-patch+json",
        )
        wait(f"{wanted} frontends are ready", lambda wanted=wanted: len(demo.ready("frontend")) == wanted)
    demo.kube("get", "pods", "-l", "name=frontend", "-o", "wide")
    news = [p for p in demo.pods("frontend") if p["metadata"]["name"] not in before]
    if any(p["spec"]["nodeName"] == refused for p in news):
        raise DemoError(f"a new frontend landed on {refused}, which the policy refuses")
    console.print(f"Both new frontends avoided {refused}; without the rule they would have been spread.")


STEPS = (images, apply, look, requests, ask, kill, scale, policy)


@contextmanager
def cluster(demo: Demo) -> Iterator[None]:
    """A cluster of two nodes, ended whatever happens; what it leaves behind is looked for."""
    heading("A cluster of two nodes")
    demo.rulekube(
        "up",
        "--nodes",
        "2",
        "--runtime",
        demo.runtime,
        "--data",
        str(demo.data),
        "--kubeconfig",
        str(demo.kubeconfig),
        "--listen",
        "127.0.0.1:0",
        "--detach",
    )
    engine = json.loads((demo.data / "engine.json").read_text())
    demo.runtime, demo.identity = engine["runtime"], engine["cluster"]
    if engine["private"]:
        demo.socket = Path(engine["url"].removeprefix("unix://"))
    try:
        with Client(str(demo.kubeconfig)) as demo.client:
            yield
    finally:
        heading("A clean end")
        demo.rulekube("down", "--data", str(demo.data))


def leftovers(demo: Demo) -> list[str]:
    """Links, routes and tables that bear the mark of the demo's cluster, and the socket of its own engine."""
    marks = (bridge_prefix(demo.identity), table_name(demo.identity))
    found = [f"socket {demo.socket}"] if demo.socket and demo.socket.exists() else []
    for argv in (["ip", "-br", "link"], ["ip", "route", "show", "table", "all"], ["nft", "list", "tables"]):
        tool = shutil.which(argv[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
        text = subprocess.run([tool, *argv[1:]], capture_output=True, text=True, check=False).stdout if tool else ""
        found += [line.strip() for line in text.splitlines() if any(mark in line for mark in marks)]
    return found


def main() -> int:
    """Run every step; say which failed."""
    parser = argparse.ArgumentParser(description="The guestbook, from two manifests to answered requests.")
    parser.add_argument("--runtime", choices=("auto", "docker", "simulated"), default="auto")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="rulekube-demo-"))
    demo = Demo(folder, options.runtime)
    try:
        with cluster(demo):
            for step in STEPS:
                heading(step.__doc__ or step.__name__)
                step(demo)
    except (DemoError, KeyboardInterrupt) as error:
        log = demo.data / "rulekube.log"
        console.print("[bold red]The demo failed:[/]", escape(str(error) or "interrupted"), soft_wrap=True)
        console.print("\n".join(log.read_text().splitlines()[-20:]) if log.exists() else "", markup=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if left := leftovers(demo):
        console.print("[bold red]Left behind:[/] " + "; ".join(left), soft_wrap=True)
        return 1
    console.print(f"No container, rule, route or file is left. {time.monotonic() - began:.0f} s in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
