"""What admission makes of pods, against recorded ones."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from rulekube.errors import ApiError

TOKEN = re.compile(r"kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}")


def pod(name: str = "x", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "nginx"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def account(name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}, **fields}


def masked(value: Any) -> Any:
    """Without what differs by server and run: uid, times, revision, namespace, the letters of the token's volume."""
    value = copy.deepcopy(value)
    for field in ("uid", "resourceVersion", "creationTimestamp", "namespace", "managedFields"):
        value["metadata"].pop(field, None)
    return json.loads(TOKEN.sub("kube-api-access-?????", json.dumps(value)))


def mounts(stored: dict[str, Any]) -> list[list[str]]:
    containers = [*stored["spec"]["containers"], *stored["spec"].get("initContainers", [])]
    return [[mount["mountPath"] for mount in container.get("volumeMounts", [])] for container in containers]


def unjudged(stored: dict[str, Any]) -> dict[str, Any]:
    """A recorded pod without what admission gave it."""
    raw = masked(stored)
    for field in ("serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy"):
        del raw["spec"][field]
    raw["spec"]["volumes"] = [volume for volume in raw["spec"]["volumes"] if "projected" not in volume]
    for container in raw["spec"]["containers"]:
        del container["volumeMounts"]
    return raw


def test_a_pod_is_stored_as_recorded(door: Any, recorded: Any) -> None:
    stored = recorded["default-pod"]["stored"]
    assert masked(door.create(unjudged(stored))) == masked(stored)


def test_an_unknown_account_is_refused_in_the_recorded_words(door: Any, recorded: Any) -> None:
    with pytest.raises(ApiError) as refusal:
        door.create(pod(serviceAccountName="nope"))
    assert refusal.value.reason == "Forbidden"
    assert refusal.value.message == recorded["refusals"]["no-account"].replace("g-validation", "shop")
    assert refusal.value.details == {"kind": "pods", "name": "x"}


def test_a_known_account_is_taken_and_told_twice(door: Any) -> None:
    door.create(account("robot"))
    spec = door.create(pod(serviceAccountName="robot"))["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("robot", "robot")


def test_pull_secrets_come_from_the_account_where_the_pod_names_none(door: Any) -> None:
    door.create(account("robot", imagePullSecrets=[{"name": "a"}]))
    assert door.create(pod("one", serviceAccountName="robot"))["spec"]["imagePullSecrets"] == [{"name": "a"}]
    own = pod("two", serviceAccountName="robot", imagePullSecrets=[{"name": "b"}])
    assert door.create(own)["spec"]["imagePullSecrets"] == [{"name": "b"}]


@pytest.mark.parametrize(("of_account", "of_pod", "mounted"), [
    (None, None, True), (False, None, False), (False, True, True), (True, False, False), (None, False, False),
])  # fmt: skip
def test_the_token_is_mounted_unless_pod_or_account_refuse(
    door: Any, of_account: Any, of_pod: Any, mounted: bool
) -> None:
    door.create(account("robot", **({} if of_account is None else {"automountServiceAccountToken": of_account})))
    more = {} if of_pod is None else {"automountServiceAccountToken": of_pod}
    stored = door.create(pod(serviceAccountName="robot", **more))
    assert bool(stored["spec"].get("volumes")) == mounted == bool(mounts(stored)[0])


def test_every_container_mounts_the_token_but_the_one_with_its_own(door: Any) -> None:
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    own = {"name": "own", "image": "x", "volumeMounts": [{"name": "mine", "mountPath": place}]}
    more = {"name": "more", "image": "x", "volumeMounts": [{"name": "mine", "mountPath": "/data"}]}
    init = {"name": "init", "image": "x"}
    sent = pod(containers=[own, more], initContainers=[init], volumes=[{"name": "mine", "emptyDir": {}}])
    stored = door.create(sent)
    assert mounts(stored) == [[place], ["/data", place], [place]]
    assert stored["spec"]["containers"][0]["volumeMounts"][0]["name"] == "mine"
    assert next(volume["name"] for volume in stored["spec"]["volumes"]) == "mine"
    assert len(stored["spec"]["volumes"]) == 2


def test_a_token_volume_that_is_there_is_used_again(door: Any) -> None:
    stored = door.create(pod(volumes=[{"name": "kube-api-access-abcde", "emptyDir": {}}]))
    assert [volume["name"] for volume in stored["spec"]["volumes"]] == ["kube-api-access-abcde"]
    assert stored["spec"]["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-abcde"


def test_the_volume_of_one_request_is_always_called_the_same(door: Any) -> None:
    first, again = (door.judge("CREATE", pod()).fields["spec.volumes"] for _ in range(2))
    other = door.judge("CREATE", pod("other")).fields["spec.volumes"]
    assert first == again != other


def test_own_tolerations_are_kept_and_not_doubled(door: Any) -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    keys = [
        (t.get("key"), t.get("tolerationSeconds")) for t in door.create(pod(tolerations=[own]))["spec"]["tolerations"]
    ]
    assert keys == [("node.kubernetes.io/not-ready", 5), ("node.kubernetes.io/unreachable", 300)]


def test_a_pod_that_tolerates_all_is_given_nothing(door: Any) -> None:
    assert door.create(pod(tolerations=[{"operator": "Exists"}]))["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_priority_follows_from_the_class(door: Any, recorded: Any) -> None:
    vip = door.create(pod("vip", priorityClassName="system-node-critical"))["spec"]
    assert (vip["priority"], vip["preemptionPolicy"]) == (2000001000, "PreemptLowerPriority")
    with pytest.raises(ApiError, match="forbidden") as refusal:
        door.create(pod(priorityClassName="nope"))
    assert refusal.value.message == recorded["refusals"]["no-priority-class"]


def test_a_priority_of_its_own_is_refused(door: Any) -> None:
    with pytest.raises(ApiError, match=r"the integer value of priority \(7\) must not be provided in pod spec"):
        door.create(pod(priority=7))
    assert door.create(pod(priority=0))["spec"]["priority"] == 0


def test_a_bound_pod_takes_over_zone_and_region(door: Any) -> None:
    labels = {"topology.kubernetes.io/zone": "z2", "topology.kubernetes.io/region": "r1", "disk": "ssd"}
    door.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": labels}})
    door.create(pod())
    target = {"apiVersion": "v1", "kind": "Node", "name": "n1"}
    bound = door.writer.bind("shop", "x", {"apiVersion": "v1", "kind": "Binding", "target": target}).object
    assert bound["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z2", "topology.kubernetes.io/region": "r1"}
    assert bound["spec"]["nodeName"] == "n1"


def test_a_pod_made_with_a_node_takes_over_its_zone(door: Any) -> None:
    labels = {"topology.kubernetes.io/zone": "z2"}
    door.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": labels}})
    assert door.create(pod(nodeName="n1"))["metadata"]["labels"] == labels


def test_what_the_agent_does_not_honour_is_said(door: Any) -> None:
    wanted = pod(hostAliases=[{"ip": "10.0.0.1"}], hostPID=False, securityContext={"runAsNonRoot": True})
    wanted["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}],
        "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
    }
    warned = sorted(text.partition(":")[0] for text in door.judge("CREATE", wanted).warnings)
    assert warned == [
        "spec.containers[0].lifecycle.preStop",
        "spec.containers[0].ports[0].hostPort",
        "spec.hostAliases",
        "spec.securityContext.runAsNonRoot",
    ]
    assert door.judge("CREATE", pod()).warnings == []
