"""The work of a commit follows the change, not the base: counted, not timed.

Two measures: `db.touched`, the facts handed to compiled rules, and the lines of Python that a commit executes, loops in
compiled rules included.
"""

import sys

import pytest

from rulekube.engine import Database

SELECTORS = """
.decl label(pod: symbol, key: symbol, value: symbol)
.decl ready(pod: symbol)
.decl selector(service: symbol, key: symbol, value: symbol)
.decl candidate(service: symbol, pod: symbol)
candidate(S, P) :- selector(S, K, V), label(P, K, V).
.decl mismatch(service: symbol, pod: symbol)
mismatch(S, P) :- candidate(S, P), selector(S, K, V), not label(P, K, V).
.decl endpoint(service: symbol, pod: symbol)
endpoint(S, P) :- candidate(S, P), ready(P), not mismatch(S, P).
.decl wants(set: symbol, count: int)
.decl owner(pod: symbol, set: symbol)
.decl missing(set: symbol, slot: int)
missing(R, K) :- wants(R, Want), Have = count : { owner(P, R), ready(P) }, K = range(Have, Want).
.decl roster(set: symbol, best: symbol)
roster(R, P) :- wants(R, _), P = argmax Q by Q : { owner(Q, R) }.
.decl together(pod: symbol, other: symbol)
together(P, Q) :- owner(P, R), owner(Q, R), P != Q, ready(P), ready(Q).
.decl near(pod: symbol, other: symbol)
near(P, Q) :- link(P, Q).
near(P, R) :- near(P, Q), link(Q, R).
.decl link(pod: symbol, other: symbol)
.decl lone(pod: symbol)
lone(P) :- owner(P, _), not link(P, _), not link(_, P).
"""


def base(groups: int) -> dict[str, list[tuple]]:
    """`groups` groups of 10 pods, all alike: one service, one replica set and one chain of links each."""
    pods = [(f"p{g}-{i}", g, i) for g in range(groups) for i in range(10)]
    return {
        "label": [(p, "app", f"a{g}") for p, g, _ in pods] + [(p, "slot", f"{g}-{i}") for p, g, i in pods],
        "ready": [(p,) for p, _, i in pods if i % 2],
        "selector": [(f"s{g}", "app", f"a{g}") for g in range(groups)],
        "wants": [(f"r{g}", 8) for g in range(groups)],
        "owner": [(p, f"r{g}") for p, g, _ in pods],
        "link": [(p, f"p{g}-{i + 1}") for p, g, i in pods if i < 8],
    }


CHANGES = {
    "a pod becomes ready": ({"ready": [("p3-4",)]}, {}),
    "a pod is no longer ready": ({}, {"ready": [("p3-5",)]}),
    "a pod comes": ({"label": [("new", "app", "a3")], "owner": [("new", "r3")], "ready": [("new",)]}, {}),
    "a pod goes": ({}, {"label": [("p3-5", "app", "a3")], "owner": [("p3-5", "r3")], "ready": [("p3-5",)]}),
    "a link goes": ({}, {"link": [("p3-3", "p3-4")]}),
    "a link comes": ({"link": [("p3-8", "p3-0")]}, {}),
    "a service comes": ({"selector": [("late", "app", "a3")]}, {}),
    "a set wants more": ({"wants": [("r3", 11)]}, {"wants": [("r3", 8)]}),
}


def work(db: Database, insert: dict, retract: dict) -> tuple[int, int]:
    """Facts touched and lines executed by one commit."""
    lines = 0

    def count(_frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        return count

    before = db.touched
    sys.settrace(count)
    try:
        db.commit(insert=insert, retract=retract)
    finally:
        sys.settrace(None)
    return db.touched - before, lines


@pytest.mark.parametrize("change", CHANGES)
def test_the_work_of_a_change_does_not_grow_with_the_base(change):
    insert, retract = CHANGES[change]
    small, large = Database.from_source(SELECTORS), Database.from_source(SELECTORS)
    small.commit(insert=base(5))
    large.commit(insert=base(100))
    for db in (small, large):  # compile what is compiled when first used
        db.commit(insert=insert, retract=retract)
        db.commit(insert=retract, retract=insert)
    touched, lines = work(small, insert, retract)
    assert touched > 0 and lines > touched
    touched_there, lines_there = work(large, insert, retract)
    assert touched_there == touched
    assert lines_there <= 1.05 * lines  # the order of a join may differ by a line or two


def test_a_hypothetical_commit_costs_what_the_change_costs():
    db = Database.from_source(SELECTORS)
    db.commit(insert=base(50))
    before = db.touched
    assert db.what_if(insert={"ready": [("p3-4",)]}).inserted["endpoint"] == [("s3", "p3-4")]
    assert db.touched - before < 30
