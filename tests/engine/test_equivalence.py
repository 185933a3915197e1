"""The property: on random programs and random commits, incremental equals naive after every step."""

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from tests.engine.held import Held
from tests.engine.programs import histories, programs

COUNTS = {"programs": 0, "deriving": 0}


@settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=(Phase.generate,)
)
@given(program=programs(), steps=histories())
def check(program, steps):
    held = Held(program)
    for insert, retract in steps:
        held.step(insert, retract)
    COUNTS["programs"] += 1
    COUNTS["deriving"] += held.derived > 0
    event(f"derives: {held.derived > 0}")


@pytest.mark.slow
def test_incremental_equals_naive():
    COUNTS.update(programs=0, deriving=0)
    check()
    share = COUNTS["deriving"] / COUNTS["programs"]
    print(f"{COUNTS['programs']} programs, {share:.0%} derive something")
    assert share > 0.8
