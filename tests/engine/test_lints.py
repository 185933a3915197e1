"""Warnings: `lints/x.dl` gives `x.warn` (written anew with RK_UPDATE_CASES=1); the shipped packs give none."""

import os
import re
from pathlib import Path

import pytest

from rulekube import rules
from rulekube.engine import builtins, lints
from rulekube.engine.packs import Packs
from rulekube.facts.functions import FUNCTIONS

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/cases/lints").glob("*.dl"))
ALL_FUNCTIONS = {**builtins.FUNCTIONS, **{f.name: f for f in FUNCTIONS}}


def warnings(paths):
    packs = Packs()
    for path in paths:
        packs.add_file(path)
    return lints.check(packs.modules(), ALL_FUNCTIONS)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_warnings(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    text = "".join(f"{found}\n" for found in warnings([Path(path.name)]))
    golden = path.with_suffix(".warn")
    if os.environ.get("RK_UPDATE_CASES"):
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("pack", ["CONTROL_PLANE", "NODE", "NETWORK"])
def test_shipped_packs_give_no_warning(pack):
    assert [str(found) for found in warnings(rules.paths(getattr(rules, pack)))] == []


def test_the_page_names_every_code():
    codes = set()
    for path in CASES:
        codes |= set(re.findall(r"^\S+:\d+:\d+: ([a-z-]+): ", path.with_suffix(".warn").read_text(), re.MULTILINE))
    page = (ROOT / "docs/tools.md").read_text().split("## Warnings")[1].split("\n## ")[0]
    assert codes == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))


def test_a_feeder_may_be_named():
    packs = Packs()
    packs.add("x.dl", ".decl fed(x: int)\n.decl told(x: int)\ntold(X) :- fed(X).")
    assert [d.code for d in lints.check(packs.modules(), ALL_FUNCTIONS)] == [
        "never-derived",
        "never-read",
        "never-fires",
    ]
    assert lints.check(packs.modules(), ALL_FUNCTIONS, fed=["fed"], read=["told"]) == []
    packs.add("x.dl", ".decl fed(x: int)\n.input fed\n.decl told(x: int)\n.output told\ntold(X) :- fed(X).")
    assert lints.check(packs.modules(), ALL_FUNCTIONS) == []
