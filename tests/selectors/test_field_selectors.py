"""Field selectors: escapes, missing fields, what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.errors import SelectorError
from rulekube.selectors import field
from rulekube.selectors.field import FieldRequirement, FieldSelector

FIELDS = st.sampled_from(["metadata.name", "spec.nodeName", "status.phase"])
VALUES = st.text(alphabet="ab\\,=! é\n", max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(FieldRequirement, FIELDS, st.sampled_from(["=", "!="]), VALUES), max_size=3))
def test_the_canonical_text_means_the_selector(requirements: list[FieldRequirement]) -> None:
    text = str(FieldSelector(tuple(requirements)))
    assert field.parse(text).requirements == tuple(sorted(requirements, key=str))


def test_a_missing_field_counts_as_empty() -> None:
    selector = field.parse("spec.nodeName=")
    assert selector.matches({})
    assert not selector.matches({"spec.nodeName": "n1"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=\\b", "invalid field selector: invalid escape sequence: \\b"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(SelectorError) as raised:
        field.parse(text)
    assert str(raised.value) == said
