"""Rule files of one's own: filters, scores and weights, loaded into a scheduler that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GUESTBOOK = Path(__file__).parents[3] / "examples" / "01-guestbook" / "kept-for-database.dl"


def frontend(pod: Any, name: str) -> dict[str, Any]:
    raw: dict[str, Any] = pod(name)
    raw["spec"]["containers"][0]["image"] = "kubeguide/guestbook-frontend"
    return raw


def test_the_guestbooks_policy_changes_the_next_placement(cluster: Any, node: Any, pod: Any, place: Any) -> None:
    cluster.apply(node("a"), node("b"), frontend(pod, "before"))
    assert place(cluster) == {"before": "a"}
    cluster.db.load("policy", GUESTBOOK.read_text())
    try:
        cluster.delete(frontend(pod, "before"))
        cluster.apply(frontend(pod, "after"), pod("other"))
        assert place(cluster) == {"after": "b", "other": "a"}
    finally:
        cluster.db.unload("policy")
    cluster.delete(*[raw for raw in cluster.objects.values() if raw["kind"] == "Pod"])
    cluster.apply(frontend(pod, "later"))
    assert place(cluster) == {"later": "a"}


def test_a_policys_reason_is_told(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), frontend(pod, "new"))
    changes = cluster.db.load("policy", GUESTBOOK.read_text())
    try:
        assert [name for _, name, _ in changes.retracted["bind"]] == ["a"]
        ((_, _, _, event),) = cluster.facts("patch_status")
        assert event["message"] == (
            "0/1 nodes are available: 1 node(s) were kept for the database. no new claims to deallocate, "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )
    finally:
        cluster.db.unload("policy")


def test_a_score_of_ones_own_outweighs_the_others(cluster: Any, node: Any, pod: Any) -> None:
    cluster.apply(node("a"), node("b", labels={"disk": "ssd"}), pod("old", node="b", requests={"cpu": "1"}), pod("new"))
    assert [name for _, name, _ in cluster.facts("bind")] == ["a"]
    cluster.db.load("fast", """
        score(Shape, Node, "FastDisk", 100) :- feasible(Shape, Node), label(Node, "disk", "ssd").
        weight("FastDisk", 2).
    """)  # fmt: skip
    try:
        assert [name for _, name, _ in cluster.facts("bind")] == ["b"]
    finally:
        cluster.db.unload("fast")
    assert [name for _, name, _ in cluster.facts("bind")] == ["a"]
