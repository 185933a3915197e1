"""What a text given to `why` may say: a fact, a fact with variables, a state without some facts."""

import pytest

from rulekube.engine import Database, RuleError

TEXT = """
.decl edge(from: int, to: int)
.decl path(from: int, to: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""


@pytest.fixture
def db():
    database = Database.from_source(TEXT)
    database.commit(insert={"edge": [(1, 2), (2, 3), (1, 3), (3, 3)]})
    return database


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("path(1, 3)", (1, 3)),
        ("path(2, X)", (2, 3)),
        ("path(X, X)", (3, 3)),
        ("path(to: 3)", (1, 3)),
        ("path(_, _)", (1, 2)),
    ],
)
def test_first_fact_that_fits_is_proved(db, text, fact):
    assert db.why(text).fact == fact


@pytest.mark.parametrize("text", ["path(3, 1)", "path(4, X)", "path(2, X, Y)"])
def test_what_does_not_hold_has_no_proof(db, text):
    if text.count(",") == 2:
        with pytest.raises(RuleError, match="takes 2 arguments"):
            db.why(text)
    else:
        assert db.why(text) is None


def test_proof_without_a_fact_takes_another_way(db):
    assert [p.fact for p in db.why("path(1, 3)").premises] == [(1, 3)]
    assert {p.fact for p in db.why("path(1, 3)", ["edge(1, 3)"]).premises} == {(1, 2), (2, 3)}


def test_asking_without_a_fact_changes_nothing(db):
    before = {name: db.facts(name) for name in ("edge", "path")}
    assert db.why("path(1, 3)", ["edge(1, _)"]) is None
    assert {name: db.facts(name) for name in ("edge", "path")} == before
    assert db.commit(retract={"edge": [(1, 3)]}).retracted["path"] == []
