"""The core suites of `datalog-conformance`: basic, recursion, negation, errors.

Its plugin reads all suites with a slow loader whenever its fixture is asked for; here they are read once, with the C
loader, and only the core ones.
"""

from collections import Counter

import pytest
import yaml
from datalog_conformance import plugin
from datalog_conformance.runner import ConformanceFailure, YamlTestRunner

from rulekube.engine.conformance import Evaluator

CORE = {"basic": 26, "recursion": 49, "negation": 33, "errors": 6}


@pytest.fixture(scope="module")
def cases() -> list:
    root = plugin.get_tests_dir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "safe_load", lambda text: yaml.load(text, Loader=yaml.CSafeLoader))
        return [(suite, case) for suite in CORE for _, case in plugin.discover_yaml_tests(root / suite)]


@pytest.mark.slow
def test_the_core_suites(cases):
    assert Counter(suite for suite, _ in cases) == CORE
    runner = YamlTestRunner(Evaluator())
    for suite, case in cases:
        try:
            runner.run_test_case(case)
        except ConformanceFailure as failure:
            raise AssertionError(f"{suite}: {failure}"[:2000]) from failure


@pytest.mark.slow
def test_the_runner_notices_a_missing_row(cases):
    class Forgetful(Evaluator):
        def evaluate(self, program):
            return {name: set(sorted(rows, key=str)[1:]) for name, rows in super().evaluate(program).items()}

    failed = 0
    for case in [case for suite, case in cases if suite == "basic"]:
        try:
            YamlTestRunner(Forgetful()).run_test_case(case)
        except ConformanceFailure:
            failed += 1
    assert failed > 20
