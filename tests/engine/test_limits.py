"""A bad policy cannot take the program down: past its limits a commit is undone whole, and the error names the rule."""

import pytest

from rulekube.engine import Database, EvaluationError, function

COUNTING = """
.decl start(n: int)
.decl number(n: int)
number(N) :- start(N).
number(N + 1) :- number(N).
"""


def state(db: Database) -> dict:
    return {name: db.facts(name) for name in db.program.relations}


def test_a_rule_that_counts_without_end_is_named():
    db = Database.from_source(COUNTING, "policy.dl")
    with pytest.raises(EvaluationError, match=r"too many facts, in policy.dl:5:1: number\(N \+ 1\) :- number\(N\)"):
        db.commit(insert={"start": [(0,)]}, limit=1000)
    assert state(db) == {"elapsed": [], "start": [], "number": []}


def test_the_deadline_is_the_callers():
    db = Database.from_source(COUNTING, "policy.dl")
    asked = iter([False] * 50 + [True] * 50)
    with pytest.raises(EvaluationError, match=r"its time is up, in policy.dl:5:1"):
        db.commit(insert={"start": [(0,)]}, overdue=lambda: next(asked))
    assert state(db)["number"] == []


def test_a_commit_within_its_limits_goes_through_after_one_that_was_not():
    db = Database.from_source(COUNTING.replace("number(N).", "number(N), N < 5."))
    with pytest.raises(EvaluationError):
        db.commit(insert={"start": [(0,)]}, limit=3)
    assert len(db.commit(insert={"start": [(0,)]}, limit=100, overdue=lambda: False).inserted["number"]) == 6


def test_a_hypothetical_commit_has_the_same_limits():
    db = Database.from_source(COUNTING)
    with pytest.raises(EvaluationError, match="too many facts"):
        db.what_if(insert={"start": [(0,)]}, limit=1000)
    with pytest.raises(EvaluationError, match="time is up"):
        db.what_if(insert={"start": [(0,)]}, overdue=lambda: True)
    assert state(db)["start"] == []


def test_a_pack_that_does_too_much_is_not_taken_in():
    db = Database.from_source(".decl start(n: int)\nstart(0).")
    pack = COUNTING.replace(".decl start(n: int)\n", "")
    with pytest.raises(EvaluationError, match=r"in more.dl:4:1"):
        db.load("more.dl", pack, limit=1000)
    with pytest.raises(EvaluationError, match="time is up"):
        db.load("more.dl", pack, overdue=lambda: True)
    assert sorted(db.program.relations) == ["elapsed", "start"]
    assert db.facts("start") == [(0,)]


def test_a_range_without_reason_is_refused():
    db = Database.from_source(".decl a(n: int)\n.decl b(n: int)\nb(M) :- a(N), M = range(0, N).", "far.dl")
    with pytest.raises(EvaluationError, match=r"more than 1000000 numbers, in far.dl:3:1"):
        db.commit(insert={"a": [(3,), (10**12,)]})
    assert state(db)["a"] == state(db)["b"] == []


def test_a_function_that_fails_is_named_with_its_rule():
    @function(returns="int", arguments=("int",))
    def half(n: int) -> int:
        return n // 2 if n % 2 == 0 else "odd"

    text = ".decl a(n: int)\n.decl b(n: int)\nb(half(N)) :- a(N)."
    db = Database.from_source(text, "half.dl", functions=(half,))
    with pytest.raises(
        EvaluationError, match=r"function `half` gave 'odd', which is not of its declared type int, in half.dl:3:1"
    ):
        db.commit(insert={"a": [(2,), (3,)]})
    assert state(db)["a"] == state(db)["b"] == []
    assert db.commit(insert={"a": [(2,)]}).inserted["b"] == [(1,)]


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"returns": "integer", "arguments": ("int",)}, "'integer' is not a type"),
        ({"returns": "int", "arguments": ("number", "texts")}, "'texts' is not a type"),
        ({"returns": "int", "arguments": ("int", "int")}, "declared with 2 arguments"),
        ({"returns": "int", "arguments": ()}, "declared with 0 arguments"),
    ],
)
def test_a_functions_declaration_is_checked(declaration, message):
    with pytest.raises(ValueError, match=message):
        function(**declaration)(lambda n: n)


def test_a_join_that_explodes_is_named():
    text = ".decl a(n: int)\n.decl b(n: int, m: int)\n.decl c(n: int)\nb(N, M) :- a(N), a(M).\nc(N) :- b(N, _)."
    db = Database.from_source(text, "join.dl")
    with pytest.raises(EvaluationError, match=r"too many facts, in join.dl:4:1: b\(N, M\)"):
        db.commit(insert={"a": [(n,) for n in range(100)]}, limit=1000)
    assert state(db)["a"] == state(db)["b"] == []
