"""Events, as core/v1 has them and as events.k8s.io/v1 asks of new ones.

Source: ValidateEventCreate, ValidateEventUpdate (pkg/apis/core/validation/events.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts import resources
from rulekube.facts.validation import metadata
from rulekube.facts.validation.checks import Errors, Raw, immutable, named, present
from rulekube.selectors import syntax
from rulekube.selectors.field_error import invalid, required

_NEW_GROUP: Final = "events.k8s.io/v1"
_BYTES: Final = {"reportingInstance": 128, "action": 128, "reason": 128, "note": 1024}
_FIXED: Final = ("involvedObject", "reason", "message", "type", "source", "firstTimestamp", "count", "lastTimestamp")


def create(new: Raw) -> Errors:
    """A new Event."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    yield from _namespace(new)
    if new.get("apiVersion") == _NEW_GROUP:
        yield from _structured(new)


def update(new: Raw, old: Raw) -> Errors:
    """A changed Event: in the new group only its series changes."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _namespace(new)
    if new.get("apiVersion") == _NEW_GROUP:
        for field in (
            "regarding",
            "reason",
            "note",
            "type",
            "reportingController",
            "reportingInstance",
            "action",
            "related",
        ):
            yield from immutable(field, new.get(field), old.get(field))


def _namespace(new: Raw) -> Errors:
    """An Event lives where its object does; those about cluster-wide objects in `default` or `kube-system`."""
    about = new.get("involvedObject") or new.get("regarding") or {}
    own, of_object = new["metadata"].get("namespace") or "", about.get("namespace") or ""
    row = resources.by_kind(about.get("apiVersion") or "", about.get("kind") or "")
    path = "involvedObject.namespace"
    if not of_object:
        if own not in ("default", "kube-system"):
            yield invalid(path, "", "does not match event.namespace")
    elif own != of_object:
        yield invalid(path, of_object, "does not match event.namespace")
    if row is not None and row.namespaced and not of_object:
        yield required(path, f"required for kind {row.kind}")
    elif row is not None and not row.namespaced and of_object:
        yield invalid(path, of_object, f"not allowed for kind {row.kind}")


def _structured(new: Raw) -> Errors:
    yield from present("eventTime", new.get("eventTime"))
    controller = new.get("reportingController") or ""
    if not controller:
        yield required("reportingController")
    yield from named("reportingController", controller, syntax.qualified_name)
    for field in ("reportingInstance", "action", "reason"):
        yield from present(field, new.get(field))
    for field, most in _BYTES.items():
        if syntax.size(new.get(field) or "") > most:
            yield invalid(field, "", f"can have at most {most} characters")
    if new.get("type") not in ("Normal", "Warning"):
        yield invalid("type", "", 'has invalid value: ""')
