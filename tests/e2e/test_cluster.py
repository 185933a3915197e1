"""A cluster as its users meet it: started by one command, driven by kubectl, killed, started again."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, wait

GUESTBOOK = str(ROOT / "examples/01-guestbook")
SEED = {"port": 80, "nodePort": 3001}  # the port of the seed document's example
pytestmark = [pytest.mark.slow, pytest.mark.kubectl]


def ready(cluster, selector):
    pods = cluster.items("pods", "-l", selector)
    return [p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"] and is_ready(p)]


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def test_guestbook_becomes_ready_and_is_replaced_when_deleted(cluster):
    cluster.up("--nodes", "2", "--runtime", "simulated")
    cluster.kubectl("apply", "-f", GUESTBOOK)
    wait("four pods are ready", lambda: len(ready(cluster, "name in (frontend, redis-slave)")) == 4)
    victim = ready(cluster, "name=frontend")[0]
    cluster.kubectl("delete", "pod", victim)
    wait("the pod is replaced", lambda: len(ready(cluster, "name=frontend")) == 2)
    assert victim not in ready(cluster, "name=frontend")
    assert {p["spec"]["nodeName"] for p in cluster.items("pods", "-l", "name=redis-slave")} == {"n1", "n2"}


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice_by_kill_9(cluster):
    cluster.up("--nodes", "2", "--runtime", "simulated")
    cluster.kubectl("apply", "-f", GUESTBOOK)
    for replicas in (7, 3, 9):
        cluster.kubectl("scale", "rc", "frontend", f"--replicas={replicas}")
        cluster.end(signal.SIGKILL)
        cluster.up("--nodes", "2", "--runtime", "simulated")
        wait(f"{replicas} are ready", lambda replicas=replicas: len(ready(cluster, "name=frontend")) == replicas)
        pods = cluster.items("pods", "-l", "name=frontend")
        assert len([p for p in pods if "deletionTimestamp" not in p["metadata"]]) == replicas
    services = {s["metadata"]["name"]: s["spec"]["clusterIP"] for s in cluster.items("services")}
    assert len(set(services.values())) == len(services) == 3
    created = [e for e in cluster.items("events") if e["reason"] == "SuccessfulCreate"]
    names = [e["message"].rpartition(" ")[2] for e in created]
    assert len(names) == len(set(names)), "a pod was created twice"


def test_policy_is_in_force_at_once_and_after_a_restart(cluster):
    cluster.up("--nodes", "2", "--runtime", "simulated")
    cluster.rulekube("policy", "load", f"{GUESTBOOK}/kept-for-database.dl")
    cluster.kubectl("apply", "-f", f"{GUESTBOOK}/2-frontend.yaml")
    wait("two are ready", lambda: len(ready(cluster, "name=frontend")) == 2)
    cluster.end()
    cluster.up("--nodes", "2", "--runtime", "simulated")
    assert json.loads(cluster.rulekube("policy", "list", "-o", "json")) == [
        {"name": "kept-for-database", "state": "in force", "error": ""}
    ]
    cluster.kubectl("scale", "rc", "frontend", "--replicas=4")
    wait("four are ready", lambda: len(ready(cluster, "name=frontend")) == 4)
    assert {p["spec"]["nodeName"] for p in cluster.items("pods", "-l", "name=frontend")} == {"n2"}
    cluster.rulekube("policy", "unload", "kept-for-database")
    cluster.kubectl("scale", "rc", "frontend", "--replicas=6")
    wait("six are ready", lambda: len(ready(cluster, "name=frontend")) == 6)
    assert {p["spec"]["nodeName"] for p in cluster.items("pods", "-l", "name=frontend")} == {"n1", "n2"}


def test_wrong_policy_is_refused_with_its_place_and_changes_nothing(cluster, tmp_path):
    cluster.up("--no-node")
    wrong = tmp_path / "wrong.dl"
    wrong.write_text('reject(Shape, Node, "Mine", "no") :- nod(Node, _), shape(Shape).\n')
    said = cluster.rulekube("policy", "load", str(wrong), check=False)
    assert "wrong:1:" in said
    assert "did you mean `node`?" in said
    assert json.loads(cluster.rulekube("policy", "list", "-o", "json")) == []


def test_query_and_why_speak_of_the_live_cluster(cluster):
    cluster.up("--nodes", "1", "--runtime", "simulated")
    cluster.kubectl("apply", "-f", f"{GUESTBOOK}/1-redis-slave.yaml")
    wait("two are ready", lambda: len(ready(cluster, "name=redis-slave")) == 2)
    rows = json.loads(cluster.rulekube("query", 'label(P, "name", "redis-slave"), pod_node(P, Node)', "-o", "json"))
    assert [row["Node"] for row in rows] == ["n1", "n1"]
    proof = cluster.rulekube("why", f"bind({rows[0]['P']}, Node, _)", "--without", f"pod_node({rows[0]['P']}, _)")
    assert re.search(r"\[rules/scheduler/bind\.dl:\d+:\d+\]", proof)
    endpoint = json.loads(
        cluster.rulekube("why", f"endpoint(service/default/redis-slave, {rows[0]['P']}, Ip)", "-o", "json")
    )
    assert endpoint["place"].startswith("rules/controllers/endpoints.dl:")
    assert endpoint["premises"]


def test_detached_cluster_ends_by_down_and_leaves_no_process(cluster):
    said = cluster.rulekube("up", "--detach", "--no-node", "--data", str(cluster.data), "--listen", "127.0.0.1:0")
    assert "export KUBECONFIG=" in said
    pid = int((cluster.data / "store.db.lock").read_text())
    assert "default" in cluster.kubectl("get", "namespaces")
    second = cluster.rulekube("up", "--no-node", "--data", str(cluster.data), "--listen", "127.0.0.1:0", check=False)
    assert f"process {pid}" in second
    assert "cluster ended" in cluster.rulekube("down", "--data", str(cluster.data))
    wait("the process has ended", lambda: not Path(f"/proc/{pid}").exists() or zombie(pid))
    assert "no cluster runs" in cluster.rulekube("down", "--data", str(cluster.data), check=False)


def test_interrupt_ends_the_cluster_cleanly(cluster):
    cluster.up("--nodes", "1", "--runtime", "simulated")
    assert cluster.end(signal.SIGINT) == 0
    assert not (cluster.data / "ready").exists()


def test_node_port_outside_the_range_is_refused_in_kubernetes_words(cluster):
    cluster.up("--no-node")
    manifest = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "seed"},
            "spec": {"type": "NodePort", "ports": [SEED]},
        }
    )
    said = cluster.kubectl("apply", "-f", "-", stdin=manifest, check=False)
    assert "spec.ports[0].nodePort: Invalid value: 3001: provided port is not in the valid range. " in said
    assert "The range of valid ports is 30000-32767" in said
    cluster.end()
    cluster.up("--no-node", "--service-node-port-range", "3000-3100")
    cluster.kubectl("apply", "-f", "-", stdin=manifest)
    assert (
        cluster.items("services", "--field-selector", "metadata.name=seed")[0]["spec"]["ports"][0]["nodePort"] == 3001
    )


def test_own_verbs_do_without_kubectl(cluster):
    cluster.up("--nodes", "1", "--runtime", "simulated")
    assert "replicationcontroller/redis-slave created" in cluster.rulekube("apply", "-f", GUESTBOOK)
    assert "service/frontend unchanged" in cluster.rulekube("apply", "-f", GUESTBOOK)
    wait("it is shown", lambda: cluster.rulekube("get", "pods", "-l", "name=frontend").count("1/1") == 2)
    assert json.loads(cluster.rulekube("get", "svc", "frontend", "-o", "json"))["spec"]["ports"][0]["nodePort"] == 30001
    assert "doesn't have a resource type" in cluster.rulekube("get", "nonsense", check=False)


def zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_down_never_ends_a_process_that_is_not_the_clusters(cluster):
    cluster.up("--no-node")
    cluster.end(signal.SIGKILL)
    with subprocess.Popen(["sleep", "60"]) as other:
        (cluster.data / "store.db.lock").write_text(
            f"{other.pid}\n"
        )  # the number of a process that has ended comes back
        assert "no cluster runs" in cluster.rulekube("down", "--data", str(cluster.data), check=False)
        assert other.poll() is None
        cluster.up("--no-node")
        assert "default" in cluster.kubectl("get", "namespaces")
        other.kill()


def test_secrets_are_readable_by_their_owner_alone(cluster):
    cluster.data.mkdir(mode=0o755)
    os.chmod(cluster.data, 0o755)
    cluster.up("--no-node")
    cluster.kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    readable = [p.name for p in cluster.data.rglob("*") if p.is_file() and p.name != "log" and p.stat().st_mode & 0o077]
    assert readable == ["ca.crt"] or readable == []
