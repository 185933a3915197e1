"""Defaulting against what Kubernetes 1.36 stored for the same manifests.

`data/defaulted.jsonl.xz`: recorded from Kubernetes 1.36's own code (decoding, defaulting, PrepareForCreate), with fixed
uid and creation time: accepted manifests without unknown fields.
"""

import json
import lzma
from pathlib import Path

import pytest

from rulekube.facts import resources
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.metadata import clone, stamp_created
from rulekube.facts.pod_defaults import image_pull_policy
from rulekube.facts.strategy import prepare_create, qos_class

DATA = Path(__file__).parent / "data/defaulted.jsonl.xz"
ROWS = [json.loads(line) for line in lzma.decompress(DATA.read_bytes()).splitlines()]
KNOWN_DIFFERENT = {
    "set .stringData.b null": "null values of maps of strings are dropped, Go makes them empty",
    "set .data.a null": "the same",
    "set .data[tls.crt] null": "the same",
}
# Set by other hands: addresses by admission rules; what no client may choose is cleared before strategies run.
ELSEWHERE = {("spec", "clusterIPs"), ("metadata", "deletionGracePeriodSeconds"), ("metadata", "resourceVersion")}


def stored(row):
    resource = next(resource for resource in resources.TABLE if resource.kind == row["kind"])
    new = clone(row["in"])
    namespace = new.setdefault("metadata", {}).get("namespace") or "default"
    uid, now = row["defaulted"]["metadata"]["uid"], row["defaulted"]["metadata"]["creationTimestamp"]
    stamp_created(resource, new, namespace, uid, now)
    apply_defaults(resource, new)
    prepare_create(resource, new, now)
    return resource, new


def without(raw):
    raw = json.loads(json.dumps(raw))
    for part, field in ELSEWHERE:
        raw.get(part, {}).pop(field, None)
    return raw


@pytest.mark.parametrize("kind", sorted({row["kind"] for row in ROWS}))
def test_manifests_are_stored_as_kubernetes_stores_them(kind):
    wrong = []
    rows = [row for row in ROWS if row["kind"] == kind]
    for row in rows:
        _, new = stored(row)
        if without(new) != without(row["defaulted"]) and row["mutation"] not in KNOWN_DIFFERENT:
            wrong.append(row["mutation"])
    assert rows
    assert wrong == []


def test_defaulting_twice_is_defaulting_once():
    for row in ROWS:
        resource, new = stored(row)
        once = json.dumps(new)
        apply_defaults(resource, new)
        assert json.dumps(new) == once


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.25", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/a/b:v1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
        ("UPPER", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_image(image, policy):
    assert image_pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources_", "qos"),
    [
        ([{}], "BestEffort"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}], "Burstable"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"example.com/gpu": "1"}}], "BestEffort"),
    ],
)
def test_the_qos_class_follows_from_the_resources(resources_, qos):
    assert qos_class({"containers": [{"resources": r} for r in resources_]}) == qos
