"""The agent over a real Docker Engine: what only real containers can show."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import docker
import pytest
from pyroute2 import IPRoute

from rulekube.actuators import images
from rulekube.errors import ApiError
from rulekube.facts.addresses import bridge_name

from .conftest import Cluster

pytestmark = [pytest.mark.docker, pytest.mark.slow]
WORKER = Path(__file__).parents[1] / "actuators" / "worker.c"


class Options(NamedTuple):
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: int | None = None
    since_time: str = ""
    limit: int | None = None


@pytest.fixture(scope="module")
def engine(docker_engine: str) -> str:
    client = docker.APIClient(docker_engine)
    files = {"/worker": images.File(images.compiled(WORKER), 0o755), "/tmp/empty": images.File(b"")}
    images.load_image(client, "rulekube/worker:1", files, {"Entrypoint": ["/worker"]})
    client.close()
    return docker_engine


@pytest.fixture
def bridge() -> Iterator[None]:
    name = bridge_name("test", "n1")
    with IPRoute() as routes:
        routes.link("add", ifname=name, kind="bridge")
        (index,) = routes.link_lookup(ifname=name)
        routes.addr("add", index=index, address="10.251.1.1", prefixlen=24)
        routes.link("set", index=index, state="up")
    yield
    with IPRoute() as routes:
        routes.link("del", index=index)


@pytest.fixture
async def cluster(tmp_path: Path, engine: str, bridge: None) -> AsyncIterator[Cluster]:
    cluster = Cluster(tmp_path, engine=engine)
    yield cluster
    await cluster.stop(remove=True)
    client = docker.APIClient(engine)
    assert client.containers(all=True, filters={"label": "rulekube.cluster=test"}) == []
    client.close()


async def log(cluster: Cluster, name: str, **options: Any) -> str:
    pieces = cluster.agent.logs(cluster.get("pods", name), "main", Options(**options))
    return b"".join([piece async for piece in pieces]).decode()


async def first_lines(cluster: Cluster, name: str, count: int) -> list[str]:
    """The first lines a container writes, waited for."""
    text = b""
    async with contextlib.aclosing(cluster.agent.logs(cluster.get("pods", name), "main", Options(follow=True))) as log:
        async for piece in log:
            text += piece
            if text.count(b"\n") >= count:
                break
    return text.decode().splitlines()[:count]


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


async def test_a_pod_serves_on_its_address_and_comes_back_when_killed(cluster: Cluster, engine: str) -> None:
    probe = {"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 1}
    container = {"args": ["serve", "8080"], "ports": [{"name": "web", "containerPort": 8080}], "readinessProbe": probe}
    cluster.pod("web", container)
    await cluster.until(lambda: cluster.container("web").get("ready"), "web is ready")
    address = cluster.status("web")["podIP"]
    with socket.create_connection((address, 8080), 5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in connection.recv(1024)
    identifier = cluster.container("web")["containerID"].removeprefix("docker://")
    client = docker.APIClient(engine)
    client.kill(identifier)
    client.close()
    await cluster.until(lambda: cluster.container("web")["restartCount"] == 1, "it is restarted")
    await cluster.until(lambda: cluster.container("web")["ready"], "it is ready again")
    assert cluster.status("web")["podIP"] == address
    last = cluster.container("web")["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")


async def test_a_dead_sandbox_is_made_anew_with_the_same_address(cluster: Cluster, engine: str) -> None:
    cluster.pod("web", {"args": ["serve", "8080"]})
    await cluster.until(lambda: cluster.container("web").get("ready"), "web runs")
    address = cluster.status("web")["podIP"]
    ((sandbox, *_),) = cluster.facts("sandbox")
    client = docker.APIClient(engine)
    client.kill(sandbox)
    client.close()
    await cluster.until(
        lambda: [s[0] for s in cluster.facts("sandbox") if s[2] == "ready" and s[0] != sandbox],
        "a new sandbox is ready",
    )
    await cluster.until(lambda: cluster.container("web").get("restartCount") == 1, "the container follows")
    await cluster.until(lambda: cluster.container("web")["ready"], "and runs")
    assert cluster.status("web")["podIP"] == address
    await cluster.until(lambda: listens(address, 8080), "and serves")


async def test_environment_and_files_reach_the_container(cluster: Cluster) -> None:
    meta = {"namespace": "shop"}
    data = {"colour": "red"}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", **meta}, "data": data})
    secret = {"password": base64.b64encode(b"s3cret").decode()}
    cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", **meta}, "data": secret})
    service = {"clusterIP": "10.96.0.7", "ports": [{"port": 6379, "protocol": "TCP"}]}
    cluster.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "redis-slave", **meta}, "spec": service}
    )
    env = [
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "BOTH", "value": "$(ME)-$(COLOUR)-$(NONE)-$$(ME)"},
    ]
    names = ["COLOUR", "PASSWORD", "ME", "BOTH", "REDIS_SLAVE_SERVICE_HOST", "REDIS_SLAVE_PORT_6379_TCP"]
    cluster.pod("env", {"args": ["env", *names], "env": env})
    mounts = [{"name": "settings", "mountPath": "/etc/settings"}, {"name": "me", "mountPath": "/me", "readOnly": True}]
    sources = [
        {"secret": {"name": "login"}},
        {"downwardAPI": {"items": [{"path": "who", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "me", "projected": {"sources": sources}},
    ]
    files = ["/etc/settings/colour", "/me/password", "/me/who", "/etc/hosts"]
    cluster.pod("files", {"args": ["files", *files], "volumeMounts": mounts}, volumes=volumes)
    for name in ("env", "files"):
        await cluster.until(lambda name=name: cluster.container(name).get("ready"), f"{name} runs")
    assert await first_lines(cluster, "env", 6) == [
        "COLOUR=red",
        "PASSWORD=s3cret",
        "ME=env",
        "BOTH=env-red-$(NONE)-$(ME)",
        "REDIS_SLAVE_SERVICE_HOST=10.96.0.7",
        "REDIS_SLAVE_PORT_6379_TCP=tcp://10.96.0.7:6379",
    ]
    shown = await first_lines(cluster, "files", 6)
    assert shown[:3] == ["red", "s3cret", "shop"]
    assert f"{cluster.status('files')['podIP']}\tfiles" in shown


async def test_members_share_a_volume_and_the_network(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "note").write_text("from the host")
    mounts = [{"name": "host", "mountPath": "/host"}, {"name": "empty", "mountPath": "/empty"}]
    volumes = [
        {"name": "host", "hostPath": {"path": str(tmp_path / "shared"), "type": "Directory"}},
        {"name": "empty", "emptyDir": {}},
    ]
    cluster.pod("pair", {"args": ["files", "/host/note"], "volumeMounts": mounts}, volumes=volumes)
    await cluster.until(lambda: cluster.container("pair").get("ready"), "it runs")
    assert await first_lines(cluster, "pair", 1) == ["from the host"]
    folders = sorted(path.name for path in (cluster.config.folder / "pods").glob("*/volumes/*"))
    assert folders == ["empty"]
    cluster.delete("pair", grace=1)
    await cluster.until(lambda: not cluster.get("pods", "pair"), "it ends")
    await cluster.until(lambda: not list((cluster.config.folder / "pods").iterdir()), "its folder is removed")


async def test_memory_beyond_the_limit_is_an_oom_kill(cluster: Cluster) -> None:
    limits = {"limits": {"memory": "16Mi"}}
    cluster.pod("glutton", {"args": ["eat"], "resources": limits}, restartPolicy="Never")
    await cluster.until(lambda: cluster.status("glutton").get("phase") == "Failed", "it fails")
    ended = cluster.container("glutton")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


async def test_logs_can_be_cut_followed_and_of_the_run_before(cluster: Cluster, engine: str) -> None:
    cluster.pod("talk", {"args": ["say", "one", "two", "three"]})
    await cluster.until(lambda: cluster.container("talk").get("ready"), "it runs")
    assert await first_lines(cluster, "talk", 3) == ["one", "two", "three"]
    assert await log(cluster, "talk", tail=2) == "two\nthree\n"
    assert await log(cluster, "talk", limit=5) == "one\nt"
    stamped = await log(cluster, "talk", tail=1, timestamps=True)
    assert stamped.endswith("Z three\n")
    with pytest.raises(ApiError, match='previous terminated container "main" in pod "talk" not found'):
        await log(cluster, "talk", previous=True)
    follower = cluster.agent.logs(cluster.get("pods", "talk"), "main", Options(follow=True))
    assert (await anext(follower)).startswith(b"one")
    client = docker.APIClient(engine)
    client.kill(cluster.container("talk")["containerID"].removeprefix("docker://"))
    client.close()
    assert [piece async for piece in follower][-1:] in ([], [b"three\n"])
    await cluster.until(lambda: cluster.container("talk").get("restartCount") == 1, "it is restarted")
    assert await log(cluster, "talk", previous=True) == "one\ntwo\nthree\n"


async def test_a_restarted_agent_finds_its_pods_and_makes_nothing_twice(cluster: Cluster) -> None:
    cluster.pod("a", {"args": ["wait"]})
    await cluster.until(lambda: cluster.container("a").get("ready"), "it runs")
    before = cluster.container("a")["containerID"]
    await cluster.stop()
    cluster.start()
    await cluster.until(lambda: cluster.facts("instance"), "the agent has looked")
    cluster.pod("b", {"args": ["wait"]})
    await cluster.until(lambda: cluster.container("b").get("ready"), "the agent works")
    assert cluster.container("a")["containerID"] == before
    assert cluster.status("b")["podIP"] == "10.251.1.3"
    assert len(cluster.facts("sandbox")) == 2


async def test_a_pod_without_its_bridge_waits_and_says_so(tmp_path: Path, engine: str) -> None:
    cluster = Cluster(tmp_path, engine=engine)
    try:
        cluster.pod("a", {"args": ["wait"]})
        await cluster.until(lambda: "FailedCreatePodSandBox" in cluster.events("a"), "the trouble is told")
        assert cluster.status("a")["phase"] == "Pending"
    finally:
        await cluster.stop(remove=True)


async def test_security_and_limits_reach_docker(cluster: Cluster, engine: str) -> None:
    security = {
        "runAsUser": 1000,
        "runAsGroup": 2000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
    }
    resources = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "32Mi"}}
    cluster.pod("safe", {"args": ["wait"], "securityContext": security, "resources": resources})
    await cluster.until(lambda: cluster.container("safe").get("ready"), "it runs")
    client = docker.APIClient(engine)
    raw = client.inspect_container(cluster.container("safe")["containerID"].removeprefix("docker://"))
    client.close()
    host = raw["HostConfig"]
    assert raw["Config"]["User"] == "1000:2000"
    assert (host["ReadonlyRootfs"], host["SecurityOpt"]) == (True, ["no-new-privileges"])
    assert (host["CapAdd"], host["CapDrop"]) == (["NET_ADMIN"], ["ALL"])
    assert (host["Memory"], host["CpuShares"], host["CpuQuota"], host["CpuPeriod"]) == (2**25, 256, 50_000, 100_000)
    assert raw["State"]["OOMKilled"] is False


async def test_commands_probe_inside_the_container(cluster: Cluster) -> None:
    good, bad = ({"exec": {"command": ["/worker", "exit", code]}, "periodSeconds": 1} for code in "01")
    cluster.pod("good", {"args": ["wait"], "readinessProbe": good, "startupProbe": good})
    cluster.pod("bad", {"args": ["wait"], "livenessProbe": {**bad, "failureThreshold": 1}})
    await cluster.until(lambda: cluster.container("good").get("ready"), "good is ready")
    await cluster.until(lambda: cluster.container("bad").get("restartCount") == 1, "bad is restarted")
    assert cluster.container("bad")["lastState"]["terminated"]["exitCode"] == 143
    assert {"Unhealthy", "Killing"} <= cluster.events("bad")


async def test_last_words_are_in_the_status(cluster: Cluster) -> None:
    words = {"args": ["note", "/dev/termination-log", "no money left", "7"]}
    words |= {"terminationMessagePath": "/dev/termination-log"}
    cluster.pod("poor", words, restartPolicy="Never")
    await cluster.until(lambda: cluster.status("poor").get("phase") == "Failed", "it fails")
    ended = cluster.container("poor")["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (7, "no money left")


async def test_a_program_that_is_not_there_is_told(cluster: Cluster) -> None:
    cluster.pod("typo", {"command": ["/wrker"]}, restartPolicy="Never")
    await cluster.until(lambda: cluster.status("typo").get("phase") == "Failed", "it fails")
    ended = cluster.container("typo")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert "no such file or directory" in ended["message"]
