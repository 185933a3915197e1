"""One attempt is in flight per action key, whatever happens to the action meanwhile."""

from rulekube.actuators.attempts import Attempts
from rulekube.actuators.base import Action

ACTION = Action("run", ("a",), ("a", 1), 1)
KEY = ("run", ("a",))


def test_a_retry_in_flight_is_not_started_again_by_an_action_that_was_not_owed_for_a_moment():
    attempts = Attempts()
    assert attempts.due({KEY: ACTION}, 0) == [ACTION]
    attempts.finished(ACTION, "it failed", 0)
    assert attempts.due({KEY: ACTION}, 10_000_000) == [ACTION]  # the retry, which runs from here on
    assert attempts.forget({}) == []  # not owed for one commit
    assert attempts.due({}, 10_000_001) == []
    assert attempts.due({KEY: ACTION}, 10_000_002) == [], "a second attempt began while the first was running"
    inserted, retracted = attempts.finished(ACTION, None, 10_000_003)
    assert (inserted, [fact[2] for fact in retracted]) == ([], ["it failed"])


def test_failure_of_an_action_that_is_owed_no_more_is_retracted_when_its_attempt_has_ended():
    attempts = Attempts()
    attempts.due({KEY: ACTION}, 0)
    attempts.finished(ACTION, "it failed", 0)
    attempts.due({KEY: ACTION}, 10_000_000)
    assert attempts.forget({}) == []
    inserted, _ = attempts.finished(ACTION, "again", 10_000_001)
    assert attempts.forget({}) == inserted
