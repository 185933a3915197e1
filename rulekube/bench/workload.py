"""The workload of W5: pods with labels, Services with selectors, replica sets; then single changes.

Everything follows from seeds, so the answers are known numbers (`EXPECTED` in test_engine.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

Fact = tuple[Any, ...]
Facts = dict[str, list[Fact]]
Commit = tuple[Facts, Facts]


def services(pods: int, count: int) -> Facts:
    """Labels and readiness of the pods, and selectors of 1 to 3 pairs, each drawn from some pod's labels."""
    chance = random.Random(2)
    apps = max(1, pods // 50)
    facts: Facts = {"label": [], "ready": [], "selector": [], "seed": []}
    labels = []
    for i in range(pods):
        app = chance.randrange(apps)
        env, version = chance.randrange(25), chance.randrange(50)
        labels.append((("app", f"a{app}"), ("tier", f"t{app % 100}"), ("env", f"e{env}"), ("ver", f"v{version}")))
        facts["label"] += [(f"p{i}", key, value) for key, value in labels[i]]
        if chance.random() < 0.9:
            facts["ready"].append((f"p{i}",))
    for j in range(count):
        pairs = labels[chance.randrange(pods)]
        number = chance.choice((1, 2, 3))
        chosen = [pairs[0], *chance.sample(pairs[1:], number - 1)]
        facts["seed"].append((f"s{j}", *chosen[0]))
        facts["selector"] += [(f"s{j}", *pair) for pair in chosen]
    return facts


def replica_sets(pods: int, count: int) -> Facts:
    """Wanted numbers, owners and phases; the first fiftieth of the sets owns no pod."""
    chance = random.Random(3)
    facts: Facts = {"desired": [(f"r{i}", chance.randrange(5, 16)) for i in range(count)], "owner": [], "phase": []}
    for i in range(pods):
        facts["owner"].append((f"p{i}", f"r{chance.randrange(count // 50, count)}"))
        x = chance.random()
        phase = "Running" if x < 0.85 else "Pending" if x < 0.93 else "Failed" if x < 0.97 else "Succeeded"
        facts["phase"].append((f"p{i}", phase))
    return facts


def changes(base: Facts, count: int) -> Iterator[Commit]:
    """In turn: a pod's readiness flips, a pod comes (7 facts), a pod goes."""
    chance = random.Random(5)
    labels: dict[str, list[tuple[str, str]]] = {}
    for pod, key, value in base["label"]:
        labels.setdefault(pod, []).append((key, value))
    owner, phase = dict(base["owner"]), dict(base["phase"])
    ready = {pod for (pod,) in base["ready"]}
    pods, sets = list(labels), [name for name, _ in base["desired"]]
    for i in range(count):
        if i % 3 == 0:
            pod = pods[chance.randrange(len(pods))]
            flip: Facts = {"ready": [(pod,)]}
            yield ({}, flip) if pod in ready else (flip, {})
            ready ^= {pod}
        elif i % 3 == 1:
            pod, like = f"n{i}", pods[chance.randrange(len(pods))]
            labels[pod], owner[pod] = list(labels[like]), sets[chance.randrange(len(sets))]
            phase[pod] = "Running"
            ready.add(pod)
            pods.append(pod)
            yield _facts(pod, labels[pod], owner[pod], phase[pod], ready), {}
        else:
            place = chance.randrange(len(pods))
            pod, pods[place] = pods[place], pods[-1]
            pods.pop()
            yield {}, _facts(pod, labels.pop(pod), owner.pop(pod), phase.pop(pod), ready)
            ready.discard(pod)


def _facts(pod: str, labels: list[tuple[str, str]], owner: str, phase: str, ready: set[str]) -> Facts:
    facts: Facts = {"label": [(pod, *pair) for pair in labels], "owner": [(pod, owner)], "phase": [(pod, phase)]}
    return {**facts, "ready": [(pod,)]} if pod in ready else facts


def chain(length: int) -> Facts:
    """W1: nodes in a row."""
    return {"edge": [(i, i + 1) for i in range(length)]}


def digraph(nodes: int, edges: int) -> Facts:
    """W1: random edges, no loops."""
    chance = random.Random(1)
    found: set[tuple[int, int]] = set()
    while len(found) < edges:
        a, b = chance.randrange(nodes), chance.randrange(nodes)
        if a != b:
            found.add((a, b))
    return {"edge": sorted(found)}


def placement(pods: int, nodes: int, shapes: int = 20) -> Facts:
    """W4: pods in so many shapes, nodes partly allocated."""
    chance = random.Random(4)
    keys = ("dedicated", "gpu", "spot")
    made = []
    for _ in range(shapes):
        size = chance.choice((100, 250, 500, 1000, 2000)), chance.choice((128, 256, 512, 1024, 4096))
        pairs = ("zone", f"z{chance.randrange(4)}"), ("disk", chance.choice(("ssd", "hdd")))
        made.append((size, [x for x in pairs if chance.random() < 0.4], [k for k in keys if chance.random() < 0.35]))
    facts: Facts = {name: [] for name in ("pod", "wants", "tolerates", "node", "node_label", "taint")}
    for p in range(pods):
        size, wanted, tolerated = made[chance.randrange(shapes)]
        facts["pod"].append((p, *size))
        facts["wants"] += [(p, *pair) for pair in wanted]
        facts["tolerates"] += [(p, key) for key in tolerated]
    for n in range(nodes):
        cpu, memory = chance.choice((4000, 8000, 16000)), chance.choice((8192, 16384, 32768))
        free = cpu - chance.randrange(0, cpu + 1, 100), memory - chance.randrange(0, memory + 1, 64)
        facts["node"].append((n, cpu, memory, *free))
        facts["node_label"] += [(n, "zone", f"z{chance.randrange(4)}"), (n, "disk", chance.choice(("ssd", "hdd")))]
        facts["taint"] += [(n, key) for key in keys if chance.random() < 0.15]
    return facts
