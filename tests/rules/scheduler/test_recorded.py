"""The filters and the score give the verdicts that kube-scheduler's own plugins gave (recorded, 1.36)."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2] / "conformance" / "data" / "scheduler"
FILTERS = ["NodeUnschedulable", "NodeName", "NodeResourcesFit", "NodeAffinity", "TaintToleration", "NodePorts"]
FILES = [
    "scheduler/filter/named_nodes.dl",
    *(f"scheduler/filter/{name}.dl" for name in
      ("node_unschedulable", "node_name", "node_resources_fit", "node_affinity", "taint_toleration", "node_ports")),
    "scheduler/score/least_allocated.dl",
]  # fmt: skip
Verdicts = dict[str, dict[str, tuple[str, list[str]]]]


@pytest.fixture(scope="module")
def cluster(cluster_of: Any) -> Any:
    return cluster_of(FILES)


def rows(name: str) -> list[dict[str, Any]]:
    with lzma.open(DATA / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(cluster: Any, row: dict[str, Any]) -> None:
    """Replace what the cluster holds by the row's; the incoming pod is one that is asked about."""
    nodes = [{"kind": "Node", **node} for node in row["nodes"]]
    pods = [{"kind": "Pod", **pod} for pod in [*row["pods"], row["pod"]]]
    cluster.db.commit(retract={"asked": cluster.db.facts("asked")})
    cluster.change((), list(cluster.objects.values()))
    cluster.apply(*nodes, *pods)
    cluster.db.commit(insert={"asked": [(cluster.ref("pod/{namespace}/{name}".format(**row["pod"]["metadata"])),)]})


def verdicts(cluster: Any) -> Verdicts:
    """Plugin → node → (code, reasons): U where preemption may help, else UU."""
    outgrown = {node for _, node in cluster.facts("outgrows")}
    found: Verdicts = {name: {} for name in FILTERS}
    for _, node, name, reason in cluster.facts("reject"):
        if name not in found:  # what comes before the filters
            continue
        helps = name == "NodePorts" or (name == "NodeResourcesFit" and node not in outgrown)
        code = "U" if helps else "UU"
        found[name].setdefault(node.removeprefix("node/"), (code, []))[1].append(reason)
    return {name: {node: (code, sorted(why)) for node, (code, why) in nodes.items()} for name, nodes in found.items()}


def expected(row: dict[str, Any]) -> Verdicts:
    plugins = {name: {} if row["plugins"][name] == "skip" else row["plugins"][name] for name in FILTERS}
    return {name: {node: (v["c"], v["r"]) for node, v in nodes.items()} for name, nodes in plugins.items()}


@pytest.mark.slow
@pytest.mark.parametrize("focus", ["resources", "nodename", "unschedulable", "nodeaffinity", "taints", "ports"])
def test_filters_give_the_recorded_verdicts(cluster: Any, focus: str) -> None:
    chosen = [row for row in rows("filters") if row["focus"] == focus]
    assert len(chosen) > 40
    for number, row in enumerate(chosen):
        load(cluster, row)
        assert verdicts(cluster) == expected(row), f"row {number} of {focus}"


@pytest.mark.slow
def test_least_allocated_gives_the_recorded_scores(cluster: Any) -> None:
    for number, row in enumerate(rows("scores")):
        load(cluster, row)
        scores = {node.removeprefix("node/"): value for _, node, name, value in cluster.facts("score")}
        wanted = row["norm"]["NodeResourcesFit"]
        assert {node: scores.get(node) for node in wanted} == wanted, f"row {number}, {row['focus']}"
