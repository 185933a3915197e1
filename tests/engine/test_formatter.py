"""Formatting: idempotent, the same program, every comment kept in its order; the shipped rules are formatted."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.engine import formatter, layout, parser

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(p for folder in ("rulekube/rules", "examples", "bench") for p in (ROOT / folder).rglob("*.dl"))
MANUAL = re.findall(r"```dl\n(.*?)```", (ROOT / "docs" / "language.md").read_text("utf-8"), re.DOTALL)
TEXTS = [*MANUAL, *(p.read_text("utf-8") for p in [*SHIPPED, *(ROOT / "tests/cases/language").glob("*.dl")])]
PIECES = [[(p.text, p.rule) for s in formatter.statements(text) for p in s if not p.comment] for text in TEXTS]
GLUED = {"max", "min", "sum", "mean", "argmax", "argmin", "array", "object", "asc", "desc"}


def program(text):
    module = parser.parse_module(text, "x.dl")
    return module.includes, [(d.name, d.columns, d.mapping, d.key) for d in module.declarations], module.rules


def comments(text):
    return [p.text for s in formatter.statements(text) for p in s if p.comment]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: str(p.relative_to(ROOT)))
def test_shipped_rules_are_formatted(path):
    text = path.read_text("utf-8")
    assert formatter.format_source(text, str(path)) == text


SPACE = st.sampled_from(["", "", " ", "  ", "\n", "\n\n\n", "\t"])
REMARK = st.sampled_from(["// why\n", "//\n", "/* in a line */ ", "/* over\n   lines */\n"])


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_spacing_gives_one_layout(data):
    tokens = data.draw(st.sampled_from([p for p in PIECES if len(p) < 2500]))
    start = data.draw(st.integers(0, len(tokens) - 1))
    first = max((i + 1 for i, (text, rule) in enumerate(tokens[:start]) if (text, rule) == (".", "rule")), default=0)
    kept, written = tokens[first : first + 150], []
    while kept and kept[-1] != (".", "rule"):
        kept.pop()
    for text, _ in kept:
        written.append(text)
        written.append(" " + data.draw(SPACE))
        if text not in GLUED and data.draw(st.integers(0, 9)) == 0:
            written.append(data.draw(REMARK))
    source = "".join(written)
    try:
        before = program(source)
    except parser.RuleError:  # a cut `.decl`, or a comment between a function's name and its arguments
        return
    once = formatter.format_source(source)
    assert formatter.format_source(once) == once
    assert program(once) == before
    assert comments(once) == comments(source)
    long = [line for line in once.split("\n") if len(line.split("//")[0]) > layout.WIDTH and line.count('"') < 2]
    assert not long


def test_a_long_rule_gets_a_literal_a_line():
    atoms = [f"relation_number_{i}(Variable{i}, Variable{i + 1})" for i in range(6)]
    text = f"head(Variable0) :- {', '.join(atoms)}."
    assert formatter.format_source(text) == "head(Variable0) :-\n  " + ",\n  ".join(atoms) + ".\n"


def test_a_rule_that_fits_stays_as_its_author_broke_it():
    text = "a(X) :- b(X), c(X).\n\nb(X) :-\n  c(X), d(X),\n  e(X).\n"
    assert formatter.format_source(text) == text


def test_comments_behind_lines_are_aligned():
    source = "a(X) :-  // one\n b(X), // two\n   // three\n    not c(X,  _)./* four */\n"
    wanted = "a(X) :-  // one\n  b(X),  // two\n  // three\n  not c(X, _).  /* four */\n"
    assert formatter.format_source(source) == wanted


def test_alternatives_of_a_rule():
    text = "a(X) :-\n  b(X), c(X) ;\n  c(X), d(X).\n"
    assert formatter.format_source(text) == text
    assert formatter.format_source(text.replace(" ;\n", "\n     ; ")) == "a(X) :-\n  b(X), c(X)\n  ; c(X), d(X).\n"
    long = [f"relation_number_{i}(Variable, Other)" for i in range(6)]
    source = f"a(Variable) :- {', '.join(long[:2])} ; {', '.join(long[2:])}."
    assert formatter.format_source(source).split("\n")[:3] == [
        "a(Variable) :-",
        f"  {', '.join(long[:2])} ;",
        f"  {long[2]},",
    ]
