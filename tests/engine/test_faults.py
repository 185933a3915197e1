"""Planted faults: each breaks the engine in one place, and the equivalence property must notice.

A fault is a function of the engine with one piece of its source replaced. That the piece is there is checked, so that a
fault cannot silently turn into a no-op when the engine changes.
"""

import inspect
import textwrap

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from rulekube.engine import aggregates, codegen, incremental, recursion, relation
from tests.engine.held import DisagreementError, Held
from tests.engine.programs import histories, programs

FAULTS = {
    "a derivation that goes is counted as one that comes": (codegen, "_emit", "+ {sign}", "+ 1"),
    "vanished facts are not passed on": (
        incremental.RelationNode,
        "_pass_on",
        "feed(retracted, -1)",
        "pass",
    ),
    "negation keeps its sign": (incremental.Network, "feed", "sign * consumer.sign", "sign"),
    "a join of a relation with itself counts twice": (codegen, "_derive", '"f0" if same and', '"f0" if 0 and'),
    "an index keeps what has gone": (relation.Relation, "_first_leave", "self.leave(facts)", "return"),
    "an aggregate forgets to withdraw its old value": (
        aggregates.FoldState,
        "_refold",
        "retracted.append((*key, before))",
        "pass",
    ),
    "a fact with another derivation does not come back": (
        recursion.RecursiveNode,
        "settle",
        "if member.counts.get(f, 0) > 0",
        "if 0",
    ),
    "a fact that supports itself stays": (recursion.RecursiveNode, "_gather_lost", "member.firm.get(f, 0) <= 0", "0"),
    "an insertion rests on what was deleted": (
        recursion.RecursiveNode,
        "_insert",
        "if f not in rows and member.counts.get(f, 0) > 0",
        "if f not in rows",
    ),
    "what_if is not undone": (incremental.Network, "undo", "function(*arguments)", "pass"),
    "equals are ordered the wrong way": (aggregates.FoldState, "_entry", "self.fold.descending[i]", "True"),
}


def mutant(function, old: str, new: str):
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, f"{function.__qualname__} no longer holds {old!r}"
    scope: dict = {}
    exec(compile(source.replace(old, new), "<mutant>", "exec"), function.__globals__, scope)
    return scope[function.__name__]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    owner, attribute, old, new = FAULTS[name]
    made = mutant(getattr(owner, attribute), old, new)
    monkeypatch.setattr(owner, attribute, made)

    @seed(11)
    @settings(
        max_examples=400,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
        database=None,
        report_multiple_bugs=False,
    )
    @given(program=programs(), steps=histories())
    def search(program, steps):
        held = Held(program)
        for insert, retract in steps:
            held.step(insert, retract)

    with pytest.raises((DisagreementError, AssertionError, KeyError, IndexError, RuntimeError)):
        search()
