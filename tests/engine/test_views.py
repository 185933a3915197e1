"""Conclusions about all members: what only they read is not kept, and answers are those of the naive evaluator."""

from random import Random

import pytest

from rulekube.engine import Database, EvaluationError, checked, picking, views
from tests.engine.held import DisagreementError, Held
from tests.engine.test_faults import mutant

SELECTORS = """
.decl label(p: int, k: int, v: int)
.decl ready(p: int)
.decl selector(s: int, k: int, v: int)
.decl candidate(s: int, p: int)
candidate(S, P) :- selector(S, K, V), label(P, K, V){among}.
.decl mismatch(s: int, p: int)
mismatch(S, P) :- candidate(S, P), selector(S, K, V), not label(P, K, V).
.decl endpoint(s: int, p: int)
.output endpoint
endpoint(S, P) :- candidate(S, P), ready(P), not mismatch(S, P).
.decl alone(s: int)
.output alone
alone(S) :- endpoint(S, P), 1 = count : {{ endpoint(S, _) }}.
"""
PLAIN, CERTAIN = SELECTORS.format(among=""), SELECTORS.format(among=", label(P, V, 0)")
SIZES = {"label": (4, 3, 2), "selector": (3, 3, 2), "ready": (4,)}


def history(seed: int, steps: int = 12):
    """A first load and changes; some of every relation's few possible facts come and go."""
    chance = Random(seed)

    def some(most: int) -> dict[str, list[tuple[int, ...]]]:
        return {
            name: [tuple(map(chance.randrange, size)) for _ in range(chance.randint(0, most))]
            for name, size in SIZES.items()
        }

    yield some(9), {}
    for _ in range(steps):
        yield some(2), some(3)


def hold(program: str, seeds: range) -> int:
    """How much was derived, all of it as the naive evaluator has it."""
    derived = 0
    for seed in seeds:
        held = Held(program)
        for insert, retract in history(seed):
            held.step(insert, retract)
        derived += held.derived
    return derived


@pytest.mark.parametrize("program", [PLAIN, CERTAIN], ids=["any pair generates", "a certain pair generates"])
def test_what_is_not_kept_changes_no_answer(program):
    assert Held(program).db.views() == {"candidate", "mismatch"}
    assert hold(program, range(12)) > 100


FAULTS = {
    "a chosen fact that goes has no successor": (picking.Picked, "leave", "if rest", "if 0"),
    "any member generates though a rule asks for one": (views, "picked", "if others & set(", "if 0 and set("),
    "a fact marks what it does not determine": (views, "part", "t.name in known", "True"),
    "a marked part keeps what no longer follows": (checked.CheckedNode, "_derive_part", "not in found", "in ()"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    owner, attribute, old, new = FAULTS[name]
    monkeypatch.setattr(owner, attribute, mutant(getattr(owner, attribute), old, new))
    with pytest.raises((DisagreementError, AssertionError, EvaluationError)):
        _ = [hold(program, range(25)) for program in (PLAIN, CERTAIN)]


def test_a_view_is_derived_when_asked_for():
    db = Database.from_source(PLAIN)
    db.commit(insert={"label": [(1, 0, 0), (2, 0, 0)], "selector": [(7, 0, 0), (7, 1, 1)], "ready": [(1,)]})
    assert db.facts("candidate") == [(7, 1), (7, 2)]
    assert db.query("mismatch(S, 1)") == [(7,)]
    assert db.query("selector(S, _, _), not mismatch(S, 1)") == []
    proof = db.why("mismatch(7, 2)")
    assert proof is not None and [p.relation for p in proof.premises] == ["candidate", "selector"]
    changes = db.commit(retract={"selector": [(7, 1, 1)]})
    assert changes.inserted == {"endpoint": [(7, 1)], "alone": [(7,)]} and "mismatch" not in changes.retracted
    assert db.query("mismatch(S, P)") == [] and db.facts("candidate") == [(7, 1), (7, 2)]


def test_without_outputs_everything_is_kept():
    assert not Database.from_source(PLAIN.replace(".output", "// ")).views()


def test_an_action_is_never_a_view():
    told = PLAIN.replace(".output endpoint", ".output endpoint\n.output mismatch")
    assert Database.from_source(told).views() == set()
