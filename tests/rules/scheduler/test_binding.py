"""Which pod is bound next, and to which node."""

from __future__ import annotations

from typing import Any

from rulekube.engine import to_json


def test_a_pod_is_bound_to_the_emptiest_node(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), node("b"), pod("old", node="a", requests={"cpu": "1"}), pod("new"))
    ((path, name, event),) = cluster.facts("bind")
    assert (path, name) == ("pod/shop/new", "b")
    assert event == {
        "type": "Normal",
        "reason": "Scheduled",
        "message": "Successfully assigned shop/new to b",
        "component": "default-scheduler",
        "action": "Binding",
    }


def test_pods_that_ask_for_nothing_spread_over_equal_nodes(cluster: Any, node: Any, pod: Any, place: Any) -> None:
    cluster.apply(*(node(name) for name in "abc"), *(pod(f"p{i}") for i in range(6)))
    assert sorted(place(cluster).values()) == ["a", "a", "b", "b", "c", "c"]


def test_of_equal_nodes_the_one_with_the_fewest_pods_is_taken_then_the_first_by_name(
    cluster: Any, node: Any, pod: Any, place: Any
) -> None:
    vast = {"allocatable": {"cpu": "512", "memory": "1Ti", "pods": "110"}}
    cluster.apply(node("c", status=vast), node("b", status=vast), *(pod(f"p{i}") for i in range(4)))
    assert len({value for _, _, _, value in cluster.facts("score")}) == 1
    assert place(cluster) == {"p0": "b", "p1": "c", "p2": "b", "p3": "c"}


def test_one_pod_is_bound_at_a_time_the_most_important_first_then_the_oldest(
    cluster: Any, node: Any, pod: Any, place: Any
) -> None:
    cluster.apply(node("a"), pod("young", created=2), pod("old", created=1), pod("vip", created=3, priority=10))
    assert list(place(cluster)) == ["vip", "old", "young"]


def test_a_pod_that_fits_nowhere_blocks_nobody(cluster: Any, node: Any, pod: Any, place: Any) -> None:
    cluster.apply(node("a"), pod("giant", created=1, priority=10, requests={"cpu": "9"}), pod("small", created=2))
    assert place(cluster) == {"small": "a"}


def test_pods_of_one_shape_share_its_filters(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), *(pod(f"p{i}", requests={"cpu": "1m"}) for i in range(5)), pod("other"))
    assert len(cluster.facts("shape")) == 2
    assert len(cluster.facts("feasible")) == 2


def test_a_shape_lives_while_a_pod_of_it_waits_or_starts(cluster: Any, node: Any, pod: Any) -> None:
    waiting, starting = pod("p"), pod("p", node="a")
    cluster.apply(node("a"), waiting)
    (shape,) = cluster.facts("shape")
    cluster.apply(starting)
    assert cluster.facts("shape") == [shape]
    cluster.apply({**starting, "status": {"phase": "Running"}})
    assert cluster.facts("shape") == [] == cluster.facts("total_score")


def test_pods_of_other_schedulers_or_behind_gates_or_leaving_wait_for_nobody(cluster: Any, node: Any, pod: Any) -> None:
    leaving = pod("leaving")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:09Z"
    cluster.apply(node("a"), pod("other", schedulerName="mine"), pod("gated", schedulingGates=[{"name": "g"}]), leaving)
    assert cluster.facts("queued") == [] == cluster.facts("bind")


def test_a_finished_pod_gives_its_room_back(cluster: Any, node: Any, pod: Any) -> None:
    job = pod("job", node="a", requests={"cpu": "2"})
    cluster.apply(node("a"), job, pod("new", requests={"cpu": "1"}))
    assert cluster.facts("bind") == []
    cluster.apply({**job, "status": {"phase": "Succeeded"}})
    assert [path for path, _, _ in cluster.facts("bind")] == ["pod/shop/new"]


def test_a_sidecar_counts_beside_the_containers_an_init_container_before_them(
    cluster: Any, node: Any, pod: Any
) -> None:
    def init(cpu: str, **more: Any) -> dict[str, Any]:
        return {"name": "i" + cpu, "image": "x", "resources": {"requests": {"cpu": cpu}}, **more}

    cluster.apply(
        node("a"),
        pod("side", requests={"cpu": "1"}, initContainers=[init("500m", restartPolicy="Always"), init("700m")]),
        pod("init", requests={"cpu": "1"}, initContainers=[init("1700m")]),
    )
    asks = {
        (pod_, units)
        for pod_, purpose, resource, units in cluster.facts("pod_ask")
        if (purpose, resource) == ("fit", "cpu")
    }
    assert asks == {("pod/shop/side", 1500), ("pod/shop/init", 1700)}


def test_a_binding_that_failed_stays_owed_and_holds_up_nobody(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), pod("vip", priority=10), pod("next"))
    failure = {"failed": [("bind", to_json(["pod/shop/vip"]), "refused", 1)]}
    cluster.db.commit(insert=failure)
    try:
        assert sorted(path for path, _, _ in cluster.facts("bind")) == ["pod/shop/next", "pod/shop/vip"]
    finally:
        cluster.db.commit(retract=failure)
    assert [path for path, _, _ in cluster.facts("bind")] == ["pod/shop/vip"]


def test_placing_a_pod_touches_its_node_alone(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(*(node(name) for name in "abcde"), *(pod(f"p{i}") for i in range(3)))
    ((path, name, _),) = cluster.facts("bind")
    raw = cluster.objects[path]
    changes = cluster.apply({**raw, "spec": {**raw["spec"], "nodeName": name}})
    of_nodes = {
        "node_taken": 0, "node_left": 0, "node_pods": 0, "reject": 1, "feasible": 1, "free_share": 1, "total_score": 1
    }  # fmt: skip
    touched = [
        fact[column].path
        for changed in (changes.inserted, changes.retracted)
        for relation, column in of_nodes.items()
        for fact in changed.get(relation, [])
    ]
    assert len(touched) > 5
    assert set(touched) == {f"node/{name}"}
