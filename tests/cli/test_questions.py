"""`query`, `why` and `check` over rule files alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rulekube.cli.main import rulekube

FILE = str(Path(__file__).resolve().parents[2] / "examples/02-rules/reachable.dl")


def run(*words):
    return CliRunner().invoke(rulekube, list(words), standalone_mode=False)


def test_query_prints_a_table_of_the_variables():
    result = run("query", "-f", FILE, 'path("a", X)')
    assert result.output.splitlines() == ["X", "b", "c", "d"]


def test_query_by_the_reference_engine():
    assert run("query", "-f", FILE, "--engine", "pydatalog", 'path("a", X)').output.split() == ["X", "b", "c", "d"]
    assert run("query", "--engine", "pydatalog", "path(X, Y)").exit_code != 0


@pytest.mark.parametrize(("form", "text"), [("json", '[{"X": "b"}]'), ("csv", "X\nb\n")])
def test_query_prints_other_forms(form, text):
    output = run("query", "-f", FILE, 'edge("a", X)', "-o", form).output
    assert json.loads(output) == json.loads(text) if form == "json" else output == text


@pytest.mark.parametrize(("question", "answer", "code"), [('path("a", "d")', "yes", 0), ('path("d", "a")', "no", 1)])
def test_query_without_variables_is_yes_or_no(question, answer, code):
    result = run("query", "-f", FILE, question)
    assert (result.output.strip(), result.return_value) == (answer, code)


def test_why_shows_the_proof_down_to_the_facts():
    lines = run("why", "-f", FILE, 'path("a", "c")').output.splitlines()
    assert lines[0].startswith('path("a", "c")')
    assert "reachable.dl:" in lines[0]
    assert any('edge("b", "c")' in line for line in lines)


def test_why_of_what_does_not_hold_is_no():
    result = run("why", "-f", FILE, 'path("d", "a")')
    assert (result.return_value, result.output.split(":")[0]) == (1, "no")


def test_check_alone_counts_rules():
    result = run("check", "--alone", FILE)
    assert result.return_value == 0
    assert result.output.startswith("ok: ")


def test_check_shows_every_error_with_its_place(tmp_path):
    bad = tmp_path / "bad.dl"
    bad.write_text("good(X) :- edge(X, Y).\n.decl edge(a: symbol)\n.decl good(a: symbol)\ngood(Z) :- nothing(Q).\n")
    result = run("check", "--alone", str(bad))
    assert result.return_value == 1
    assert "bad.dl:1:" in result.output
    assert "bad.dl:4:" in result.output


def test_why_not_shows_what_fails():
    result = run("why-not", "-f", FILE, 'path("d", "a")')
    assert result.return_value == 0
    assert result.output.startswith('NOT path("d", "a")')
    assert "no edge" in result.output


def test_why_not_of_what_holds_says_so():
    result = run("why-not", "-f", FILE, 'path("d", "a")', "--with", 'edge("d", "a")')
    assert (result.return_value, result.output.split(":")[0]) == (1, "HOLDS")


def test_why_not_in_json_has_causes_with_ids():
    answer = json.loads(run("why-not", "-f", FILE, 'path("d", "a")', "-o", "json").output)
    assert {len(cause["id"]) for cause in answer["causes"]} == {8}


def test_diff_prints_what_a_file_would_change(tmp_path):
    new = tmp_path / "back.dl"
    new.write_text("path(Y, X) :- edge(X, Y).\n")
    result = run("diff", str(new), "-f", FILE)
    assert result.return_value == 1
    assert '  + path("b", "a")' in result.output.splitlines()
    assert json.loads(run("diff", str(new), "-f", FILE, "-o", "json").output)["relations"][0]["relation"] == "path"


def test_diff_of_nothing_new_is_empty(tmp_path):
    new = tmp_path / "same.dl"
    new.write_text("path(X, Y) :- edge(X, Y).\n")
    result = run("diff", str(new), "-f", FILE)
    assert (result.return_value, result.output.strip()) == (0, "nothing would change")
