"""A cluster's place in the machine's network: taken ranges are refused; pods reach the API, or are not told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from rulekube.actuators import images

from .conftest import ROOT, wait

DOCKERD = shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin")
CAPABLE = os.geteuid() == 0 and DOCKERD is not None
REAL = (
    pytest.mark.docker,
    pytest.mark.nft,
    pytest.mark.skipif(not CAPABLE, reason="needs root and dockerd (on Debian: apt-get install docker.io)"),
)
pytestmark = [pytest.mark.slow, pytest.mark.kubectl, *REAL]
POD = """
apiVersion: v1
kind: Pod
metadata: {name: asking, labels: {app: asking}}
spec:
  nodeName: n2
  containers: [{name: c, image: "rulekube/worker:1", args: [sleep, "600"], imagePullPolicy: Never}]
"""
ASK = """
import json, ssl, sys, urllib.error, urllib.request
url, ca, token = sys.argv[1:4]
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token} if token else {})
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
try:
    answer = opener.open(request, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, json.load(answer)]))
"""


def ask(prefix: list[str], path: str, folder: Path, token: str = "") -> tuple[int, dict]:
    """What the API answers at the Service's address, asked by a process that `prefix` places."""
    argv = [*prefix, sys.executable, "-c", ASK, "https://10.96.0.1" + path, str(folder / "ca.crt"), token]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    status, body = json.loads(done.stdout)
    return status, body


def test_pods_and_the_machine_reach_the_api_by_its_service(cluster):
    cluster.up("--nodes", "2", "--runtime", "docker", "--no-pull")
    engine = docker.APIClient(base_url=json.loads((cluster.data / "engine.json").read_text())["url"])
    try:
        worker = images.compiled(ROOT / "tests/actuators/worker.c")
        images.load_image(
            engine, "rulekube/worker:1", {"/worker": images.File(worker, 0o755)}, {"Entrypoint": ["/worker"]}
        )
        cluster.kubectl("apply", "-f", "-", stdin=POD)
        wait("the pod runs", lambda: cluster.items("pods", "-l", "app=asking")[0]["status"]["phase"] == "Running")
        uid = cluster.items("pods", "-l", "app=asking")[0]["metadata"]["uid"]
        found = engine.containers(filters={"label": f"rulekube.uid={uid}"})
        pid = engine.inspect_container(found[0]["Id"])["State"]["Pid"]
    finally:
        engine.close()
    token = next(path for path in (cluster.data / "nodes/n2/pods" / uid).glob("volumes/**/token") if path.is_symlink())
    inside = ["nsenter", "-t", str(pid), "-n"]
    for prefix in (inside, []):
        assert ask(prefix, "/version", token.parent)[0] == 200
        assert ask(prefix, "/api/v1/namespaces/default/pods", token.parent)[0] in (401, 403)
    status, told = ask(inside, "/api/v1/namespaces/default/pods", token.parent, token.read_text())
    assert (status, told["reason"]) == (403, "Forbidden")
    assert 'User "system:serviceaccount:default:default" cannot list' in told["message"]


def test_where_pods_are_pretended_no_endpoint_is_published(cluster):
    cluster.up("--runtime", "simulated")
    wait("the Service is there", lambda: "kubernetes" in cluster.kubectl("get", "services", "-o", "name"))
    assert cluster.items("endpoints") == cluster.items("endpointslices") == []


def test_ranges_of_another_cluster_are_refused_before_anything_is_made(cluster):
    there = "ip link set lo up; ip link add rk12345-n1 type bridge; ip addr add 10.244.1.1/24 dev rk12345-n1; "
    up = f"exec {sys.executable} -m rulekube up --runtime docker --listen 127.0.0.1:0 --data {cluster.data}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", there + up],
        cwd=ROOT, env=cluster.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 6
    assert "link rk12345-n1, of another RuleKube cluster, has 10.244.1.0/24. Start with --pod-cidr 10.2" in done.stderr
    assert not (cluster.data / "store.db").exists()
