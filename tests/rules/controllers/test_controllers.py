"""Every case of the controllers' rules: tests/cases/controllers/*.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rulekube.testing import cases

CASES = cases.load(Path(__file__).parents[2] / "cases" / "controllers")


@pytest.mark.parametrize("document", [pytest.param(document, id=note) for note, document in CASES])
def test_case(document: dict[str, Any]) -> None:
    cases.run(document)


def test_every_controller_has_cases() -> None:
    from rulekube import rules

    covered = {name for _, document in CASES for name in document["rules"]}
    assert covered == set(rules.CONTROLLERS)
