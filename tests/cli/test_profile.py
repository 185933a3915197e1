"""`rulekube profile`: a load of facts, and YAML cases."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rulekube.cli.profile import command

PROGRAM = """.decl edge(a: int, b: int)
.decl path(a: int, b: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl ends(a: int, n: int)
ends(X, N) :- edge(X, _), N = count : { path(X, _) }.
"""
VICTIMS = Path(__file__).parents[1] / "cases/controllers/victims.yaml"


def run(*arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@pytest.fixture
def files(tmp_path):
    (tmp_path / "p.dl").write_text(PROGRAM)
    (tmp_path / "f.json").write_text(json.dumps({"edge": [[i, i + 1] for i in range(20)]}))
    return tmp_path / "p.dl", tmp_path / "f.json"


def test_a_load(files):
    program, facts = files
    plain = json.loads(run("--alone", program, "--facts", facts, "-o", "json"))
    relations = {work["name"]: work for work in plain["relations"]}
    assert (relations["edge"]["size"], relations["path"]["size"], relations["ends"]["size"]) == (20, 210, 20)
    rules = {rule["place"].rsplit(":", 2)[1]: rule for rule in plain["rules"]}
    assert rules["3"]["derived"] == 20
    assert rules["4"]["derived"] == 190
    assert rules["6"]["derived"] - rules["6"]["withdrawn"] == 20 + 210  # its aggregate's bindings are its own
    times = [rule["microseconds"] for rule in plain["rules"]]
    assert times == sorted(times, reverse=True) and times[-1] > 0
    text = run("--alone", program, "--facts", facts, "--top", 1)
    assert "2 rules more (--top)" in text and text.startswith("MS ")


def test_cases():
    plain = json.loads(run(VICTIMS, "-o", "json"))
    assert any("victims.dl" in rule["place"] and rule["derived"] for rule in plain["rules"])


def test_facts_that_are_none(files, tmp_path):
    (tmp_path / "g.json").write_text("[1]")
    with pytest.raises(Exception, match="holds no facts by relation"):
        run("--alone", files[0], "--facts", tmp_path / "g.json")
