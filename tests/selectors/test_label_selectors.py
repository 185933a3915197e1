"""Label selectors as text and as JSON: one meaning, Kubernetes' words for what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.errors import SelectorError
from rulekube.selectors import label, label_selector
from rulekube.selectors.requirement import NOTHING, Requirement, Selector, selector_of

KEYS = st.sampled_from(["app", "tier", "in", "notin", "example.com/app", "a_b.c-d"])
VALUES = st.sampled_from(["", "web", "in", "notin", "10", "9", "A_b.c-d"])
LABELS = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.one_of(
    st.builds(Requirement, KEYS, st.sampled_from(["=", "==", "!="]), st.tuples(VALUES)),
    st.builds(Requirement, KEYS, st.sampled_from(["gt", "lt"]), st.tuples(st.sampled_from(["0", "9", "10", "007"]))),
    st.builds(Requirement, KEYS, st.sampled_from(["exists", "!"]), st.just(())),
    st.builds(
        Requirement,
        KEYS,
        st.sampled_from(["in", "notin"]),
        st.sets(VALUES, min_size=1).map(lambda values: tuple(sorted(values))),
    ),
)
SELECTORS = st.lists(REQUIREMENTS, max_size=4).map(selector_of)


@settings(max_examples=150, deadline=None)
@given(SELECTORS)
def test_the_canonical_text_means_the_selector(selector: Selector) -> None:
    assert label.parse(str(selector)) == selector


@settings(max_examples=150, deadline=None)
@given(SELECTORS, LABELS)
def test_the_json_form_selects_the_same(selector: Selector, labels: dict[str, str]) -> None:
    try:
        raw = label_selector.from_text(str(selector))
    except SelectorError:
        assert {requirement.operator for requirement in selector.requirements} & {"!=", "gt", "lt"}
        return
    keys = [requirement.key for requirement in selector.requirements]
    if len(keys) == len(set(keys)):  # a map keeps only one equality a key
        assert label_selector.selector(raw).matches(labels) == selector.matches(labels)


def test_requirements_come_out_in_key_order() -> None:
    assert label.parse("tier in (front, back),!canary,app=web").requirements == (
        Requirement("app", "=", ("web",)),
        Requirement("canary", "!"),
        Requirement("tier", "in", ("back", "front")),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b,=", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a>)", "unable to parse requirement: found ')', expected: identifier"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
    ],
)
def test_what_is_said_of_a_place(text: str, said: str) -> None:
    with pytest.raises(SelectorError) as raised:
        label.parse(text)
    assert str(raised.value) == said


@pytest.mark.parametrize("text", ["-a b", "-a)", "-a in (", "b=-c,(", "b>x,c)", "x=1,-a=(", "a=-b)"])
def test_an_invalid_word_is_named_before_a_later_place(text: str) -> None:
    with pytest.raises(SelectorError, match="Invalid value"):
        label.parse(text)


def test_an_absent_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert label_selector.selector(None) == NOTHING
    assert not NOTHING.matches({})
    assert not NOTHING.empty
    assert label_selector.selector({}).matches({"a": "b"})


def test_an_unparsable_text_has_no_json_form() -> None:
    with pytest.raises(SelectorError, match=r'couldn\'t parse the selector string "a in": unable to parse'):
        label_selector.from_text("a in")


def test_a_plain_map_asks_for_every_label() -> None:
    selector = label_selector.of_map({"name": "redis-slave"})
    assert selector.matches({"name": "redis-slave", "x": "y"})
    assert not selector.matches({"x": "y"})
    assert label_selector.of_map(None).empty
