"""Standing questions: at every moment what `query` answers, and their changes are the differences."""

from __future__ import annotations

import random

import pytest

from rulekube.engine import Database, EvaluationError, Ref, RuleError

PROGRAM = """
.decl edge(from: symbol, to: symbol)
.decl path(from: symbol, to: symbol)
.decl weight(node: symbol, weight: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""
QUESTIONS = (
    'path("a", X)',
    "edge(X, Y), not edge(Y, X)",
    "weight(X, W), N = count : { path(X, _) }, W > N",
    "edge(X, X)",
    "(edge(X, Y) ; edge(Y, X)), weight(Y, W)",
    'path("a", "c")',
)


def test_the_first_answers_are_rows_and_no_news():
    db = Database.from_source(PROGRAM + 'edge("a", "b").')
    standing = db.standing('path("a", X)')
    assert (standing.columns, standing.rows, standing.changes()) == (("X",), [("b",)], ([], []))


def test_what_came_and_went_since_the_last_look_is_told_once():
    db = Database.from_source(PROGRAM)
    standing = db.standing('path("a", X)')
    db.commit({"edge": [("a", "b"), ("b", "c")]})
    assert standing.changes() == ([("b",), ("c",)], [])
    db.commit(retract={"edge": [("b", "c")]})
    db.commit(insert={"edge": [("b", "d"), ("b", "e")]})
    db.commit(retract={"edge": [("b", "e")]})
    assert standing.changes() == ([("d",)], [("c",)])
    assert standing.changes() == ([], [])


@pytest.mark.parametrize("seed", range(5))
def test_at_every_moment_it_is_what_query_answers(seed):
    chance = random.Random(seed)
    db = Database.from_source(PROGRAM)
    standings = {text: db.standing(text) for text in QUESTIONS}
    seen = {text: set(standing.rows) for text, standing in standings.items()}
    derived = 0
    for _ in range(60):
        edges = [(chance.choice("abcd"), chance.choice("abcd")) for _ in range(2)]
        weights = [(chance.choice("abcd"), chance.randrange(4))]
        given = {"edge": edges, "weight": weights}
        db.commit(**({"insert": given} if chance.random() < 0.5 else {"retract": given}))
        db.what_if(retract={"edge": db.facts("edge")})
        for text, standing in standings.items():
            came, went = standing.changes()
            assert not set(came) & seen[text]
            assert set(went) <= seen[text]
            seen[text] = (seen[text] - set(went)) | set(came)
            assert sorted(seen[text]) == list(standing.rows) == list(db.query(text))
            derived += len(standing.rows)
    assert derived > 100


def test_closing_takes_the_relation_away_and_leaves_the_others():
    db = Database.from_source(PROGRAM)
    first, second = db.standing("edge(X, Y)"), db.standing("edge(_, Y)")
    first.close()
    third = db.standing("edge(X, _)")
    first.close()
    db.commit({"edge": [("a", "b")]})
    assert (first.rows, second.rows, third.rows) == ([], [("b",)], [("a",)])


def test_commits_cost_nothing_more_once_it_is_closed():
    db = Database.from_source(PROGRAM)
    db.commit({"edge": [("a", "b")]})

    def cost():
        before = db.touched
        db.commit({"edge": [("b", "c")]})
        db.commit(retract={"edge": [("b", "c")]})
        return db.touched - before

    alone = cost()
    standing = db.standing("path(X, Y), path(Y, Z)")
    with_question = cost()
    standing.close()
    assert with_question >= alone == cost()


def test_a_change_of_the_rules_changes_the_answers():
    db = Database.from_source(PROGRAM)
    standing = db.standing('path("a", X)')
    db.load("more", 'path("a", "z").')
    assert standing.changes() == ([("z",)], [])
    db.unload("more")
    assert standing.changes() == ([], [("z",)])


def test_a_question_ends_with_the_relations_it_asks_for():
    db = Database.from_source(PROGRAM)
    db.load("more", '.decl extra(name: symbol)\nextra("x").')
    gone, stays = db.standing("extra(X)"), db.standing("edge(X, Y)")
    db.unload("more")
    db.commit({"edge": [("a", "b")]})
    assert "`extra` is not declared" in str(gone.error)
    assert stays.error is None
    assert stays.changes() == ([("a", "b")], [])


@pytest.mark.parametrize("text", ["pth(X, Y)", "path(X)", "path(X, Y), Z > 3", "path(X, Y", "path(X, Y), Y > 3"])
def test_what_query_refuses_is_refused(text):
    db = Database.from_source(PROGRAM)
    with pytest.raises(RuleError):
        db.standing(text)
    db.commit({"edge": [("a", "b")]})
    assert db.query("path(X, Y)") == [("a", "b")]


def test_a_question_that_costs_too_much_is_refused_and_leaves_nothing():
    db = Database.from_source(PROGRAM)
    db.commit({"edge": [(str(i), str(i + 1)) for i in range(50)]})
    kept = db.standing("edge(X, Y)")
    with pytest.raises(EvaluationError):
        db.standing("path(A, B), N = count : { path(A, _) }", limit=5)
    db.commit({"edge": [("a", "b")]})
    assert kept.changes() == ([("a", "b")], [])


def test_a_ref_stands_for_whichever_object_bears_the_path():
    db = Database.from_source(".decl node(pod: ref, node: symbol)")
    standing = db.standing("node(pod/shop/cart, N)")
    old, new = Ref("pod/shop/cart", "1"), Ref("pod/shop/cart", "2")
    db.commit({"node": [(old, "n1")]})
    db.commit({"node": [(new, "n2"), (Ref("pod/shop/x", "3"), "n3")]}, {"node": [(old, "n1")]})
    assert standing.rows == [("n2",)]


def test_a_question_may_wait_for_a_time():
    db = Database.from_source(".decl started(pod: symbol, at: time)")
    standing = db.standing("started(P, T), elapsed(T + 5s)")
    db.commit({"started": [("a", 0)]})
    assert db.waiting() == [5_000_000]
    db.commit({"elapsed": [(5_000_000,)]})
    assert standing.changes() == ([("a", 0)], [])
    standing.close()
    assert db.forgotten() == [5_000_000]
