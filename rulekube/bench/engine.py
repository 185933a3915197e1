"""`rulekube bench engine`: the workloads W1–W6 and the cases where others fail, with ratios taken in one run.

Every answer is compared with that of a hand-written twin, or of the same database loaded afresh; a difference is an
error. Times are CPU time for whole evaluations and the median of wall time for single changes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rulekube.bench import peers, twins, workload
from rulekube.bench.workload import Facts
from rulekube.engine import Database
from rulekube.errors import RuleKubeError

HERE = Path(__file__).parent


class WrongAnswerError(RuleKubeError):
    """The engine and the hand-written code disagree; a time would mean nothing."""


@dataclass(frozen=True)
class Row:
    """One measurement. `twin` is the hand-written code's time in the same unit, or 0 where there is none."""

    workload: str
    time: float
    unit: str
    twin: float = 0.0
    peer: str = ""

    @property
    def ratio(self) -> float:
        """How many times the twin's time the engine takes."""
        return self.time / self.twin if self.twin else 0.0

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "ratio": round(self.ratio, 2)}


def run(pods: int) -> Iterator[Row]:
    """All measurements at a size: `pods` pods, a Service per 25, a replica set per 10; the graphs follow."""
    yield from bulk(pods)
    facts = {**workload.services(pods, max(1, pods // 25)), **workload.replica_sets(pods, max(50, pods // 10))}
    for program in ("seeded", "canonical"):
        yield from changes(program, facts)
    yield from questions(facts)
    yield from hard_cases(pods)


def database(*programs: str) -> Database:
    """A database of rule files that stand beside this module."""
    return Database.from_files([HERE / f"{name}.dl" for name in programs])


def given(db: Database, facts: Facts) -> Facts:
    """The facts of relations that a program has."""
    return {name: rows for name, rows in facts.items() if name in db.program.relations}


def agree(what: str, ours: Any, theirs: Any) -> None:
    """Raise where two answers differ."""
    if ours != theirs:
        raise WrongAnswerError(f"{what}: the engine says {ours}, the hand-written code {theirs}")


def bulk(pods: int) -> Iterator[Row]:
    """W1 to W4 from tuples in to relations out."""
    small, services = max(20, pods // 50), max(1, pods // 25)
    cases: list[tuple[str, str, Facts, Callable[[Facts], Any], Callable[[Database], Any]]] = [
        ("W1 chain", "closure", workload.chain(small), twins.paths, _size("path")),
        ("W1 random", "closure", workload.digraph(small, 3 * small), twins.paths, _size("path")),
        ("W2 seeded", "seeded", workload.services(pods, services), twins.endpoints, _size("endpoint")),
        ("W2 canonical", "canonical", workload.services(pods, services), twins.endpoints, _size("endpoint")),
        (
            "W3",
            "replicas",
            workload.replica_sets(pods, max(50, pods // 10)),
            twins.replicas,
            lambda db: (len(db.facts("missing")), len(db.facts("surplus"))),
        ),
        ("W4", "placement", workload.placement(small, small), twins.placed, lambda db: db.facts("best")),
    ]
    for name, program, facts, twin, answer in cases:
        theirs, wanted = _cpu(lambda twin=twin, facts=facts: twin(facts))  # type: ignore[misc]
        db = database(program)
        rows = given(db, facts)
        ours, _ = _cpu(lambda db=db, rows=rows: db.commit(insert=rows))  # type: ignore[misc]
        agree(name, answer(db), wanted)
        yield Row(name, round(ours, 4), "s", round(theirs, 4), _peer(name, facts, wanted))


def _peer(name: str, facts: Facts, wanted: Any) -> str:
    if name[:2] not in peers.QUERIES:
        return ""
    found = peers.duckdb(name[:2], facts)
    if found is None:
        return "DuckDB is not installed"
    agree(f"{name} by DuckDB", found[1], wanted)
    return f"DuckDB {found[0]:.4f} s"


def _size(relation: str) -> Callable[[Database], int]:
    return lambda db: len(db.facts(relation))


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = time.process_time()
    answer = work()
    return time.process_time() - start, answer


def changes(program: str, facts: Facts, count: int = 600) -> Iterator[Row]:
    """W5: single changes, ours and the twin's in turn."""
    db, twin = database(program, "replicas"), twins.Delta(facts)
    db.commit(insert=given(db, facts))
    history = list(workload.changes(facts, count))
    ours: list[float] = []
    theirs: list[float] = []
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for insert, retract in history:
            mine = given(db, insert), given(db, retract)
            start = time.perf_counter()
            told = twin.commit((insert, retract))
            middle = time.perf_counter()
            changed = db.commit(*mine)
            end = time.perf_counter()
            theirs.append(middle - start)
            ours.append(end - middle)
            agree("W5", sum(len(changed.inserted[n]) for n in ("endpoint", "missing", "surplus")), _came(told))
    finally:
        gc.enable()
        gc.unfreeze()
    agree("W5 in the end", len(db.facts("endpoint")), sum(map(len, twin.served.values())))
    parts = {"all": slice(None), "flip": slice(0, None, 3), "add": slice(1, None, 3), "remove": slice(2, None, 3)}
    for name, part in parts.items():
        yield Row(f"W5 {program}, {name}", _micro(median(ours[part])), "µs", _micro(median(theirs[part])))
    last = [sorted(times[60:])[-len(times[60:]) // 100 - 1] for times in (ours, theirs)]
    yield Row(f"W5 {program}, 99th percentile", _micro(last[0]), "µs", _micro(last[1]))


def _came(told: twins.Told) -> int:
    return sum(1 for sign, *_ in told if sign > 0)


def _micro(seconds: float) -> float:
    return round(seconds * 1e6, 1)


def questions(facts: Facts) -> Iterator[Row]:
    """W6: the Services of one pod, first and again."""
    db = database("seeded")
    db.commit(insert=given(db, facts))
    db.query('endpoint(S, "p0")')
    times = []
    for text in ('S = S1, endpoint(S1, "p1")', *['endpoint(S, "p0")'] * 50):
        start = time.perf_counter()
        db.query(text)
        times.append(time.perf_counter() - start)
    yield Row("W6 first", _micro(times[0]), "µs")
    yield Row("W6 prepared", _micro(median(times[1:])), "µs")


def hard_cases(pods: int) -> Iterator[Row]:
    """A wide selector change, deletion inside recursion, arg-max under churn, and a proof of height 10."""
    wide = pods // 5
    db = database("canonical")
    labels = [(f"p{i}", "app", "a") for i in range(wide)] + [(f"p{i}", "tier", "t") for i in range(wide)]
    db.commit(insert={"label": labels, "ready": [(f"p{i}",) for i in range(wide)], "selector": [("s", "app", "a")]})
    cpu, changed = _cpu(lambda: db.commit(insert={"selector": [("s", "tier", "other")]}))
    agree("a selector that fits no pod", len(changed.retracted["endpoint"]), wide)
    yield Row(f"a selector change, {wide} endpoints", round(cpu * 1e3, 2), "ms")

    length = max(20, pods // 250)
    chain = database("closure")
    chain.commit(insert=workload.chain(length))
    cpu, changed = _cpu(lambda: chain.commit(retract={"edge": [(length // 2, length // 2 + 1)]}))
    agree("a chain cut in half", len(changed.retracted["path"]), (length // 2 + 1) * (length - length // 2))
    yield Row(f"deletion inside recursion, {len(changed.retracted['path'])} facts", round(cpu * 1e3, 2), "ms")

    start = time.perf_counter()
    proof = chain.why("path(0, 10)")
    height = proof.height if proof is not None else 0
    agree("the height of a proof", height, 10)
    yield Row("why, height 10", round((time.perf_counter() - start) * 1e3, 2), "ms")
    yield _churn(pods)


def _churn(members: int) -> Row:
    """The best of many, where the best goes each time."""
    source = ".decl scored(id: int, score: int)\n.decl best(id: int)\n.output best\n"
    db = Database.from_source(source + "best(X) :- X = argmax I by S then I : { scored(I, S) }.")
    db.commit(insert={"scored": [(i, i) for i in range(members)]})
    times = []
    for i in reversed(range(members - 300, members)):
        start = time.perf_counter()
        changed = db.commit(retract={"scored": [(i, i)]})
        times.append(time.perf_counter() - start)
        agree("the next best", changed.inserted["best"], [(i - 1,)])
    return Row(f"arg-max of {members} under churn", _micro(median(times)), "µs")
