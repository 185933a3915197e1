"""The guestbook's redis-slave on a real Kubernetes, replayed: what kubectl is told must be the same, step by step.

`redis-slave.json.xz` was recorded from a Kubernetes 1.36 control plane with kubectl 1.32: a ReplicationController of
two and a Service, read in every form, scaled, robbed of a pod, deleted. Masked is what differs between two correct
servers: generated names, addresses, nodes and zones, uids, revisions, times and ages; and the order of lines.

The second test runs the recorder's own tools, where they lie beside the repository: they compare more (watches, every
field of managedFields, the order of events) by more exact rules.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden.control_plane import ControlPlane, Kubelets, running, until

NAMESPACE = "g-redis-slave"
RECORDING = Path(__file__).parent / "redis-slave.json.xz"
TOOLS = next(
    (folder / "shared" / "golden" for folder in Path(__file__).parents[2:5] if (folder / "shared" / "golden").is_dir()),
    None,
)
MASKS = (
    (r"redis-slave-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "redis-slave-<*>"),
    (r"\b10\.64\.\d+\.\d+", "<pod-ip>"),
    (r"\b10\.96\.\d+\.\d+", "<cluster-ip>"),
    (r"\bfake-0000\d\b", "<node>"),
    (r"\bz[012]\b", "<zone>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uid>"),
    (r'"?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"?', "<time>"),
    (r'(resourceVersion|generation): "?\d+"?', r"\1: <n>"),
    (r"(?m)(?<= )\d+(ms|s|m)(\d+s)?(?= |$)", "<age>"),
    (r"(?m)^\d+(ms|s|m)(\d+s)?(?= )", "<age>"),
    (r" +", " "),
)
pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs the kubectl command"),
]


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with running(tmp_path) as found:
        yield found


def masked(text: str) -> list[str]:
    """The lines of a text without what may differ, sorted."""
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return sorted(line.rstrip() for line in text.splitlines() if "last-change-trigger-time" not in line)


def without_lone_annotations(lines: list[str]) -> list[str]:
    """The trigger time's `annotations:` goes with it: whether a server notes it is timing."""
    return [line for line in lines if line.strip() != "annotations:"]


def settle(plane: ControlPlane) -> None:
    """Wait until nothing is left to do: as many pods and addresses as wanted, all ready, or nothing at all."""
    base = f"/api/v1/namespaces/{NAMESPACE}"

    def settled() -> bool:
        rc = plane.get(f"{base}/replicationcontrollers/redis-slave")
        pods = plane.get(f"{base}/pods")["items"]
        endpoints = plane.get(f"{base}/endpoints/redis-slave")
        if rc is None:
            return not pods and endpoints is None
        wanted, status = rc["spec"]["replicas"], rc["status"]
        addresses = [a for subset in (endpoints or {}).get("subsets", ()) for a in subset.get("addresses", ())]
        counts = [status["replicas"], status.get("readyReplicas", 0), len(pods), len(addresses)]
        return counts == [wanted] * 4 and status["observedGeneration"] == rc["metadata"]["generation"]

    until(settled, "the controller has settled")


def kubectl(plane: ControlPlane, argv: list[str], stdin: str | None) -> tuple[int, str, str]:
    environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, env=environment)
    return done.returncode, done.stdout, done.stderr


def first_pod(plane: ControlPlane) -> str:
    return str(plane.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"][0]["metadata"]["name"])


def test_kubectl_is_told_what_kubernetes_told_it(plane: ControlPlane) -> None:
    recorded = json.loads(lzma.decompress(RECORDING.read_bytes()))["steps"]
    steps: list[dict[str, Any]] = [step for step in recorded if step["kind"] == "kubectl" and step["client"] == "main"]
    assert len(steps) == 20
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    assert plane.call("POST", "/api/v1/namespaces", namespace)[0] == 201
    with Kubelets(plane):
        for step in steps:
            argv = step["argv"]
            if argv[3:5] == ["delete", "pod"]:
                argv = [*argv[:5], first_pod(plane)]
            code, out, error = kubectl(plane, argv, step["stdin"])
            assert code == step["exit"], (argv, out, error)
            for said, expected in ((out, step["stdout"]), (error, step["stderr"])):
                lines = [without_lone_annotations(masked(text)) for text in (said, expected)]
                assert lines[0] == lines[1], argv
            settle(plane)


@pytest.mark.skipif(TOOLS is None, reason="the recorder's tools are not beside the repository")
def test_the_recorders_own_comparison_matches_in_every_step(plane: ControlPlane, tmp_path: Path) -> None:
    assert TOOLS is not None
    out = tmp_path / "out"
    harness = [
        sys.executable,
        TOOLS / "harness.py",
        "--kubeconfig",
        plane.kubeconfig,
        "--scenarios",
        TOOLS / "scenarios",
    ]
    subprocess.run([*harness, "--out", out, "--only", "redis-slave"], check=True, timeout=120)
    compare = [sys.executable, TOOLS / "compare.py", TOOLS / "redis-slave.json", out / "redis-slave.json", "-v"]
    done = subprocess.run(compare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith(" passed, 0 failed")
