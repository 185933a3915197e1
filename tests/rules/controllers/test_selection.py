"""What selects what is a rule; its dumb twin is the Python of `rulekube.selectors`: they agree after every change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.engine import Database, Ref, to_json
from rulekube.facts.functions import FUNCTIONS
from rulekube.rules import paths
from rulekube.selectors import label_selector

KEYS, VALUES = st.sampled_from("abc"), st.sampled_from("xyz")
LABELS = st.dictionaries(KEYS, VALUES, min_size=1)
LISTED = st.builds(
    lambda key, operator, values: {"key": key, "operator": operator, "values": values},
    KEYS,
    st.sampled_from(["In", "NotIn"]),
    st.lists(VALUES, min_size=1, max_size=2, unique=True),
)
UNARY = st.builds(
    lambda key, operator: {"key": key, "operator": operator}, KEYS, st.sampled_from(["Exists", "DoesNotExist"])
)
SELECTORS = st.one_of(
    LABELS,
    st.builds(
        lambda labels, expressions: {"matchLabels": labels, "matchExpressions": expressions},
        st.dictionaries(KEYS, VALUES, max_size=1),
        st.lists(LISTED | UNARY, max_size=3),
    ),
)
DATABASE = Database.from_files(paths(("controllers/selection.dl",)), functions=FUNCTIONS)


def selected(selectors: set[Any], label_sets: set[Any]) -> set[tuple[Any, Any]]:
    """The twin: every pair, one by one."""
    pairs = set()
    for selector in selectors:
        plain = all(isinstance(value, str) for value in selector.value.values())
        parsed = label_selector.of_map(selector.value) if plain else label_selector.selector(selector.value)
        pairs |= {(selector, labels) for labels in label_sets if parsed.matches(labels.value)}
    return pairs


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), SELECTORS.map(to_json)), max_size=6), st.lists(LABELS.map(to_json), max_size=6)
)
def test_rules_and_python_agree_after_every_change(changes: list[tuple[bool, Any]], label_sets: list[Any]) -> None:
    present: set[Any] = set()
    pods = {Ref(f"pod/shop/{number}", "u"): labels for number, labels in enumerate(label_sets)}
    try:
        for number, (pod, labels) in enumerate(pods.items()):
            DATABASE.commit(insert={"label_set": [(pod, labels)]})
            if number < len(changes):
                keep, selector = changes[number]
                DATABASE.commit(**{"insert" if keep else "retract": {"selector_in_use": [(selector,)]}})
                (present.add if keep else present.discard)(selector)
            known = set(list(pods.values())[: number + 1])
            assert set(DATABASE.facts("selects")) == selected(present, known)
    finally:
        DATABASE.commit(retract={"label_set": list(pods.items()), "selector_in_use": [(s,) for s in present]})
    assert DATABASE.facts("selects") == []


def test_a_broken_selector_selects_nothing() -> None:
    broken = to_json({"matchExpressions": [{"key": "a", "operator": "Like", "values": ["x"]}]})
    pod = (Ref("pod/shop/p", "u"), to_json({"a": "x"}))
    DATABASE.commit(insert={"label_set": [pod], "selector_in_use": [(broken,)]})
    assert DATABASE.facts("selects") == []
    DATABASE.commit(retract={"label_set": [pod], "selector_in_use": [(broken,)]})


def test_the_rules_of_selection_are_one_page() -> None:
    (page,) = paths(("controllers/selection.dl",))
    assert len(Path(page).read_text().splitlines()) <= 100
