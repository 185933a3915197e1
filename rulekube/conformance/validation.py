"""Families of validation: what becomes of an object that is sent, from its bytes to the strategy's verdict.

The steps are the writer's own: decode, default, prepare, validate.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from rulekube.conformance.family import Answers, RawRow
from rulekube.conformance.selectors import as_answer
from rulekube.facts import decoding, resources, schema, validation
from rulekube.facts.decoding import Decoded
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.resources import Resource
from rulekube.facts.strategy import prepare_create, prepare_update

_UID: Final = "11111111-1111-1111-1111-111111111111"
_NOW: Final = "2026-01-01T00:00:00Z"
_REVISION: Final = "1"  # every stored object has one, which the rows leave out


def created(row: RawRow, _: RawRow) -> Answers:
    """A new object: its errors, or what is stored."""
    resource, sent = _resource(row), _decoded(row["in"])
    if resource is None or sent is None:
        return {"errors": f"the kind {row['kind']} is not served"}
    if sent.error:
        return {"decodeErr": sent.error}
    new = sent.value
    new["metadata"] = {**new.get("metadata", {}), "uid": _UID, "creationTimestamp": _NOW}
    if resource.namespaced:
        new["metadata"]["namespace"] = new["metadata"].get("namespace") or "default"
    apply_defaults(resource, new)
    prepare_create(resource, new, _NOW)
    if resource.generation:
        new["metadata"]["generation"] = 1
    errors = [as_answer(error) for error in validation.validate(resource, new)]
    answers: dict[str, Any] = {"errors": errors}
    if said := validation.warnings(resource, new):
        answers["warnings"] = said
    if sent.unknown:
        unknown = ", ".join(f'unknown field "{path}"' for path in sent.unknown)
        answers["strictErr"] = f"strict decoding error: {unknown}"
    if not errors:
        answers |= {"defaulted": None, "defaultedOmitted": True} if row.get("defaultedOmitted") else {"defaulted": new}
    return answers


def updated(row: RawRow, _: RawRow) -> Answers:
    """A change: its errors, or the generation it comes to."""
    resource, sent = _resource(row), _decoded(row["new"])
    if resource is None or sent is None:
        return {"errors": f"the kind {row['kind']} is not served"}
    if sent.error:
        return {"decodeErr": sent.error}
    old = copy.deepcopy(row["old"])
    new = sent.value
    new.setdefault("metadata", {})
    apply_defaults(resource, new)
    new = prepare_update(resource, new, old, "")
    new["metadata"] = {**new["metadata"], **_carried(new["metadata"], old["metadata"])}
    for side in (new, old):
        side["metadata"] = {**side["metadata"], "resourceVersion": _REVISION}
    generation = old["metadata"].get("generation", 0)
    new["metadata"]["generation"] = generation
    errors = [as_answer(error) for error in validation.validate(resource, new, old)]
    if errors:
        return {"errors": errors}
    if not resource.generation:
        return {"errors": [], "generation": generation} if "generation" in row else {"errors": []}
    changed = {k: v for k, v in new.items() if k not in ("metadata", "status")} != {
        k: v for k, v in old.items() if k not in ("metadata", "status")
    }
    return {"errors": [], "generation": generation + changed}


def _carried(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Metadata that an update takes over where the client leaves it out, or whatever the client says."""
    kept = {field: old.get(field) for field in ("namespace", "uid", "creationTimestamp") if not new.get(field)}
    return kept | {field: old.get(field) for field in ("deletionTimestamp", "deletionGracePeriodSeconds")}


def _resource(row: RawRow) -> Resource | None:
    return next((entry for entry in resources.TABLE if entry.kind == row["kind"]), None)


def _decoded(raw: dict[str, Any]) -> Decoded | None:
    kind = schema.type_of(raw.get("apiVersion", ""), raw.get("kind", ""))
    return None if kind is None else decoding.decode(kind, copy.deepcopy(raw))
