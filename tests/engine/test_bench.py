"""The bench compares every answer with a hand-written twin's; here it runs at its smallest."""

import json

from click.testing import CliRunner

from rulekube.bench import engine, twins
from rulekube.cli.main import rulekube


def test_the_bench_measures_every_workload():
    result = CliRunner().invoke(rulekube, ["bench", "engine", "--pods", "1000", "--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output)
    assert {row["workload"].split()[0] for row in rows} >= {"W1", "W2", "W3", "W4", "W5", "W6", "why,", "arg-max"}
    assert all(row["time"] > 0 for row in rows)


def test_a_wrong_answer_is_told_instead_of_a_time(monkeypatch):
    monkeypatch.setattr(twins, "endpoints", lambda facts: -1)
    result = CliRunner().invoke(rulekube, ["bench", "engine", "--pods", "1000"])
    assert isinstance(result.exception, engine.WrongAnswerError)
