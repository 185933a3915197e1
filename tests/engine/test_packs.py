"""Packs that come and go in a live database: what changes is told, and what holds is what a fresh database derives."""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rulekube.engine import Database, EvaluationError, RuleError, naive
from tests.engine.programs import histories, programs


def split(program: str, seed: int) -> tuple[str, dict[str, list[str]]]:
    """The declarations, and the rules dealt to three packs; a seed deals them in two ways, one per half of its life."""
    lines = program.splitlines()
    chance = Random(seed)
    packs: dict[str, list[str]] = {"one": [], "two": [], "three": []}
    for line in lines:
        if not line.startswith(".decl"):
            packs[chance.choice(sorted(packs))].append(line)
    return "\n".join(line for line in lines if line[0] == "."), packs


@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=(Phase.generate,)
)
@given(program=programs(), steps=histories(), seed=st.integers(0, 2**32))
def check(program, steps, seed):
    declarations, packs = split(program, seed)
    chance = Random(seed)
    db = Database.from_source(declarations)
    loaded: dict[str, str] = {}
    base: dict[str, set] = {}
    before = naive.evaluate(db.program, base)
    for insert, retract in steps:
        db.commit(insert=insert, retract=retract)
        for name in {*insert, *retract}:
            base[name] = base.get(name, set()) - set(retract.get(name, ())) | set(insert.get(name, ()))
        before = naive.evaluate(db.program, base)
        name, silent = chance.choice(sorted(packs)), db.views()
        if name in loaded and chance.random() < 0.5:
            changes = db.unload(name)
            del loaded[name]
        else:
            loaded[name] = "\n".join(line for line in packs[name] if chance.random() < 0.8)
            changes = db.load(name, loaded[name])
        after = naive.evaluate(db.program, base)
        silent |= db.views()
        for relation in after:
            told = f"{relation} in {loaded} of {program}"
            assert set(db.facts(relation)) == after[relation], told
            if relation in silent:
                continue
            assert set(changes.inserted[relation]) == after[relation] - before[relation], told
            assert set(changes.retracted[relation]) == before[relation] - after[relation], told


@pytest.mark.slow
def test_packs_come_and_go():
    check()


BASE = ".decl edge(a: int, b: int)\n.decl path(a: int, b: int)\npath(X, Y) :- edge(X, Y).\n"


def test_a_relation_may_become_recursive_and_back():
    db = Database.from_source(BASE)
    db.commit(insert={"edge": [(1, 2), (2, 3)]})
    assert db.load("more", "path(X, Z) :- path(X, Y), edge(Y, Z).").inserted == {"path": [(1, 3)]}
    assert db.commit(insert={"edge": [(3, 4)]}).inserted["path"] == [(3, 4), (2, 4), (1, 4)]
    assert sorted(db.unload("more").retracted["path"]) == [(1, 3), (1, 4), (2, 4)]
    assert db.facts("path") == db.facts("edge")


def test_facts_stated_by_a_pack_go_with_it():
    db = Database.from_source(BASE)
    db.commit(insert={"edge": [(1, 2)]})
    assert db.load("facts", "edge(1, 2).\nedge(2, 3).").inserted == {"edge": [(2, 3)], "path": [(2, 3)]}
    assert not db.commit(retract={"edge": [(1, 2)]})
    assert db.facts("edge") == [(1, 2), (2, 3)]
    assert sorted(db.unload("facts").retracted["path"]) == [(1, 2), (2, 3)]
    assert db.facts("edge") == []


def test_a_base_relation_that_becomes_derived_loses_its_facts():
    db = Database.from_source(BASE)
    db.commit(insert={"edge": [(1, 2)]})
    changes = db.load("derive", ".decl pair(a: int, b: int)\npair(5, 6).\nedge(X, Y) :- pair(X, Y).")
    assert changes.retracted["edge"] == [(1, 2)] and changes.inserted["edge"] == [(5, 6)]
    db.unload("derive")
    assert db.facts("path") == []
    assert db.commit(insert={"edge": [(1, 2)]}).inserted["path"] == [(1, 2)]


def test_a_pack_that_fails_leaves_everything_as_it_was():
    db = Database.from_source(BASE + "edge(7, 8).")
    db.commit(insert={"edge": [(1, 2), (2, 3), (9, 9)]})
    bad = ".decl up(a: int)\nup(X) :- edge(X, _).\nup(Y) :- up(X), Y = X + 1.\npath(X, Z) :- path(X, Y), edge(Y, Z)."
    for _ in range(2):
        with pytest.raises(EvaluationError, match="too many"):
            db.load("bad", bad, limit=1000)
        assert db.facts("path") == db.facts("edge") == [(1, 2), (2, 3), (7, 8), (9, 9)]
    assert not db.load("good", ".decl far(a: int)\nfar(X) :- path(_, X), X > 9.")
    assert db.commit(insert={"edge": [(1, 11)]}, retract={"edge": [(7, 8), (2, 3)]}).inserted["far"] == [(11,)]
    assert db.facts("edge") == [(1, 2), (1, 11), (7, 8), (9, 9)]


def test_loading_a_pack_costs_what_it_derives():
    db = Database.from_source(BASE)
    db.commit(insert={"edge": [(i, -i) for i in range(1000)]})
    before = db.touched
    assert db.load("far", ".decl far(a: int)\nfar(X) :- edge(3, X).").inserted == {"far": [(-3,)]}
    assert db.touched - before < 5


def test_a_pack_that_is_loaded_as_a_text_reads_no_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    db = Database.from_source(BASE)
    with pytest.raises(RuleError, match="cannot include") as refused:
        db.load("spy", f'.include "{secret}"\n')
    assert "hunter2" not in str(refused.value)
    assert db.load("honest", "edge(1, 2).").inserted["edge"] == [(1, 2)]
