"""The writer with the admission rules in it, over a store in memory: what a client would be answered."""

from __future__ import annotations

import itertools
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rulekube.facts import judgement, resources
from rulekube.facts.admission import Request, Verdict
from rulekube.facts.store import Change, MemoryStore
from rulekube.facts.writer import Writer

RawObject = dict[str, Any]
FILES = [
    f"admission/{name}.dl"
    for name in (
        "namespace_lifecycle",
        "service_account",
        "service_account_token",
        "default_tolerations",
        "not_honoured",
        "priority",
        "pod_topology_labels",
        "taint_new_nodes",
        "cluster_ip",
        "node_port",
        "service_fields",
    )
]
SETTINGS = {"service-cluster-ip-range": "10.96.0.0/16", "service-node-port-range": "30000-32767"}


class Door:
    """The writer and the rules that judge its requests."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.store = MemoryStore()
        self.store.subscribe(self._changed)
        uids = (f"00000000-0000-0000-0000-{number:012}" for number in itertools.count())
        self.writer = Writer(self.store, lambda: 1_767_225_600_000_000, lambda: next(uids), self._admit)

    def create(self, raw: RawObject, namespace: str = "shop") -> RawObject:
        row = resources.by_kind(raw["apiVersion"], raw["kind"])
        return self.writer.create(row, namespace if row.namespaced else "", raw).object

    def update(self, raw: RawObject) -> RawObject:
        row, metadata = resources.by_kind(raw["apiVersion"], raw["kind"]), raw["metadata"]
        return self.writer.update(row, metadata.get("namespace", ""), metadata["name"], raw).object

    def judge(self, operation: str, raw: RawObject, old: RawObject | None = None) -> Any:
        row = resources.by_kind(raw["apiVersion"], raw["kind"])
        new = None if operation == "DELETE" else raw
        return self.cluster.admit(operation, row.key, new, raw if operation == "DELETE" else old)

    def _admit(self, request: Request) -> Verdict:
        verdict = judgement.verdict(self.cluster.db.what_if(insert=judgement.request_facts(request)))
        paths = [path for path, _ in verdict.patches]
        assert len(set(paths)) == len(paths), f"set twice: {paths}"
        return verdict

    def _changed(self, changes: list[Change]) -> None:
        for change in changes:
            if change.type == "DELETED":
                self.cluster.delete(change.object)
            else:
                self.cluster.apply(change.object)


@pytest.fixture(scope="session")
def _admission(cluster_of: Any) -> Any:
    return cluster_of(FILES, SETTINGS)


@pytest.fixture
def door(_admission: Any) -> Iterator[Door]:
    """An empty cluster with the namespace `shop`."""
    found = Door(_admission)
    found.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    yield found
    _admission.delete(*list(_admission.objects.values()))


@pytest.fixture(scope="session")
def recorded() -> Any:
    """Objects as Kubernetes 1.36 stored them (recordings default-pod, default-service, nodes, validation)."""
    with lzma.open(Path(__file__).parent / "recorded.json.xz", "rt", encoding="utf-8") as file:
        return json.load(file)
