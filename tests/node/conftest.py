"""A store and one node's agent over it, driven by the test: `until` steps the loop until a condition holds."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from rulekube.facts import resources
from rulekube.facts.deletion import DeleteOptions
from rulekube.facts.store import Key, MemoryStore
from rulekube.facts.writer import Writer
from rulekube.node.agent import NodeAgent, NodeConfig

PATIENCE = 30.0  # seconds that a condition may take on a busy machine


class Clock:
    """The machine's time, and what the test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.ahead


class Cluster:
    """A store with a writer, and one agent."""

    def __init__(self, data: Path, **config: Any) -> None:
        uids = itertools.count(1)
        self.clock = Clock()
        self.store = MemoryStore()
        self.writer = Writer(self.store, self.clock, lambda: f"00000000-0000-4000-8000-{next(uids):012}")
        for name in ("kube-node-lease", "shop"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.config = NodeConfig("n1", "test", "10.251.1.0/24", data, **config)
        self.start()

    def start(self) -> None:
        self.agent = NodeAgent(self.config, self.store, self.writer, self.clock)
        self._task = asyncio.create_task(self.agent.run())

    async def stop(self, remove: bool = False) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.agent.stop(remove)

    def create(self, raw: dict[str, Any]) -> dict[str, Any]:
        resource = resources.of(raw)
        assert resource is not None
        return self.writer.create(resource, raw["metadata"].get("namespace", ""), raw).object

    def pod(self, name: str, container: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> None:
        containers = [{"name": "main", "image": "rulekube/worker:1", "imagePullPolicy": "IfNotPresent", **container}]
        metadata = {"name": name, "namespace": "shop", "annotations": annotations or {}}
        defaults = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "serviceAccountName": "default"}
        spec = {**defaults, "nodeName": "n1", "containers": containers, **spec}
        self.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def delete(self, name: str, grace: int | None = None) -> None:
        self.writer.delete(resources.row("pods"), "shop", name, DeleteOptions(grace))

    def get(self, resource: str, name: str, namespace: str = "shop") -> dict[str, Any]:
        return self.store.get(Key(resource, namespace, name)) or {}

    def status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self.get("pods", name).get("status", {})
        return status

    def container(self, name: str) -> dict[str, Any]:
        """The status of the pod's first container."""
        return (self.status(name).get("containerStatuses") or [{}])[0]

    def events(self, name: str) -> set[str]:
        return {e["reason"] for e in self.store.list("events") if e["involvedObject"]["name"] == name}

    def counts(self, name: str) -> dict[str, int]:
        """How often each reason was told; a reason that has two Events fails."""
        told = [(e["reason"], e["count"]) for e in self.store.list("events") if e["involvedObject"]["name"] == name]
        assert len(dict(told)) == len(told), told
        return dict(told)

    def facts(self, relation: str) -> list[tuple[Any, ...]]:
        return self.agent.reconciler.db.facts(relation)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, f"never: {what}; pods: {[p['status'] for p in self.store.list('pods')]}"
            await asyncio.sleep(0.01)
        return value


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """With pretend containers."""
    cluster = Cluster(tmp_path)
    yield cluster
    await cluster.stop()
