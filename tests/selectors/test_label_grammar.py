"""The grammar and its dumb twin read every text alike, and complain alike."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rulekube.errors import SelectorError
from rulekube.selectors import label
from rulekube.selectors.requirement import Selector
from tests.selectors import descent

TOKENS = ["a", "b", "in", "notin", "-x", "1", "2.5", "=", "==", "!=", "<", ">", "!", "(", ")", ",", ",", " ", "\t"]
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)
LIKELY = st.builds(
    "{0}{1}{2}".format,
    st.sampled_from(["a in (", "b,a notin(", "!a,", "a=", "in ", "a,b"]),
    st.lists(st.sampled_from(["a", ",", "in", " ", "(", "1"]), max_size=6).map("".join),
    st.sampled_from(["", ")", "),b", ",", "!", "=1"]),
)


def outcome(parse: object, text: str) -> Selector | str:
    try:
        return parse(text)  # type: ignore[operator]
    except SelectorError as error:
        return str(error)


@settings(max_examples=600, deadline=None)
@given(TEXTS | LIKELY)
@example("a in (,,b,)")
@example("-a in (")
def test_both_read_alike(text: str) -> None:
    assert outcome(label.parse, text) == outcome(descent.parse, text)
