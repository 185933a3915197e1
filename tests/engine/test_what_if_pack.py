"""What a changed rule pack would change, asked before it is loaded: what `load` says afterwards; nothing is loaded."""

import pytest

from rulekube.engine import Database, EvaluationError, RuleError, difference

BASE = """
.decl edge(from: int, to: int)
.decl mark(node: int)
.decl path(from: int, to: int)
path(X, Y) :- edge(X, Y).
.action visit(node: int) key(node) by hand
visit(Y) :- mark(X), path(X, Y).
"""
PACKS = {
    "transitive": "path(X, Z) :- path(X, Y), edge(Y, Z).",
    "of its own": ".decl last(node: int)\nlast(Y) :- edge(_, Y), not edge(Y, _).",
    "a base relation becomes derived": "mark(3).\nmark(X) :- edge(X, 4).",
    "an aggregate": ".decl out(node: int, n: int)\nout(X, N) :- edge(X, _), N = count : { edge(X, _) }.",
}


def database():
    db = Database.from_source(BASE)
    db.commit(insert={"edge": [(1, 2), (2, 3), (3, 4)], "mark": [(1,), (2,)]})
    return db


def state(db):
    return {name: db.facts(name) for name in db.program.relations}


def rows(changes):
    return {
        way: {name: sorted(facts) for name, facts in getattr(changes, way).items() if facts}
        for way in ("inserted", "retracted")
    }


@pytest.mark.parametrize("name", PACKS)
def test_it_says_what_load_changes_and_loads_nothing(name):
    db, other = database(), database()
    before = state(db)
    guessed = db.what_if_pack("new", PACKS[name])
    assert state(db) == before
    assert rows(guessed) == rows(other.load("new", PACKS[name]))
    changes = db.commit(insert={"edge": [(4, 5)], "mark": [(4,)]}, retract={"mark": [(1,)]})
    assert changes.inserted["visit"] == [(5,)]
    assert changes.retracted["visit"] == [(2,)]


def test_a_pack_that_is_replaced_is_compared_with_its_old_text():
    db = database()
    db.load("new", PACKS["transitive"])
    assert not db.what_if_pack("new", PACKS["transitive"])
    assert set(db.what_if_pack("new", "// nothing").retracted["path"]) == {(1, 3), (1, 4), (2, 4)}


def test_a_wrong_pack_is_refused_and_changes_nothing():
    db = database()
    before = state(db)
    with pytest.raises(RuleError):
        db.what_if_pack("new", "path(X, Y) :- nothing(X, Y).")
    assert state(db) == before


def test_a_pack_without_end_leaves_everything_as_it_was():
    db = database()
    before = state(db)
    with pytest.raises(EvaluationError):
        db.what_if_pack("new", ".decl n(x: int)\nn(0).\nn(X + 1) :- n(X).", limit=100)
    assert state(db) == before
    assert db.commit(insert={"edge": [(4, 5)]}).inserted["path"] == [(4, 5)]


def test_actions_come_first_in_a_difference():
    db = database()
    found = difference("new", db.what_if_pack("new", PACKS["transitive"]), db.actions())
    assert [(one["relation"], one["action"]) for one in found["relations"]] == [("visit", True), ("path", False)]
    assert found["relations"][0]["inserted"] == ["visit(4)"]
