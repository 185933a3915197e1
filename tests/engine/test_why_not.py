"""Why a fact does not hold: causes, need and have, nearest misses, and how far it is explained."""

import json

import pytest

from rulekube.engine import Database, RuleError

TEXT = """
.decl node(node: symbol)
.decl free(node: symbol, cpu: int)
.decl needs(pod: symbol, cpu: int)
.decl wants(pod: symbol, key: symbol, value: symbol)
.decl label(node: symbol, key: symbol, value: symbol)
.decl reject(pod: symbol, node: symbol, why: symbol)
reject(P, N, "cpu too small") :- needs(P, Need), free(N, Free), Need > Free.
reject(P, N, "label differs") :- wants(P, K, V), node(N), not label(N, K, V).
.decl fits(pod: symbol, node: symbol)
fits(P, N) :- needs(P, _), node(N), not reject(P, N, _).
.decl placed(pod: symbol)
placed(P) :- fits(P, _).
.decl alone(pod: symbol)
alone(P) :- needs(P, _), 1 = count : { needs(_, _) }.
.decl grand(a: symbol, b: symbol)
.decl parent(a: symbol, b: symbol)
grand(A, C) :- parent(A, B), parent(B, C).
.decl above(a: symbol, b: symbol)
above(A, B) :- parent(A, B).
above(A, C) :- above(A, B), parent(B, C).
"""
FACTS = {
    "node": [("n1",), ("n2",), ("n3",)],
    "free": [("n1", 400), ("n2", 2000), ("n3", 1400)],
    "needs": [("cart", 1500), ("web", 100)],
    "wants": [("cart", "zone", "eu-1")],
    "label": [("n1", "zone", "eu-2"), ("n2", "zone", "eu-2"), ("n3", "zone", "eu-1")],
    "parent": [("ann", "bob"), ("bob", "cal"), ("dan", "eve")],
}


@pytest.fixture
def db():
    database = Database.from_source(TEXT)
    database.commit(insert=FACTS)
    return database


def rows(answer, title):
    (cause,) = (cause for cause in answer.causes if cause.title == title)
    return {row.label: row.detail for row in cause.rows}


def test_a_negation_names_every_fact_that_stands_against_it_with_need_and_have(db):
    answer = db.why_not('placed("cart")')
    assert rows(answer, "cpu too small") == {"n1": "Need > Free: 1500 > 400", "n3": "Need > Free: 1500 > 1400"}
    assert rows(answer, "label differs") == {
        name: f'no label("{name}", "zone", "eu-1"), closest label("{name}", "zone", "eu-2")' for name in ("n1", "n2")
    }


def test_the_nearest_miss_comes_first(db):
    (attempt,) = db.why_not('placed("cart")').missing.attempts
    fits = attempt.failures[0].because
    assert [(a.bindings["N"], a.short) for a in fits.attempts] == [("n3", 1), ("n2", 1), ("n1", 2)]
    assert fits.attempts[0].satisfied == ('needs("cart", 1500)', 'node("n3")')


def test_the_verdict_comes_first(db):
    first, second = str(db.why_not('placed("cart")')).splitlines()[:2]
    assert first.startswith('NOT placed("cart"): no rule derives it')
    assert "Closest: n" in first
    assert "1 short" in first
    assert "<text>:" in second


def test_all_failing_literals_of_a_way_are_shown(db):
    (attempt,) = db.why_not('grand("dan", "fay")').missing.attempts
    assert [f.literal for f in attempt.failures] == ['parent("eve", "fay")']
    (attempt,) = db.why_not('grand("zoe", "fay")').missing.attempts
    assert {f.literal for f in attempt.failures} == {'parent("zoe", B)', 'parent(B, "fay")'}


def test_a_base_fact_names_the_closest(db):
    answer = db.why_not('label("n1", "zone", "eu-1")')
    assert 'Closest: label("n1", "zone", "eu-2")' in str(answer)


def test_an_aggregate_shows_its_value(db):
    (cause,) = db.why_not('alone("cart")').causes
    assert cause.title == "count = 2, wanted 1"


def test_a_recursive_goal_is_explained_and_ends(db):
    answer = db.why_not('above("cal", "ann")')
    assert not answer.holds
    assert answer.causes


def test_a_goal_that_holds_is_proved(db):
    answer = db.why_not('above("ann", "cal")')
    assert answer.holds
    assert answer.proof.height == 2


def test_a_hypothetical_state_is_explained_and_left(db):
    facts = {name: db.facts(name) for name in FACTS}
    assert db.why_not('placed("cart")', insert={"label": [("n2", "zone", "eu-1")]}).holds
    assert not db.why_not('placed("web")', without=["node(_)"]).holds
    assert db.why('placed("cart")', insert={"label": [("n2", "zone", "eu-1")]}) is not None
    assert {name: db.facts(name) for name in FACTS} == facts


def test_a_view_is_worked_out_when_asked(db):
    db.define("view", ".decl homeless(p: symbol)\nhomeless(P) :- needs(P, C), C > 1000, not placed(P).")
    assert db.why('homeless("cart")').premises[0].relation == "needs"
    assert db.why_not('homeless("web")').causes[0].rows[0].detail == "100 > 1000"
    with pytest.raises(RuleError):
        db.facts("homeless")


def test_the_same_question_has_the_same_answer(db):
    texts = {json.dumps(db.why_not('placed("cart")').to_dict()) for _ in range(2)}
    assert len(texts) == 1


def test_what_is_shown_is_bounded(db):
    db.commit(insert={"node": [(f"m{i}",) for i in range(100)]})
    few = db.why_not('placed("cart")', ways=5).missing.attempts[0].failures[0].because
    assert (len(few.attempts), few.tried) == (5, 103)


@pytest.mark.parametrize("text", ["nothing(1)", "placed(1, 2)", "node(A), free(A, _)"])
def test_what_is_no_fact_is_refused(db, text):
    with pytest.raises(RuleError):
        db.why_not(text)


def test_asking_leaves_no_index_behind(db):
    relations = {name: db._network.relation(name) for name in db.program.relations}
    db.why_not('placed("cart")')
    before = {name: set(relation.indexes) for name, relation in relations.items()}
    db.why_not('above("cal", "ann")', repairs=0)
    assert {name: set(relation.indexes) for name, relation in relations.items()} == before
