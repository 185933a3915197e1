"""Each filter, by cases: which nodes a pod may land on, and why not on the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "scheduler" / "filters.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_filter(cluster: Any, node: Any, pod: Any, case: dict[str, Any]) -> None:
    cluster.apply(*(node(name, **details) for name, details in case["nodes"].items()))
    cluster.apply(*(pod(f"on-{name}", node=name, **details) for name, details in case.get("bound", {}).items()))
    cluster.apply(pod("new", **case["pod"]))
    ((shape,),) = cluster.query("pod_shape(pod/shop/new, Shape)")
    refused: dict[str, dict[str, list[str]]] = {}
    for of, path, name, reason in cluster.facts("reject"):
        if of != shape:
            continue
        refused.setdefault(path.removeprefix("node/"), {}).setdefault(name, []).append(reason)
    assert (
        sorted(path.removeprefix("node/") for of, path in cluster.facts("feasible") if of == shape) == case["feasible"]
    )
    assert refused == case["refused"]
