"""The lexer knows every token of every rule file there is, and colours words by where they stand."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Keyword, Literal, Name, Number, Operator, String, Token

from rulekube.engine.highlight import RuleLexer

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("rulekube/rules/**/*.dl"), *ROOT.glob("examples/**/*.dl")])
MANUAL = re.findall(r"```dl\n(.*?)```", (ROOT / "docs/language.md").read_text(), re.S)


def tokens(text):
    return [(kind, word) for kind, word in RuleLexer().get_tokens(text) if word.strip()]


def kinds(text):
    return {word: kind for kind, word in tokens(text)}


def test_there_are_rule_files_to_look_at():
    assert len(FILES) > 50
    assert len(MANUAL) > 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_file_has_no_error_tokens_and_keeps_its_text(path):
    text = path.read_text()
    found = list(RuleLexer(ensurenl=False, stripnl=False).get_tokens(text))
    assert [word for kind, word in found if kind in Error] == []
    assert "".join(word for _, word in found) == text


@pytest.mark.parametrize("text", MANUAL)
def test_the_manual_has_no_error_tokens(text):
    assert [word for kind, word in RuleLexer().get_tokens(text) if kind in Token.Error] == []


def test_words_are_coloured_by_where_they_stand():
    found = kinds(
        'late(P) :- pod(name: P), not key(P), N = count : { count(P, _) }, starts_with(P, "x"), 5 < 30s. // c'
    )
    assert found["late"] is found["pod"] is found["key"] is Name.Function
    assert found["name"] is Name.Attribute
    assert found["not"] is Operator.Word
    assert found["P"] is Name.Variable
    assert found["starts_with"] is Name.Builtin
    assert found["30s"] is Number
    assert found['"x"'] is String.Double
    assert found["// c"] is Comment.Single
    assert (Keyword.Pseudo, "count") in tokens("N = count : { count(P) }")
    assert (Name.Function, "count") in tokens("N = count : { count(P) }")


def test_declarations_name_types_and_kinds():
    found = tokens(
        '.input x(int: int, b: json from "c" default null) from Pod "s"\n.action bind(p: ref) key(p) by objects\nx(1).'
    )
    assert found[:6] == [
        (Keyword, ".input"),
        (Name.Class, "x"),
        (Token.Punctuation, "("),
        (Name.Attribute, "int"),
        (Token.Punctuation, ":"),
        (Keyword.Type, "int"),
    ]
    assert (Name.Namespace, "Pod") in found
    assert (Keyword, "key") in found
    assert (Name.Namespace, "objects") in found
    assert found[-5:][0] == (Name.Function, "x")


def test_refs_are_one_token():
    assert (Literal, "pod/shop/cart-7f9") in tokens("pod_node(pod/shop/cart-7f9, N)")


def test_unfinished_text_has_no_errors():
    assert all(kind not in Error for kind, _ in tokens('.decl path(a: sym\npath(X, "un'))


def test_the_entry_point_names_the_lexer():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["rulekube"].partition(":")
    assert getattr(importlib.import_module(module), name) is RuleLexer
    assert "dl" in RuleLexer.aliases
