"""pyDatalog as the reference: incremental = naive = from scratch = pyDatalog, on what the two languages share."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rulekube.engine import Database, RuleError, incremental, pydatalog
from tests.engine.held import Held
from tests.engine.programs import histories, shared_programs
from tests.engine.test_faults import mutant

COUNTS = {"programs": 0, "deriving": 0}


class UnlikeReferenceError(AssertionError):
    pass


def hold(program, steps) -> int:
    """Run a history incrementally, beside the naive one; hold the last state to pyDatalog and to a fresh database."""
    held = Held(program)
    for insert, retract in steps[:3]:  # small: pyDatalog takes milliseconds a fact
        shared = [{n: f[:4] for n, f in facts.items() if n != "elapsed"} for facts in (insert, retract)]
        held.step(*shared)
    fresh = Database.from_source(program)
    fresh.commit(insert=held.base)
    reference = pydatalog.evaluate(held.db.program, held.base)
    for name, facts in reference.items():
        if not facts == set(held.db.facts(name)) == set(fresh.facts(name)):
            raise UnlikeReferenceError(
                f"{name}: pyDatalog {sorted(facts)}, incremental {held.db.facts(name)}\n{program}"
            )
    return held.derived


def search(examples: int):
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
    )
    @given(program=shared_programs(), steps=histories())
    def check(program, steps):
        COUNTS["programs"] += 1
        COUNTS["deriving"] += hold(program, steps) > 0

    return check


@pytest.mark.slow
def test_all_four_evaluators_agree():
    COUNTS.update(programs=0, deriving=0)
    search(12)()
    share = COUNTS["deriving"] / COUNTS["programs"]
    print(f"{COUNTS['programs']} programs, {share:.0%} derive something")
    assert share > 0.5


def test_pydatalog_is_independent_of_our_evaluators(monkeypatch):
    """A fault that ours share would be seen: with the naive comparison off, pyDatalog alone notices it."""
    dropped = mutant(incremental.RelationNode._pass_on, "feed(inserted, 1)", "feed(inserted[:1], 1)")
    monkeypatch.setattr(incremental.RelationNode, "_pass_on", dropped)
    monkeypatch.setattr(Held, "compare", lambda self, when, wanted: None)
    monkeypatch.setattr(Held, "_same", lambda self, what, wanted, found: None)
    with pytest.raises(UnlikeReferenceError):
        hold(".decl e(a: int, b: int)\n.decl p(a: int)\np(X) :- e(X, _).", [({"e": [(1, 2), (3, 4)]}, {})])


PROGRAM = """
.decl edge(a: symbol, b: symbol)
edge("a", "b").
edge("b", "c").
.decl path(a: symbol, b: symbol)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl end(a: symbol)
end(X) :- edge(_, X), not edge(X, _).
.decl far(n: int)
far(N * 2 + 1) :- size(N), 3 > N.
.decl size(n: int)
size(1).
size(5).
.decl any()
any() :- end(_).
"""


def test_a_question_asked_of_pydatalog():
    program = Database.from_source(PROGRAM).program
    assert pydatalog.ask(program, {}, 'path("a", X), X != "b"') == [("c",)]
    assert pydatalog.ask(program, {}, "far(N)") == [(3,)]
    assert pydatalog.ask(program, {"edge": [("c", "d")]}, "end(X)") == [("d",)]
    assert pydatalog.ask(program, {}, 'path("a", "c"), any()') == [()]
    assert pydatalog.ask(program, {}, 'path("c", "a")') == []


def test_what_is_outside_is_refused_all_at_once():
    text = PROGRAM + (
        ".decl size_of(b: float)\n.decl n(x: int)\nn(C) :- C = count : { edge(_, _) }.\n"
        'n(length(X)) :- edge(X, Y), starts_with(X, "a").\nn(N) :- N = range(0, 3).'
    )
    with pytest.raises(RuleError) as caught:
        pydatalog.evaluate(Database.from_source(text).program, {})
    said = [d.message.split(" is outside")[0] for d in caught.value.diagnostics]
    assert said == ["a column of type float", "the aggregate `count`", "`length`", "`starts_with`", "`range`"]
