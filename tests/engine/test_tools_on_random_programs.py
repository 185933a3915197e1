"""What the tools say of any program is so: domains hold every fact, dead rules never fire, recording is not noticed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.engine import Database, assembly, builtins, domains, formatter, lints
from rulekube.engine.codegen import compile_full
from rulekube.engine.packs import Packs
from rulekube.engine.recorder import Recorder
from tests.engine.programs import BASE, VALUES, programs


@st.composite
def stated(draw):
    """A program whose facts, few and of some relations only, stand in its text."""
    lines = [draw(programs())]
    for name in draw(st.lists(st.sampled_from(sorted(BASE)), unique=True, min_size=1)):
        facts = draw(st.lists(st.tuples(*[VALUES] * BASE[name]), unique=True, min_size=1, max_size=4))
        lines += [f"{name}({', '.join(map(str, fact))})." for fact in facts]
    return "\n".join(lines)


@settings(max_examples=30, deadline=None)
@given(stated())
def test_domains_hold_every_fact_and_dead_rules_never_fire(text):
    packs = Packs()
    packs.add("x.dl", text)
    program, normalizer = assembly.check(packs.modules(), builtins.FUNCTIONS)
    found = domains.infer(program, normalizer.clauses, normalizer.folds, {"elapsed"})
    db = Database.from_source(text)
    db.commit(insert={"elapsed": [(0,), (1,), (2,)]})
    for name in program.relations:
        for fact in db.facts(name):
            assert name in found.holds
            for value, domain in zip(fact, found.columns[name], strict=True):
                assert domain is None or ("value", value) in domain, (name, fact)
    for number in found.dead:
        clause = normalizer.clauses[number]
        derived = {}
        if not clause.head.startswith("$"):
            compile_full(clause, db._network)((), 1, derived)
        assert not derived, (clause.rule, found.dead[number])
    lints.check(packs.modules(), builtins.FUNCTIONS)


@settings(max_examples=20, deadline=None)
@given(stated())
def test_formatting_keeps_the_program(text):
    once = formatter.format_source(text)
    assert formatter.format_source(once) == once
    before, after = Packs(), Packs()
    before.add("x.dl", text)
    after.add("x.dl", once)
    assert before.modules()[0].rules == after.modules()[0].rules


@settings(max_examples=20, deadline=None)
@given(stated(), st.lists(st.tuples(st.sampled_from(("e", "f")), VALUES, VALUES, st.booleans()), max_size=12))
def test_a_recorded_database_answers_as_another(text, changes):
    recorded, plain = Database.from_source(text, recorder=Recorder()), Database.from_source(text)
    for name, x, y, present in changes:
        for db in (recorded, plain):
            db.commit(**{"insert" if present else "retract": {name: [(x, y)]}})
    for name in plain.program.relations:
        assert recorded.facts(name) == plain.facts(name)
