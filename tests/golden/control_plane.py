"""A control plane of its own process, `rulekube up --no-node`, and pretend kubelets for its nodes."""

from __future__ import annotations

import contextlib
import json
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TOKEN = "admin-token"
PATIENCE = 60.0


@dataclass
class ControlPlane:
    """Where it answers."""

    server: str
    kubeconfig: Path
    context: ssl.SSLContext

    def call(self, method: str, path: str, body: Any = None, media: str = "application/json") -> tuple[int, Any]:
        """One request as administrator; the answer's status and JSON."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": media, "User-Agent": "fake-kubelet"}
        request = urllib.request.Request(self.server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        """The object or list at a path, None where there is none."""
        status, found = self.call("GET", path)
        return found if status == 200 else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    """Start one on a free port, with the administrator that the recordings had; end it in any case."""
    tokens, kubeconfig, data = folder / "tokens.csv", folder / "kubeconfig", folder / "data"
    tokens.write_text(f'{TOKEN},admin,admin-uid,"system:masters"\n')
    command = [sys.executable, "-m", "rulekube", "up", "--no-node", "--data", str(data), "--listen", "127.0.0.1:0"]
    command += ["--kubeconfig", str(kubeconfig), "--token-auth-file", str(tokens)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: (data / "ready").exists() or process.poll() is not None, "it is ready")
        assert process.poll() is None, (folder / "log").read_text()
        config = yaml.safe_load(kubeconfig.read_text())
        server = config["clusters"][0]["cluster"]["server"]
        context = ssl.create_default_context(cafile=str(data / "pki" / "ca.crt"))
        yield ControlPlane(server, kubeconfig, context)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()


def until(condition: Any, what: str) -> None:
    """Wait for a condition, a minute at most."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


class Kubelets:
    """Three nodes, and what their kubelets say: a bound pod runs and is ready, a terminating one is gone."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._ips: dict[str, str] = {}

    def __enter__(self) -> Kubelets:
        for number in range(3):
            self._plane.call("POST", "/api/v1/nodes", _node(number))
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.03):
            for pod in (self._plane.get("/api/v1/pods") or {"items": []})["items"]:
                if pod["spec"].get("nodeName"):
                    self._act(pod)

    def _act(self, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if metadata.get("deletionTimestamp"):
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
            self._plane.call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})
        elif pod["status"].get("phase") == "Pending":
            ip = self._ips.setdefault(metadata["uid"], f"10.64.0.{len(self._ips) + 1}")
            self._plane.call("PATCH", f"{path}/status", {"status": _running(pod, ip)}, "application/merge-patch+json")


def _node(number: int) -> dict[str, Any]:
    name, room = f"fake-{number:05d}", {"cpu": "32", "memory": "256Gi", "pods": "110"}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": f"z{number}"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it pretends"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": room, "allocatable": room, "conditions": [ready]},
    }


def _running(pod: dict[str, Any], ip: str) -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    true = [
        {"type": kind, "status": "True", "lastTransitionTime": now}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    containers = [
        {"name": c["name"], "image": c["image"], "imageID": "", "restartCount": 0, "ready": True, "started": True,
         "state": {"running": {"startedAt": now}}}
        for c in pod["spec"]["containers"]
    ]  # fmt: skip
    addresses = {"hostIP": "10.128.0.1", "podIP": ip, "podIPs": [{"ip": ip}]}
    return {"phase": "Running", "startTime": now, "conditions": true, "containerStatuses": containers, **addresses}
