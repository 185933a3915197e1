"""The database's door: commits, queries, hypothetical commits, packs, explanations."""

import pytest

from rulekube.engine import Database, EvaluationError, Json, Ref, RuleError, function

GRAPH = """
.decl edge(a: int, b: int)
.decl path(a: int, b: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""


def test_a_commit_returns_the_net_changes():
    db = Database.from_source(GRAPH)
    changes = db.commit(insert={"edge": [(1, 2), (2, 3)]})
    assert sorted(changes.inserted["path"]) == [(1, 2), (1, 3), (2, 3)]
    assert changes.retracted["path"] == []
    changes = db.commit(insert={"edge": [(1, 3)]}, retract={"edge": [(2, 3)]})
    assert changes.retracted == {"edge": [(2, 3)], "path": [(2, 3)]}
    assert changes.inserted == {"edge": [(1, 3)]}


def test_inserting_what_is_there_changes_nothing():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(1, 2)]})
    assert not db.commit(insert={"edge": [(1, 2), (1, 2)]}, retract={"edge": [(5, 6), (1, 2)]})


def test_a_cycle_is_deleted_whole():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(0, 1), (1, 2), (2, 1)]})
    changes = db.commit(retract={"edge": [(1, 2)]})
    assert db.facts("path") == [(0, 1), (2, 1)]
    assert sorted(changes.retracted["path"]) == [(0, 2), (1, 1), (1, 2), (2, 2)]


def test_what_if_commits_nothing():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(1, 2)]})
    assert db.what_if(insert={"edge": [(2, 3)]}).inserted["path"] == [(2, 3), (1, 3)]
    assert db.facts("path") == [(1, 2)]
    assert db.what_if(retract={"edge": [(1, 2)]}).retracted["path"] == [(1, 2)]
    assert db.facts("path") == [(1, 2)]


def test_queries():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(1, 2), (2, 3)]})
    rows = db.query("path(1, X), X > 2")
    assert rows == [(3,)] and rows.columns == ("X",)
    assert db.query("path(1, 3)") == [()]
    assert db.query("path(3, 1)") == []
    assert db.query("N = count : { path(_, _) }, edge(X, 3), not edge(3, _)") == [(3, 2)]


def test_a_failing_function_leaves_everything_as_it_was():
    @function(returns="int", arguments=("int",))
    def fragile(x: int) -> int:
        if x == 3:
            raise ValueError("three")
        return x

    text = GRAPH + ".decl seen(x: int)\nseen(Y) :- path(_, X), Y = fragile(X)."
    db = Database.from_source(text, functions=(fragile,))
    db.commit(insert={"edge": [(1, 2)]})
    with pytest.raises(EvaluationError, match="three"):
        db.commit(insert={"edge": [(2, 3), (7, 8)]})
    assert db.facts("edge") == [(1, 2)] and db.facts("path") == [(1, 2)] and db.facts("seen") == [(2,)]
    assert db.commit(insert={"edge": [(7, 8)]}).inserted["seen"] == [(8,)]


def test_a_fact_that_does_not_fit_is_refused():
    db = Database.from_source(GRAPH)
    with pytest.raises(EvaluationError, match=r"edge\(a, b\)"):
        db.commit(insert={"edge": [(1, 2), (1, 2, 3)]})
    with pytest.raises(EvaluationError, match="derived"):
        db.commit(insert={"path": [(1, 2)]})
    with pytest.raises(EvaluationError, match="did you mean `edge`"):
        db.commit(insert={"edgy": [(1, 2)]})
    with pytest.raises(EvaluationError, match="to_json"):
        db.commit(insert={"edge": [(1, {"a": 1})]})
    assert db.facts("edge") == []


def test_time_is_asked_for_and_given():
    db = Database.from_source(
        ".decl started(p: symbol, t: time)\n.decl late(p: symbol)\nlate(P) :- started(P, T), elapsed(T + 30s)."
    )
    db.commit(insert={"started": [("a", 5), ("b", 7)]})
    assert db.waiting() == [30_000_005, 30_000_007]
    changes = db.commit(insert={"elapsed": [(30_000_005,)]})
    assert changes.inserted["late"] == [("a",)]
    assert db.waiting() == [30_000_007]
    db.commit(retract={"started": [("b", 7)]})
    assert db.waiting() == []


def test_packs_load_and_unload_live():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(1, 2), (2, 3)]})
    changes = db.load("far", ".decl far(a: int)\nfar(X) :- path(_, X), X > 2.")
    assert changes.inserted == {"far": [(3,)]}
    changes = db.load("far", ".decl far(a: int)\nfar(X) :- path(_, X), X > 1.")
    assert changes.inserted == {"far": [(2,)]} and changes.retracted == {}
    with pytest.raises(RuleError):
        db.load("far", ".decl far(a: int)\nfar(X) :- pth(_, X).")
    assert db.facts("far") == [(2,), (3,)]
    assert db.unload("far").retracted == {"far": [(2,), (3,)]}
    assert db.facts("edge") == [(1, 2), (2, 3)]


def test_why_goes_down_to_base_facts():
    db = Database.from_source(GRAPH)
    db.commit(insert={"edge": [(1, 2), (2, 3), (3, 4), (1, 4)]})
    proof = db.why("path(1, 4)")
    assert proof is not None and proof.height == 1
    assert str(proof) == "path(1, 4)   [<text>:4:1]\n  edge(1, 4)"
    db.commit(retract={"edge": [(1, 4)]})
    proof = db.why("path(1, 4)")
    assert proof is not None and proof.height == 3
    assert db.why("path(4, 1)") is None


def test_refs_are_interned_and_resolved():
    assert Ref("pod/a/b", "1") is Ref("pod/a/b", "1")
    assert Ref("pod/a/b", "1") is not Ref("pod/a/b", "2")
    db = Database.from_source(".decl pod(p: ref)", resolve_ref=lambda path: Ref(path, "7"))
    db.commit(insert={"pod": [(Ref("pod/a/b", "7"),)]})
    assert db.query("pod(pod/a/b)") == [()]
    assert db.query("pod(pod/a/c)") == []


def test_json_is_equal_by_canonical_text():
    assert Json({"a": 1, "b": [2]}) == Json({"b": [2], "a": 1})
    assert hash(Json({"a": 1, "b": 2})) == hash(Json({"b": 2, "a": 1}))
    assert Json({"a": 1}) != Json({"a": True})


def test_a_commit_that_derives_too_much_is_undone():
    db = Database.from_source(GRAPH)
    with pytest.raises(EvaluationError, match="too many facts"):
        db.commit(insert={"edge": [(i, i + 1) for i in range(100)]}, limit=500)
    assert db.facts("edge") == [] and db.facts("path") == []
    assert db.commit(insert={"edge": [(1, 2)]}, limit=500).inserted["path"] == [(1, 2)]


def test_a_ref_literal_of_a_rule_follows_the_object_that_bears_the_path():
    text = """
    .decl node(n: ref, zone: symbol)
    .decl chosen(zone: symbol)
    chosen(Z) :- node(node/n1, Z).
    .decl other(n: ref)
    other(N) :- node(N, _), N != node/n1.
    .decl lonely()
    lonely() :- not node(node/n1, _).
    """
    alive = {"node/n1": Ref("node/n1", "1")}
    db = Database.from_source(text, resolve_ref=alive.get)
    assert db.query("lonely()") == [()]
    first, second, n2 = Ref("node/n1", "1"), Ref("node/n1", "2"), Ref("node/n2", "3")
    assert db.commit(insert={"node": [(first, "a"), (n2, "b")]}).inserted["chosen"] == [("a",)]
    assert db.facts("other") == [(n2,)] and db.facts("lonely") == []
    assert db.query("node(node/n1, Z)") == [("a",)]
    alive["node/n1"] = second
    changes = db.commit(insert={"node": [(second, "c")]}, retract={"node": [(first, "a")]})
    assert changes.inserted["chosen"] == [("c",)] and changes.retracted["chosen"] == [("a",)]
    assert db.query("node(node/n1, Z)") == [("c",)]
    assert str(db.why('chosen("c")')).startswith('chosen("c")')
