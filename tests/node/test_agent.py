"""The agent's whole loop over pretend containers: objects in, pods run, statuses and Events out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rulekube.actuators.simulated import BEHAVIOUR
from rulekube.errors import ApiError
from rulekube.node.logs import chosen_run

from .conftest import Cluster


def behaving(**behaviour: Any) -> dict[str, str]:
    return {BEHAVIOUR: json.dumps({"main": behaviour})}


async def test_the_node_registers_and_holds_its_lease(cluster: Cluster) -> None:
    lease = await cluster.until(
        lambda: cluster.get("leases.coordination.k8s.io", "n1", "kube-node-lease"), "the lease is there"
    )
    assert lease["spec"]["holderIdentity"] == "n1"
    node = await cluster.until(lambda: cluster.get("nodes", "n1", "").get("status", {}).get("conditions") and
                               cluster.get("nodes", "n1", ""), "the node has a status")  # fmt: skip
    assert node["spec"]["podCIDR"] == "10.251.1.0/24"
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]} == {
        "DiskPressure": "False",
        "MemoryPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    assert node["status"]["capacity"] == node["status"]["allocatable"]
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.251.1.1"}
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"] == "simulated://1"


async def test_a_pod_runs_and_its_status_tells(cluster: Cluster) -> None:
    cluster.pod("a", {})
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs")
    status = cluster.status("a")
    assert (status["podIP"], status["hostIP"]) == ("10.251.1.2", "10.251.1.1")
    assert status["podIPs"] == [{"ip": "10.251.1.2"}]
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        ("ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled", "Ready"), "True"
    )
    container = cluster.container("a")
    assert list(container["state"]) == ["running"]
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    await cluster.until(lambda: cluster.events("a") == {"Pulled", "Created", "Started"}, "its events are told")


async def test_pods_take_the_smallest_free_addresses_and_give_them_back(cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        cluster.pod(name, {})
    await cluster.until(lambda: all(cluster.status(n).get("podIP") for n in "abc"), "all have addresses")
    taken = {cluster.status(name)["podIP"]: name for name in "abc"}
    assert sorted(taken) == ["10.251.1.2", "10.251.1.3", "10.251.1.4"]
    cluster.delete(taken["10.251.1.3"])
    await cluster.until(lambda: len(cluster.facts("address_lease")) == 2, "the address is given back")
    cluster.pod("d", {})
    await cluster.until(lambda: cluster.status("d").get("podIP"), "d has an address")
    assert cluster.status("d")["podIP"] == "10.251.1.3"


async def test_a_deleted_pod_ends_and_leaves_nothing(cluster: Cluster) -> None:
    cluster.pod("a", {})
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs")
    cluster.delete("a")
    await cluster.until(lambda: not cluster.get("pods", "a"), "the object goes")
    await cluster.until(
        lambda: not any(map(cluster.facts, ("sandbox", "instance", "address_lease", "pod_folder"))), "all is removed"
    )
    assert "Killing" in cluster.events("a")


async def test_a_stubborn_container_is_killed_after_its_grace(cluster: Cluster) -> None:
    cluster.pod("a", {}, behaving(ignoresTerm=True), terminationGracePeriodSeconds=20)
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs")
    cluster.delete("a")
    await cluster.until(lambda: cluster.facts("signalled"), "it is asked to end")
    assert cluster.get("pods", "a")
    cluster.clock.ahead += 20_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: not cluster.get("pods", "a"), "it is made to end")


async def test_a_crashing_container_is_restarted_at_once_then_with_growing_pauses(cluster: Cluster) -> None:
    cluster.pod("a", {}, behaving(exitCode=3))
    await cluster.until(lambda: cluster.container("a").get("restartCount") == 1, "the first restart follows at once")
    await cluster.until(lambda: "waiting" in cluster.container("a")["state"], "then it backs off")
    container = cluster.container("a")
    uid = cluster.get("pods", "a")["metadata"]["uid"]
    assert container["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": f"back-off 10s restarting failed container=main pod=a_shop({uid})",
    }
    assert container["lastState"]["terminated"]["exitCode"] == 3
    assert cluster.status("a")["phase"] == "Running"
    cluster.clock.ahead += 10_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: cluster.container("a")["restartCount"] == 2, "it is restarted after 10 seconds")
    await cluster.until(lambda: "back-off 20s" in json.dumps(cluster.container("a")), "the pause doubles")
    assert "BackOff" in cluster.events("a")
    await cluster.until(lambda: cluster.counts("a").get("BackOff") == 2, "each pause is counted")
    assert cluster.counts("a") == {"Pulled": 3, "Created": 3, "Started": 3, "BackOff": 2}
    named = [e["reason"] for e in cluster.store.list("events") if e["involvedObject"]["name"] == "a"]
    assert named == ["Pulled", "Created", "Started", "BackOff"], "names go by time"


async def test_a_program_that_cannot_start_is_tried_with_growing_pauses_too(cluster: Cluster) -> None:
    cluster.pod("a", {}, behaving(startError="no such file"))
    await cluster.until(lambda: "RunContainerError" in json.dumps(cluster.container("a")), "the error is told")
    await cluster.until(lambda: cluster.container("a")["restartCount"] == 1, "the first restart follows at once")
    cluster.clock.ahead += 2_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: "back-off 10s" in json.dumps(cluster.container("a")), "then it waits")
    cluster.clock.ahead += 10_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: cluster.container("a")["restartCount"] == 2, "it is tried after 10 seconds")
    assert len(cluster.facts("run_container")) == 0


async def test_restart_policies_decide_the_phase(cluster: Cluster) -> None:
    cluster.pod("done", {}, behaving(exitCode=0), restartPolicy="Never")
    cluster.pod("broken", {}, behaving(exitCode=1), restartPolicy="Never")
    cluster.pod("retried", {}, behaving(exitCode=1), restartPolicy="OnFailure")
    await cluster.until(lambda: cluster.status("done").get("phase") == "Succeeded", "done succeeds")
    await cluster.until(lambda: cluster.status("broken").get("phase") == "Failed", "broken fails")
    await cluster.until(lambda: cluster.container("retried").get("restartCount") == 1, "retried is retried")
    assert [c["reason"] for c in cluster.status("done")["conditions"] if c["type"] == "Ready"] == ["PodCompleted"]
    await cluster.until(lambda: len(cluster.facts("sandbox")) == 1, "ended pods give up their sandboxes")
    assert cluster.container("broken")["state"]["terminated"]["exitCode"] == 1


async def test_init_containers_run_first_and_in_order(cluster: Cluster) -> None:
    behaviour = {BEHAVIOUR: json.dumps({"one": {"exitCode": 0, "after": 0.05}, "two": {"exitCode": 0}})}
    init = [{"name": name, "image": "rulekube/worker:1"} for name in ("one", "two")]
    cluster.pod("a", {}, behaviour, initContainers=init)
    await cluster.until(lambda: cluster.status("a").get("initContainerStatuses"), "init containers have statuses")
    assert cluster.container("a")["state"] == {"waiting": {"reason": "PodInitializing"}}
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs in the end")
    started = {i[2]: t[1] for i in cluster.facts("instance") for t in cluster.facts("instance_started") if t[0] == i[0]}
    assert started["one"] < started["two"] < started["main"]


async def test_an_image_that_cannot_be_pulled_is_told(cluster: Cluster) -> None:
    cluster.pod("a", {"image": "registry.invalid/x:1"})
    await cluster.until(lambda: "ErrImagePull" in json.dumps(cluster.container("a")), "the failure is told")
    assert cluster.status("a")["phase"] == "Pending"
    with pytest.raises(ApiError, match='container "main" in pod "a" is waiting to start: image can\'t be pulled'):
        chosen_run([], cluster.get("pods", "a"), "main", previous=False)
    cluster.clock.ahead += 3_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: "ImagePullBackOff" in json.dumps(cluster.container("a")), "then the waiting")
    with pytest.raises(ApiError, match="is waiting to start: trying and failing to pull image"):
        chosen_run([], cluster.get("pods", "a"), "main", previous=False)
    cluster.clock.ahead += 10_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: [f[1] for f in cluster.facts("pull_failed")] == [1], "it is tried again")


async def test_readiness_follows_the_probe_and_liveness_restarts(cluster: Cluster) -> None:
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.pod("shy", {"readinessProbe": probe}, behaving(ready=False))
    cluster.pod("open", {"readinessProbe": probe}, behaving())
    cluster.pod("sick", {"livenessProbe": {**probe, "failureThreshold": 2}}, behaving(live=False))
    await cluster.until(lambda: cluster.container("open").get("ready"), "open is ready")
    await cluster.until(lambda: cluster.container("sick").get("restartCount") == 1, "sick is restarted")
    assert cluster.container("shy")["ready"] is False
    ready = {c["type"]: c for c in cluster.status("shy")["conditions"]}["Ready"]
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [main]")
    assert "Unhealthy" in cluster.events("shy")


async def test_a_missing_configmap_holds_a_container_back(cluster: Cluster) -> None:
    key = {"name": "settings", "key": "colour"}
    cluster.pod("a", {"env": [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": key}}]})
    await cluster.until(lambda: "CreateContainerConfigError" in json.dumps(cluster.container("a")), "it is told")
    assert cluster.container("a")["state"]["waiting"]["message"] == 'configmap "settings" not found'
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}}
    cluster.create({**settings, "data": {"colour": "red"}})
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "it runs once the map is there")


async def test_orphans_of_a_deleted_pod_are_removed_after_a_restart(cluster: Cluster) -> None:
    cluster.pod("a", {})
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs")
    (sandbox,) = cluster.facts("sandbox")
    runtime = cluster.agent.runtime
    await cluster.stop()
    cluster.delete("a", grace=0)
    cluster.start()
    for action_facts in ({"sandbox": [sandbox]},):
        cluster.agent.reconciler.report(action_facts)
    await cluster.until(lambda: cluster.agent.reconciler.db.facts("remove_sandbox"), "its sandbox is to be removed")
    assert runtime is not cluster.agent.runtime


async def test_a_pod_past_its_deadline_fails_and_ends(cluster: Cluster) -> None:
    cluster.pod("a", {}, activeDeadlineSeconds=60)
    await cluster.until(lambda: cluster.status("a").get("phase") == "Running", "a runs")
    cluster.clock.ahead += 61_000_000
    cluster.agent.reconciler._wake()
    await cluster.until(lambda: cluster.status("a").get("phase") == "Failed", "a fails")
    assert cluster.status("a")["reason"] == "DeadlineExceeded"
    container = cluster.container("a")
    assert ("terminated" in container["state"], container["ready"]) == (True, False)
    ready = {c["type"]: (c["status"], c["reason"]) for c in cluster.status("a")["conditions"] if "reason" in c}
    assert ready == {"Ready": ("False", "PodFailed"), "ContainersReady": ("False", "PodFailed")}
    assert container["restartCount"] == 0
    assert {"DeadlineExceeded", "Killing"} <= cluster.events("a")
    await cluster.until(lambda: not cluster.facts("sandbox"), "its sandbox goes")


async def test_a_volume_of_an_unknown_kind_is_told(cluster: Cluster) -> None:
    mounts = [{"name": "far", "mountPath": "/far"}]
    volumes = [{"name": "far", "nfs": {"server": "nfs.invalid", "path": "/"}}]
    cluster.pod("a", {"volumeMounts": mounts}, volumes=volumes)
    await cluster.until(lambda: "FailedMount" in cluster.events("a"), "the trouble is told")
    assert cluster.container("a")["state"] == {"waiting": {"reason": "ContainerCreating"}}
