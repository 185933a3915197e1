"""What a pod that fits nowhere is told: kube-scheduler's words (as recorded in sched-decisions and pod-lifecycle)."""

from __future__ import annotations

from typing import Any


def told(cluster: Any) -> dict[str, str]:
    """Pod → message; the event and the condition must agree."""
    messages: dict[str, str] = {}
    for path, part, patch, event in cluster.facts("patch_status"):
        (condition,) = patch["conditions"]
        assert part == "PodScheduled" == condition["type"]
        assert (condition["status"], condition["reason"], condition["observedGeneration"]) == (
            "False",
            "Unschedulable",
            1,
        )
        assert (event["type"], event["reason"], event["action"]) == ("Warning", "FailedScheduling", "Scheduling")
        assert event["component"] == "default-scheduler"
        assert event["message"] == condition["message"]
        messages[path.removeprefix("pod/shop/")] = condition["message"]
    return messages


def test_reasons_are_counted_and_sorted(cluster: Any, node: Any, pod: Any) -> None:
    tainted = {"taints": [{"key": "k", "effect": "NoSchedule"}]}
    cluster.apply(node("a"), node("b", spec=tainted), node("c", spec=tainted), pod("big", requests={"cpu": "3"}))
    assert told(cluster) == {
        "big": "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to "
        "deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    }


def test_a_node_selector_that_matches_nowhere(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), node("b"), node("c"), pod("lost", nodeSelector={"no": "where"}))
    assert told(cluster) == {
        "lost": "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to "
        "deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    }


def test_where_others_hold_the_room_there_are_no_victims(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), pod("old", node="a", requests={"cpu": "2"}), pod("new", requests={"cpu": "2"}))
    assert told(cluster) == {
        "new": "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are "
        "available: 1 No preemption victims found for incoming pod."
    }


def test_of_several_filters_the_first_speaks(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(
        node("a", spec={"unschedulable": True}), pod("new", requests={"cpu": "9"}, nodeSelector={"no": "where"})
    )
    assert "1 node(s) were unschedulable." in told(cluster)["new"]


def test_a_pod_that_never_preempts_is_told_so(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), pod("new", requests={"cpu": "9"}, preemptionPolicy="Never"))
    assert told(cluster)["new"].endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_without_nodes(cluster: Any, pod: Any) -> None:
    cluster.apply(pod("new"))
    assert told(cluster) == {"new": "no nodes available to schedule pods"}


def test_a_pod_is_told_once_and_again_when_the_reasons_change(cluster: Any, node: Any, pod: Any) -> None:
    new = pod("new", requests={"cpu": "9"})
    cluster.apply(node("a"), new)
    ((_, _, patch, _),) = cluster.facts("patch_status")
    cluster.apply({**new, "status": {"phase": "Pending", **patch}})
    assert told(cluster) == {}
    cluster.apply(node("b"))
    assert told(cluster)["new"].startswith("0/2 nodes are available: 2 Insufficient cpu.")


def test_nodes_that_an_affinity_does_not_name_are_put_aside_first(cluster: Any, node: Any, pod: Any) -> None:
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    cordoned = {"unschedulable": True}
    cluster.apply(node("a", spec=cordoned), node("b", spec=cordoned), pod("new", affinity={"nodeAffinity": required}))
    assert told(cluster)["new"].startswith(
        "0/2 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity], 1 node(s) were unschedulable. "
    )
