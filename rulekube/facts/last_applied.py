"""The annotation of client-side apply, and how server-side apply by kubectl takes over from it.

What an object still has as client-side apply left it is kubectl's to change; and where the annotation is there,
server-side apply keeps it current, so that the old way goes on working.

Source: k8s.io/apimachinery/pkg/util/managedfields/internal (lastappliedmanager.go, lastappliedupdater.go).
"""

from __future__ import annotations

import json
from typing import Any

from rulekube.facts import field_sets
from rulekube.facts.comparison import compare
from rulekube.facts.field_sets import FieldSet
from rulekube.facts.schema import Type

RawObject = dict[str, Any]
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl"  # the only manager that inherits


def read(live: RawObject) -> RawObject | None:
    """The configuration that client-side apply recorded, None where there is none to be read."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def unchanged(kind: Type, live: RawObject, applied: RawObject, fields: FieldSet) -> FieldSet:
    """Those of the applied configuration's fields whose values `live` still has."""
    difference = compare(kind, applied, live)
    for changed in difference:
        fields = field_sets.difference(fields, changed)
    return fields


def refreshed(new: RawObject, config: RawObject) -> RawObject:
    """`new` with the annotation brought up to date."""
    metadata = config.get("metadata", {})
    plain = {**config, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    annotations = {**new["metadata"].get("annotations", {}), ANNOTATION: text}
    return {**new, "metadata": {**new["metadata"], "annotations": annotations}}
