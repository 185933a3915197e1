"""`rulekube test`: test relations, YAML cases, coverage, mutants."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rulekube.cli.test import command

POLICY = """.decl pod(name: symbol, node: symbol)
.decl crowded(node: symbol)
crowded(Node) :- pod(_, Node), Pods = count : { pod(_, Node) }, Pods > 2, not spare(Node).
.decl spare(node: symbol)
.decl quiet(node: symbol)
quiet(Node) :- spare(Node), not pod(_, Node).
"""
TESTS = """.include "policy.dl"
pod("a", "n1").
pod("b", "n1").
pod("c", "n1").
pod("d", "n2").

.decl test_three_pods_are_a_crowd()
test_three_pods_are_a_crowd() :- crowded("n1").
.decl test_one_pod_is_none()
test_one_pod_is_none() :- not crowded("n2"), pod(_, "n2").
.decl todo_test_quiet(node: symbol)
"""
FAILING = '\n.decl test_two_are(node: symbol)\ntest_two_are(Node) :- crowded(Node), Node = "n2".\n'


def run(*arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policy.dl").write_text(POLICY)
    (tmp_path / "policy_test.dl").write_text(TESTS)
    return tmp_path


def test_a_folder_that_passes(folder):
    result = run("--alone", folder)
    assert (result.return_value, result.output) == (0, "2 passed, 1 skipped\n")
    assert "PASS  test_three_pods_are_a_crowd" in run("--alone", folder, "-v").output


def test_a_failure_says_why(folder):
    (folder / "policy_test.dl").write_text(TESTS + FAILING)
    result = run("--alone", folder)
    assert result.return_value == 1
    assert "FAIL  test_two_are" in result.output
    assert "NOT test_two_are(_)" in result.output
    plain = json.loads(run("--alone", folder, "-o", "json").output)
    assert [t["outcome"] for t in plain["tests"]] == ["passed", "passed", "skipped", "failed"]


def test_coverage_names_the_rules_that_never_fired(folder):
    plain = json.loads(run("--alone", folder, "--coverage", "-o", "json").output)
    assert plain["coverage"]["percent"] == 50.0
    assert plain["coverage"]["never"] == [f"{folder / 'policy.dl'}:6:1"]
    assert run("--alone", folder, "--threshold", 60).return_value == 1
    assert run("--alone", folder, "--threshold", 50).return_value == 0


def test_mutants_that_no_test_notices_are_named(folder):
    plain = json.loads(run("--alone", folder, "--mutate", "-o", "json").output)
    changes = {mutant["change"] for mutant in plain["mutants"]["survived"]}
    assert "without `not spare(Node)`" in changes
    assert "without this rule of `quiet`" in changes
    assert "without `Pods > 2`" not in changes and "turned around: `Pods > 2`" not in changes
    assert plain["mutants"]["killed"] >= 4 and not plain["ok"]
    (folder / "policy.dl").write_text(POLICY.split(".decl quiet")[0])
    (folder / "policy_test.dl").write_text(
        TESTS.replace('pod("d"', 'spare("n3").\npod("e", "n3").\npod("f", "n3").\npod("g", "n3").\npod("d"')
        + '\n.decl test_spare()\ntest_spare() :- not crowded("n3"), pod(_, "n3").\n'
    )
    killed = run("--alone", folder, "--mutate")
    assert killed.return_value == 0 and " 0 survived" in killed.output


CASE = """note: a policy of one's own
rules: [own.dl]
objects:
  web: {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}}
steps:
  - apply: [web]
    actions: [{patch_object: {object: pod/shop/web, patch: {metadata: {labels: {seen: %s}}}}}]
    holds: ['label(pod/shop/web, "app", "web")']
    lacks: ['label(_, "app", "cart")']
  - apply: [{like: web, metadata: {labels: {seen: "yes"}}}]
    done: [patch_object]
"""
OWN = """.include "{folder}/schema.dl"
.include "{folder}/actions.dl"
patch_object(Pod, "seen", {{"metadata": {{"labels": {{"seen": "yes"}}}}}}, null) :-
  label(Pod, "app", _), not label(Pod, "seen", _).
"""


def test_yaml_cases_find_rules_beside_them(tmp_path):
    from rulekube.rules import FOLDER

    (tmp_path / "own.dl").write_text(OWN.format(folder=FOLDER))
    (tmp_path / "own.yaml").write_text(CASE % '"yes"')
    result = run(tmp_path, "--coverage", "--mutate")
    assert result.return_value == 0, result.output
    assert "coverage: 100.0% of 1 rules" in result.output
    (tmp_path / "own.yaml").write_text(CASE % '"no"')
    failed = run(tmp_path / "own.yaml")
    assert failed.return_value == 1
    assert "FAIL  a policy of one's own" in failed.output and "no such action became owed" in failed.output


def test_a_broken_file_is_an_error(tmp_path):
    (tmp_path / "x_test.dl").write_text(".decl test_x()\ntest_x() :- missing(1).\n")
    result = run("--alone", tmp_path / "x_test.dl")
    assert result.return_value == 1
    assert "ERROR" in result.output and "undeclared-relation" in result.output


def test_the_example_is_tested_whole():
    result = run("--alone", Path(__file__).parents[2] / "examples/02-rules", "--coverage", "--mutate")
    assert result.return_value == 0, result.output
    assert "coverage: 100.0% of 2 rules" in result.output and " 0 survived" in result.output
    assert "3 passed" in result.output


def test_a_mutant_that_derives_without_end_is_noticed(tmp_path):
    rules = ".decl n(n: int)\nn(0).\nn(M) :- n(N), M = N + 1, N < 3.\n.decl test_n()\ntest_n() :- n(3), not n(4).\n"
    (tmp_path / "n.dl").write_text(rules)
    result = run("--alone", tmp_path / "n.dl", "--mutate")
    assert result.return_value == 0, result.output
    assert " 0 survived" in result.output
