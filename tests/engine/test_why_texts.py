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


CHOICE = """
.decl score(pod: symbol, node: symbol, points: int, pods: int)
.decl best(pod: symbol, node: symbol)
best(P, N) :- score(P, _, _, _), N = argmax Node by Points then asc Pods : { score(P, Node, Points, Pods) }.
.decl scored(pod: symbol, nodes: int)
scored(P, N) :- score(P, _, _, _), N = count : { score(P, _, _, _) }.
"""


@pytest.mark.parametrize(
    ("scores", "note"),
    [
        ([("n1", 80, 0), ("n2", 87, 1)], 'argmax = "n2" of 2, by (87, 1); next "n1" by (80, 0)'),
        (
            [("n1", 87, 2), ("n2", 87, 1)],
            'argmax = "n2" of 2, by (87, 1); next "n1" by (87, 2); the tie goes by key 2',
        ),
        (
            [("n2", 87, 1), ("n1", 87, 1)],
            'argmax = "n1" of 2, by (87, 1); next "n2" by (87, 1); the tie goes by value',
        ),
        ([("n1", 5, 0)], 'argmax = "n1" of 1, by (5, 0)'),
    ],
)
def test_a_choice_names_the_candidates_their_keys_and_what_decides_a_tie(scores, note):
    db = Database.from_source(CHOICE)
    db.commit(insert={"score": [("p", *row) for row in scores]})
    assert db.why("best(p, N)".replace("p", '"p"')).notes == (note,)
    assert db.why('scored("p", N)').notes == (f"count = {len(scores)}",)
