"""What an explanation costs, and that one which is not asked for costs nothing.

    python -m pytest bench/test_explanations.py --benchmark-columns=median,max,rounds

`why` proves facts of a chain (the proof is as high as the chain is long) and of a tree of joins; `why_not` explains a
pod that fits on none of many nodes, over the shipped scheduler rules, without and with the search for repairs.
"""

from __future__ import annotations

import pytest

from bench.test_scheduler import node, pod
from rulekube import rules
from rulekube.engine import Database, Ref
from rulekube.facts.flatten import Flattener
from rulekube.facts.functions import FUNCTIONS

PATHS = """
.decl edge(from: int, to: int)
.decl path(from: int, to: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""
LEVELS = 10


@pytest.fixture(scope="module")
def chains():
    """A thousand chains of ten edges."""
    db = Database.from_source(PATHS)
    db.commit(insert={"edge": [(100 * c + i, 100 * c + i + 1) for c in range(1000) for i in range(LEVELS)]})
    return db


def test_why_at_depth_ten(benchmark, chains):
    proof = benchmark(chains.why, f"path(500, {500 + LEVELS})")
    assert proof.height == LEVELS
    assert benchmark.stats.stats.median < 0.010


def test_why_not_of_a_path(benchmark, chains):
    answer = benchmark(lambda: chains.why_not("path(500, 601)", repairs=0))
    assert not answer.holds


def pending(nodes):
    """A cluster on which one pod asks for more than any node has."""
    db = Database.from_files(rules.paths(rules.SCHEDULER), functions=FUNCTIONS, resolve_ref=lambda p: Ref(p, p[10:]))
    for path in rules.paths(("questions/scheduling.dl", "questions/unchangeable.dl")):
        db.define(str(path), path.read_text())
    flatten = Flattener(db.inputs())
    insert = {}
    large = pod(0, 1)
    large["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "33"
    for raw in [*map(node, range(nodes)), large]:
        for relation, facts in flatten.facts(raw).items():
            insert.setdefault(relation, []).extend(facts)
    db.commit(insert=insert)
    return db


@pytest.mark.parametrize("nodes", [10, 100, 1000])
@pytest.mark.parametrize("repairs", [0, 4], ids=["causes", "repairs"])
def test_why_not_of_a_pending_pod(benchmark, nodes, repairs):
    db = pending(nodes)
    goal = "scheduled(pod/bench/pod-00000)"
    answer = benchmark.pedantic(lambda: db.why_not(goal, repairs=repairs), rounds=3, warmup_rounds=1)
    (cause, *_) = answer.causes
    assert cause.title == "NodeResourcesFit: Insufficient cpu"
    assert cause.rows[0].detail == "Units > Left: 33000 > 32000"
    assert bool(answer.repairs) == bool(repairs)


def test_what_was_asked_leaves_nothing_behind(chains):
    """No index, no fact and no rule more: the next commit does the same work."""
    relations = {name: chains._network.relation(name) for name in ("edge", "path")}
    before = {name: set(relation.indexes) for name, relation in relations.items()}
    chains.why_not("path(500, 601)")
    assert {name: set(relation.indexes) for name, relation in relations.items()} == before
