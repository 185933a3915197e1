"""Namespaces: names, finalizers, and the phase that goes with deletion.

Source: ValidateNamespace and its updates (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from rulekube.facts.validation import metadata
from rulekube.facts.validation.checks import Errors, Raw, items
from rulekube.selectors import syntax
from rulekube.selectors.field_error import invalid


def create(new: Raw) -> Errors:
    """A new namespace."""
    yield from metadata.created(new["metadata"], False, syntax.dns1123_label)
    for _, name in items(new.get("spec") or {}, "finalizers", "spec"):
        yield from metadata.finalizer("spec.finalizers", name)


def update(new: Raw, old: Raw) -> Errors:
    """A changed namespace."""
    yield from create(new)
    yield from metadata.updated(new["metadata"], old["metadata"])


def update_status(new: Raw, old: Raw) -> Errors:
    """A changed status: a namespace is Terminating exactly while it is being deleted."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    deleting = new["metadata"].get("deletionTimestamp") is not None
    wanted, phase = "Terminating" if deleting else "Active", (new.get("status") or {}).get("phase") or ""
    if phase != wanted:
        state = "not empty" if deleting else "empty"
        yield invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` is {state}")


def finalize(new: Raw, old: Raw) -> Errors:
    """The finalize subresource."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    for path, name in items(new.get("spec") or {}, "finalizers", "spec"):
        yield from metadata.finalizer(path, name)
