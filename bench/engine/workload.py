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
