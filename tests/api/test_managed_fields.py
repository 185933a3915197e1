"""Ownership of fields, held to what a Kubernetes 1.36 server recorded."""

import copy
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from rulekube.facts import field_sets, managed_fields

RECORDED = json.loads(lzma.decompress((Path(__file__).parent / "recorded" / "created.json.xz").read_bytes()))["cases"]
# admission and allocation add to these after the fields were counted; nobody owns that
ADDED_LATER = {"Pod", "Job", "Service", "PersistentVolume", "PersistentVolumeClaim"}


def paths(fields: dict[str, Any], above: str = "") -> set[str]:
    own = {f"{above}/{key}".strip("/") for key, value in fields.items() if not value}
    return own.union(*(paths(value, f"{above}/{key}") for key, value in fields.items() if value))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['recording']}-{case['object']['kind']}")
def test_created_object_is_owned_as_recorded(case):
    created = copy.deepcopy(case["object"])
    [recorded] = created["metadata"].pop("managedFields")
    [entry] = managed_fields.updated(None, created, manager=recorded["manager"], time=recorded["time"])
    assert {**entry, "fieldsV1": 0} == {**recorded, "fieldsV1": 0}
    missing = paths(recorded["fieldsV1"]) - paths(entry["fieldsV1"])
    assert missing == set()
    if created["kind"] not in ADDED_LATER:
        assert entry["fieldsV1"] == recorded["fieldsV1"]


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def owned(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["manager"]: entry["fieldsV1"] for entry in entries}


def write(live, new, manager, time="2026-01-01T00:00:00Z", **more):
    entries = managed_fields.updated(live, new, manager=manager, time=time, **more)
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def test_changed_field_moves_to_the_writer():
    live = write(None, config_map(x="1", y="1"), "one")
    live = write(live, {**config_map(x="2", y="1")}, "two")
    assert owned(live["metadata"]["managedFields"]) == {
        "one": {"f:data": {".": {}, "f:y": {}}},
        "two": {"f:data": {"f:x": {}}},
    }


def test_removed_field_is_nobodys():
    live = write(None, config_map(x="1", y="1"), "one")
    live = write(live, config_map(y="1"), "two")
    assert owned(live["metadata"]["managedFields"]) == {"one": {"f:data": {".": {}, "f:y": {}}}}


def test_write_that_changes_nothing_keeps_entries_and_times():
    live = write(None, config_map(x="1"), "one", time="2026-01-01T00:00:00Z")
    again = managed_fields.updated(live, config_map(x="1"), manager="two", time="2026-01-02T00:00:00Z")
    assert again == live["metadata"]["managedFields"]


def test_status_is_not_owned_by_writers_of_the_object():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running"},
    }
    assert owned(managed_fields.updated(None, pod, manager="one", time="")) == {"one": {"f:spec": {"f:nodeName": {}}}}
    live = {**pod, "status": {}}
    assert owned(managed_fields.updated(live, pod, manager="kubelet", time="", subresource="status")) == {
        "kubelet": {"f:status": {"f:phase": {}}}
    }


def test_items_of_lists_with_keys_are_owned_one_by_one():
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80, "protocol": "TCP"}]},
    }
    entries = managed_fields.updated(None, service, manager="one", time="")
    assert entries[0]["fieldsV1"] == {
        "f:spec": {"f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:protocol": {}}}}
    }


def test_too_many_writers_are_merged_oldest_first():
    live = write(None, config_map(), "first", time="2026-01-01T00:00:00Z")
    for number in range(14):
        data = {f"k{n}": "v" for n in range(number + 1)}
        live = write(
            live,
            {**config_map(**data), "metadata": live["metadata"]},
            f"w{number}",
            time=f"2026-01-02T00:00:{number:02}Z",
        )
    entries = live["metadata"]["managedFields"]
    assert len(entries) == managed_fields.MAX_UPDATERS
    assert entries[0]["manager"] == "ancient-changes"
    assert field_sets.render(field_sets.read(entries[0]["fieldsV1"])) == entries[0]["fieldsV1"]


def test_manager_is_the_given_name_or_the_user_agents_first_word():
    assert managed_fields.manager_name("", "kubectl/v1.32.4 (linux/amd64)") == "kubectl"
    assert managed_fields.manager_name("mine", "kubectl/v1.32.4") == "mine"
