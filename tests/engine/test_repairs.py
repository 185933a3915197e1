"""Repairs: the smallest changes that make a goal hold, and the property that every one of them does."""

import re
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rulekube.engine import Database, naive
from rulekube.engine.why_not_state import OPERATORS, fits
from tests.engine.programs import ARITY, BASE, loads, programs
from tests.engine.test_why_not import FACTS, TEXT


@pytest.fixture
def db():
    database = Database.from_source(TEXT)
    database.commit(insert=FACTS)
    return database


def texts(answer):
    return [" and ".join(one["text"] for one in repair.texts) for repair in answer.repairs]


def test_a_label_is_altered_and_a_number_tuned(db):
    assert set(texts(db.why_not('placed("cart")'))) == {
        'label("n2", "zone", "eu-2") -> label("n2", "zone", "eu-1")',
        'insert label("n2", "zone", "eu-1")',
        'needs("cart", 1500) -> needs("cart", 1400)',
        'free("n3", 1400) -> free("n3", 1500)',
    }


def test_a_repair_says_what_holds_then(db):
    repairs = db.why_not('placed("cart")', change=["needs"]).repairs
    assert [repair.then for repair in repairs] == [('fits("cart", "n3")',)]


def test_what_must_not_change_does_not(db):
    answer = db.why_not('placed("cart")', keep=["label", "needs"], repairs=10)
    assert {change.relation for repair in answer.repairs for change in repair.changes} <= {"free", "wants"}


def test_two_changes_are_found_where_one_is_not_enough(db):
    answer = db.why_not('grand("zoe", "fay")', repairs=1)
    assert len(answer.repairs[0].changes) == 2
    assert not db.why_not('grand("zoe", "fay")', size=1).repairs


def test_a_limit_that_is_hit_is_said(db):
    assert "no repair of at most 1 change was found" in db.why_not('grand("zoe", "fay")', size=1).limits


def test_repairs_leave_the_database_as_it_was(db):
    before = {name: db.facts(name) for name in db.program.relations}
    db.why_not('placed("cart")')
    assert {name: db.facts(name) for name in db.program.relations} == before


def test_a_view_may_forbid_changes(db):
    db.define("fixed", '.decl unchangeable(relation: symbol, operation: symbol)\nunchangeable("label", "insert").')
    assert not [text for text in texts(db.why_not('placed("cart")')) if text.startswith("insert label")]


def test_repairs_have_stable_ids(db):
    ids = [[repair.id for repair in db.why_not('placed("cart")').repairs] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


COUNTS = {"goals": 0, "repaired": 0}


@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=(Phase.generate,)
)
@given(program=programs(), seed=st.integers(0, 2**32))
def check(program, seed):
    db = Database.from_source(program)
    base = {name: set(rows) for name, rows in loads(seed).items()}
    db.commit(insert=base)
    state = naive.evaluate(db.program, base)
    chance = Random(seed)
    for name in sorted(set(ARITY) - set(BASE)):
        goal = tuple(chance.randrange(5) for _ in range(ARITY[name]))
        if goal in state[name]:
            continue
        text = f"{name}({', '.join(map(str, goal))})"
        answer = db.why_not(text, repairs=2, keep=["elapsed"])
        assert not answer.holds
        _failing(answer.missing, state, db)
        for repair in answer.repairs:
            _mends(repair, db, base, name, goal)
        COUNTS["goals"] += 1
        COUNTS["repaired"] += bool(answer.repairs)
    assert {name: set(db.facts(name)) for name in ARITY} == {name: state[name] for name in ARITY}


def _failing(missing, state, db):
    """What is said to be missing is not there, and what is said to stand against something is."""
    if missing.relation in state:
        assert not [fact for fact in state[missing.relation] if fits(fact, missing.pattern)]
    for attempt in missing.attempts:
        assert attempt.failures or attempt.unreached
        for failure in attempt.failures:
            for against in failure.against:
                assert against.fact in state[against.relation]
            if failure.kind == "comparison":
                assert not _holds(failure.literal)
            if failure.because is not None:
                _failing(failure.because, state, db)


def _holds(comparison):
    """Whether a comparison of two numbers is true; of what has no value, it is not."""
    found = re.fullmatch(r"(-?[0-9.]+) (!?=|<=?|>=?) (-?[0-9.]+)", comparison)
    if found is None:
        return False
    left, operator, right = found.groups()
    return OPERATORS[operator](float(left), float(right))


def _mends(repair, db, base, name, goal):
    """The naive evaluator finds the goal after the changes, and not after fewer of them."""
    changed = {relation: set(rows) for relation, rows in base.items()}
    for change in repair.changes:
        changed[change.relation] -= {change.old}
        changed[change.relation] |= {change.new} - {None}
    assert goal in naive.evaluate(db.program, changed)[name]


@pytest.mark.slow
def test_every_repair_mends_and_every_failing_literal_fails():
    COUNTS.update(goals=0, repaired=0)
    check()
    print(f"{COUNTS['goals']} goals that do not hold, {COUNTS['repaired'] / COUNTS['goals']:.0%} with a repair")
    assert COUNTS["repaired"] > COUNTS["goals"] / 4
