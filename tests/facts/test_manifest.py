"""Manifests: what they mean, and what is said of bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.errors import ManifestError
from rulekube.facts import manifest, yaml_documents

BAD = Path(__file__).parents[1] / "cases" / "manifests" / "bad.yaml"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def config(value: str) -> Any:
    (item,) = manifest.parse(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: {value}\n")
    return item["data"]["x"]


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("on", True),
        ("yes", True),
        ("y", True),
        ("No", False),
        ("oN", "oN"),
        ("1e3", 1000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("010", 8),
        ("0o10", 8),
        ("08", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("~", None),
        ("null", None),
        ("'on'", "on"),
        ('"1e3"', "1e3"),
        ("!!str 12", "12"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("100m", "100m"),
    ],
)
def test_plain_scalars_are_read_as_kubernetes_reads_them(written: str, means: object) -> None:
    found = config(written)
    assert found == means
    assert type(found) is type(means)


def test_several_documents_and_lists_are_objects_in_order() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: b}\n"
    text = f"# first\n{POD}---\n---\n# nothing\n---\n{listed}"
    found = manifest.read(text, "x.yaml")
    assert [(item.object["kind"], item.line) for item in found] == [("Pod", 2), ("Secret", 12)]


def test_items_of_a_typed_list_inherit_its_kind() -> None:
    (item,) = manifest.parse('{"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a"}}]}')
    assert (item["kind"], item["apiVersion"]) == ("Pod", "v1")


def test_json_documents_may_follow_each_other_and_hold_tabs() -> None:
    one = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "a"}\n}\n'
    assert [item.line for item in manifest.read(one + one)] == [1, 6]


def test_flow_yaml_is_no_json_and_still_read() -> None:
    assert manifest.parse("{apiVersion: v1, kind: Pod, metadata: {name: a}}")[0]["kind"] == "Pod"


def test_anchors_and_merges() -> None:
    text = (
        POD.replace("{name: a}", "&m {name: a, labels: &l {x: v}}") + "spec:\n  nodeSelector:\n    <<: *l\n    z: w\n"
    )
    assert manifest.parse(text)[0]["spec"]["nodeSelector"] == {"x": "v", "z": "w"}


def test_keys_become_text() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {80: a, on: b}\n"
    assert manifest.parse(text)[0]["data"] == {"80": "a", "true": "b"}


@pytest.mark.parametrize("case", list(yaml.safe_load_all(BAD.read_text())), ids=lambda case: case["said"])
def test_what_is_wrong_is_told_with_its_place(case: dict[str, str]) -> None:
    with pytest.raises(ManifestError) as raised:
        manifest.parse(case["text"], "x")
    assert str(raised.value) == case["said"]


TEXT = st.text(alphabet='ab"\\é日 -:#,{}[]&*!|>%@`0.', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_json_means_the_same_as_yaml(value: object) -> None:
    text = json.dumps({"spec": value}, ensure_ascii=False)
    (document,) = yaml_documents.read(text, "x")
    assert document.value == {"spec": value}
