"""What one would write by hand in Python for exactly one workload: the measure of what generality costs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rulekube.bench.workload import Commit, Facts

Told = list[tuple[int, str, Any, Any]]


def paths(facts: Facts) -> int:
    """W1, knowing that it is a closure."""
    after: dict[int, list[int]] = defaultdict(list)
    for a, b in facts["edge"]:
        after[a].append(b)
    number = 0
    for a in list(after):
        seen: set[int] = set()
        open_ = list(after[a])
        while open_:
            b = open_.pop()
            if b not in seen:
                seen.add(b)
                open_ += after.get(b, ())
        number += len(seen)
    return number


def endpoints(facts: Facts) -> int:
    """W2, from one pair of each selector."""
    pods: dict[Any, list[str]] = defaultdict(list)
    labels: dict[str, set[Any]] = defaultdict(set)
    for pod, key, value in facts["label"]:
        pods[key, value].append(pod)
        labels[pod].add((key, value))
    ready = {pod for (pod,) in facts["ready"]}
    pairs: dict[str, list[Any]] = defaultdict(list)
    for service, key, value in facts["selector"]:
        pairs[service].append((key, value))
    seeds = [(s, k, v) for s, k, v in facts["seed"]]
    return len([(s, p) for s, k, v in seeds for p in pods[k, v] if p in ready and labels[p].issuperset(pairs[s])])


def replicas(facts: Facts) -> tuple[int, int]:
    """W3: how many sets lack pods, and how many have too many."""
    active = {pod for pod, phase in facts["phase"] if phase in ("Running", "Pending")}
    have: dict[str, int] = defaultdict(int)
    for pod, owner in facts["owner"]:
        have[owner] += pod in active
    missing = [(r, n - have.get(r, 0)) for r, n in facts["desired"] if have.get(r, 0) < n]
    surplus = [(r, have.get(r, 0) - n) for r, n in facts["desired"] if have.get(r, 0) > n]
    return len(missing), len(surplus)


def placed(facts: Facts) -> list[tuple[int, int]]:
    """W4: the node of each pod that fits anywhere."""
    sets: dict[str, dict[int, set[Any]]] = {}
    for name in ("wants", "tolerates", "node_label", "taint"):
        sets[name] = defaultdict(set)
        for owner, *rest in facts[name]:
            sets[name][owner].add(tuple(rest))
    wants, tolerates, labels, taints = sets.values()
    found = []
    for p, c, m in facts["pod"]:
        best = None
        for n, cpu, memory, free_cpu, free_memory in facts["node"]:
            if free_cpu >= c and free_memory >= m and wants[p] <= labels[n] and taints[n] <= tolerates[p]:
                score = (((free_cpu - c) * 100 // cpu + (free_memory - m) * 100 // memory) // 2, -n)
                best = score if best is None or score > best else best
        if best is not None:
            found.append((p, -best[1]))
    return found


class Delta:
    """W5: endpoints and replica counts kept up to date, the net changes told. Services and sets are there first."""

    def __init__(self, facts: Facts) -> None:
        self.pairs: dict[str, list[Any]] = defaultdict(list)
        for s, k, v in facts["selector"]:
            self.pairs[s].append((k, v))
        self.seeds: dict[Any, list[str]] = defaultdict(list)
        for s, k, v in facts["seed"]:
            self.seeds[k, v].append(s)
        self.desired: dict[str, int] = dict(facts["desired"])
        self.labels: dict[str, set[Any]] = {}
        self.pods: dict[Any, set[str]] = {}
        self.ready: set[str] = set()
        self.owner: dict[str, str] = {}
        self.phase: dict[str, str] = {}
        self.have: dict[str, int] = {}
        self.served: dict[str, set[str]] = {}
        self.commit(({n: facts[n] for n in ("label", "ready", "owner", "phase")}, {}))

    def commit(self, change: Commit) -> Told:
        """Take in one change; answers (sign, relation, …)."""
        told: Told = []
        pods: set[str] = set()
        counts: dict[str, int] = {}
        for facts, sign in zip(change, (1, -1), strict=True):
            for name, rows in facts.items():
                if name == "label":
                    for pod, key, value in rows:
                        self._label(pod, (key, value), sign)
                        pods.add(pod)
                elif name == "ready":
                    for (pod,) in rows:
                        (self.ready.add if sign > 0 else self.ready.discard)(pod)
                        pods.add(pod)
                else:
                    mine = self.owner if name == "owner" else self.phase
                    for pod, value in rows:
                        if sign > 0:
                            mine[pod] = value
                        if self.phase.get(pod) in ("Running", "Pending") and pod in self.owner:
                            counts[self.owner[pod]] = counts.get(self.owner[pod], 0) + sign
                        if sign < 0:
                            del mine[pod]
        for pod in pods:
            self._serve(pod, told)
        for owner, change_of in counts.items():
            self._count(owner, change_of, told)
        return told

    def _label(self, pod: str, pair: Any, sign: int) -> None:
        if sign > 0:
            self.labels.setdefault(pod, set()).add(pair)
            self.pods.setdefault(pair, set()).add(pod)
        else:
            self.labels[pod].discard(pair)
            self.pods[pair].discard(pod)

    def _serve(self, pod: str, told: Told) -> None:
        new = set()
        if pod in self.ready:
            mine = self.labels.get(pod, set())
            for pair in mine:
                for service in self.seeds.get(pair, ()):
                    if mine.issuperset(self.pairs[service]):
                        new.add(service)
        old = self.served.get(pod, set())
        if new != old:
            told += [(1, "endpoint", s, pod) for s in new - old]
            told += [(-1, "endpoint", s, pod) for s in old - new]
            self.served[pod] = new

    def _count(self, owner: str, change: int, told: Told) -> None:
        before, want = self.have.get(owner, 0), self.desired[owner]
        after = self.have[owner] = before + change
        if before != after:
            for sign, have in ((-1, before), (1, after)):
                if have != want:
                    told.append((sign, "missing" if have < want else "surplus", owner, abs(want - have)))
