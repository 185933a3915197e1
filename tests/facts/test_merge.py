"""Merge patches, conditions, paths."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekube.facts.merge import merge_patch, merge_status, parse_path, with_path

documents = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from("xy"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def difference(old, new):
    """The merge patch from `old` to `new`, the slow way."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    gone = {key: None for key in old if key not in new}
    return gone | {key: difference(old.get(key), new[key]) for key in new if key not in old or old[key] != new[key]}


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


@given(documents, documents)
def test_a_patch_made_from_two_documents_leads_from_one_to_the_other(old, new):
    old, new = without_nulls(old), without_nulls(new)
    kept = copy.deepcopy(old)
    assert merge_patch(old, difference(old, new)) == new
    assert old == kept


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # from RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_rfcs_examples(target, patch, result):
    assert merge_patch(target, patch) == result


def test_conditions_merge_by_type_and_are_stamped_where_status_changed():
    old = {"type": "Ready", "status": "False", "reason": "X", "lastTransitionTime": "then"}
    same = {"type": "Initialized", "status": "True", "lastTransitionTime": "then"}
    patch = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}, {"type": "New", "status": "True"}]}
    merged = merge_status({"conditions": [same, old]}, patch, "now")
    assert merged == {
        "phase": "Running",
        "conditions": [
            same,
            {**old, "status": "True", "lastTransitionTime": "now"},
            {"type": "New", "status": "True", "lastTransitionTime": "now"},
        ],
    }
    assert merge_status(merged, patch, "later") == merged


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a.b[0].c", ["a", "b", 0, "c"]),
        ("metadata.annotations['a.b/c']", ["metadata", "annotations", "a.b/c"]),
        ("x{a.b/c}", ["x", "a.b/c"]),
        ("", []),
    ],
)
def test_paths_are_read(path, steps):
    assert parse_path(path) == steps


def test_setting_a_path_makes_what_is_missing_and_shares_the_rest():
    old = {"a": {"x": 1}, "b": [1]}
    new = with_path(with_path(old, "c.d[0].e", 5), "b[1]", 2)
    assert new == {"a": {"x": 1}, "b": [1, 2], "c": {"d": [{"e": 5}]}}
    assert new["a"] is old["a"]
    assert old == {"a": {"x": 1}, "b": [1]}


@pytest.mark.parametrize(
    ("path", "left"), [("a.x", {"a": {}, "b": [1, 2]}), ("b[0]", {"a": {"x": 1}, "b": [2]}), ("q.r", None)]
)
def test_null_removes(path, left):
    old = {"a": {"x": 1}, "b": [1, 2]}
    assert with_path(old, path, None) == (left or old)


@pytest.mark.parametrize("path", ["a.x.y", "b[5]", "b.c", "a[0]"])
def test_a_path_that_does_not_fit_is_refused(path):
    with pytest.raises(ValueError, match=r"^'"):
        with_path({"a": {"x": 1}, "b": [1]}, path, 1)
