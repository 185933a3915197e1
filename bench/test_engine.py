"""What a change costs the engine, and what a loaded fact costs (W5: endpoints and replica counts over many pods).

    python -m pytest bench/test_engine.py --benchmark-columns=median,min,rounds

Answers are checked against known counts after the timing. `work` compares the engine's own count of facts touched per
change between sizes: it must not grow with the base. The naive evaluator gives the measure of evaluating again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from rulekube.bench import workload
from rulekube.engine import Database, naive

HERE = Path(workload.__file__).parent
SIZES = [5_000, 50_000]  # pods; a Service per 25, a replica set per 10
COUNTS = ("endpoint", "missing", "surplus")
EXPECTED = {  # after loading, and after 1,000 changes
    50_000: ((42712, 2549, 2030), (42495, 2534, 2025)),
}
KINDS = {"flip": 0, "add": 1, "remove": 2}


def base(pods: int) -> workload.Facts:
    return {**workload.services(pods, pods // 25), **workload.replica_sets(pods, pods // 10)}


def database(program: str) -> Database:
    return Database.from_files([HERE / f"{program}.dl", HERE / "replicas.dl"])


def given(db: Database, facts: workload.Facts) -> workload.Facts:
    return {name: rows for name, rows in facts.items() if name in db.program.relations}


def counts(db: Database) -> tuple[int, ...]:
    return tuple(len(db.facts(name)) for name in COUNTS)


@pytest.fixture(scope="module", params=[("seeded", 5_000), ("seeded", 50_000), ("canonical", 5_000)], ids=str)
def loaded(request: pytest.FixtureRequest) -> Iterator[tuple[Database, workload.Facts, int]]:
    """A loaded database; the collector keeps off what is loaded, as a server would tell it to."""
    program, pods = request.param
    facts = base(pods)
    db = database(program)
    db.commit(insert=given(db, facts))
    gc.collect()
    gc.freeze()
    yield db, facts, pods
    gc.unfreeze()


@pytest.mark.parametrize("pods", SIZES)
def test_load(benchmark, pods):
    """Microseconds per loaded fact: `extra_info.per_fact`."""
    facts = base(pods)

    def setup():
        db = database("seeded")
        return (db, given(db, facts)), {}

    def load(db: Database, rows: workload.Facts) -> Database:
        db.commit(insert=rows)
        return db

    db = benchmark.pedantic(load, setup=setup, rounds=2)
    number = sum(map(len, given(db, facts).values()))
    if benchmark.stats:
        benchmark.extra_info["per_fact"] = f"{benchmark.stats.stats.min / number * 1e6:.2f} µs of {number}"
    if pods in EXPECTED:
        assert counts(db) == EXPECTED[pods][0]


@pytest.mark.parametrize("kind", KINDS)
def test_change(benchmark, loaded, kind):
    """One change as one commit, the net changes out. Each round undoes itself, so that every round finds the same."""
    db, facts, _ = loaded
    commits = [given_commit(db, c) for c in workload.changes(facts, 1000)][KINDS[kind] :: 3]
    done = []

    def setup():
        if done:
            insert, retract = done.pop()
            db.commit(insert=retract, retract=insert)
        done.append(commits[len(seen) % len(commits)])
        seen.append(None)
        return done[-1], {}

    seen: list[None] = []
    before = counts(db)
    commits = [c for c in commits if changes_something(db, c)]
    benchmark.pedantic(lambda insert, retract: db.commit(insert=insert, retract=retract), setup=setup, rounds=300)
    insert, retract = done.pop()
    db.commit(insert=retract, retract=insert)
    assert counts(db) == before


def given_commit(db: Database, commit: workload.Commit) -> workload.Commit:
    insert, retract = commit
    return given(db, insert), given(db, retract)


def changes_something(db: Database, commit: workload.Commit) -> bool:
    """Changes drawn for a later state may not fit this one; a round needs one that it can undo exactly."""
    insert, retract = commit
    changes = db.what_if(insert=insert, retract=retract)
    size = sum(map(len, (*insert.values(), *retract.values())))
    bases = [n for n in (*changes.inserted, *changes.retracted) if not db.program.relations[n].derived]
    return size == sum(len(changes.inserted[n]) + len(changes.retracted[n]) for n in set(bases))


@pytest.mark.parametrize("program", ["seeded", "canonical"])
def test_history(benchmark, program):
    """The thousand changes of W5 one after the other, each a commit; then the known answers."""
    pods = 50_000 if program == "seeded" else 5_000
    facts = base(pods)
    commits = list(workload.changes(facts, 1000))

    def setup():
        db = database(program)
        db.commit(insert=given(db, facts))
        gc.collect()
        gc.freeze()
        return (db, [given_commit(db, c) for c in commits]), {}

    def run(db: Database, history: list[workload.Commit]) -> Database:
        for insert, retract in history:
            db.commit(insert=insert, retract=retract)
        return db

    db = benchmark.pedantic(run, setup=setup, rounds=1)
    gc.unfreeze()
    if pods in EXPECTED:
        assert counts(db) == EXPECTED[pods][1]
    assert counts(db) == counts(fresh(program, db))


def fresh(program: str, db: Database) -> Database:
    """The same base facts loaded at once."""
    other = database(program)
    other.commit(insert={n: db.facts(n) for n, info in db.program.relations.items() if not info.derived})
    return other


def test_work(loaded):
    """The facts touched per change do not grow with the base: a few dozen at any size."""
    db, facts, _ = loaded
    before, number = db.touched, 0
    for insert, retract in workload.changes(facts, 90):
        db.what_if(insert=given(db, insert), retract=given(db, retract))
        number += 1
    assert (db.touched - before) / number < (20 if "seed" in db.program.relations else 400)


def test_naive(benchmark):
    """Evaluating everything again, for comparison: 1/100 of the smaller size."""
    pods = 50
    facts = base(pods)
    db = database("seeded")
    db.commit(insert=given(db, facts))
    state = benchmark.pedantic(lambda: naive.evaluate(db.program, given(db, facts)), rounds=2)
    for name in COUNTS:
        assert state[name] == set(db.facts(name))
