"""metadata: names, labels, owners, finalizers; what an update may not touch.

Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go; validateKubeFinalizerName (pkg/apis/core/validation).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation.checks import Errors, Raw, immutable, named, not_negative
from rulekube.selectors import metadata, syntax
from rulekube.selectors.field_error import forbidden, invalid, quote, required

STANDARD_FINALIZERS: Final = ("kubernetes", "orphan", "foregroundDeletion")
_FIXED: Final = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_EMPTY: Final = {"name": "", "namespace": "", "uid": ""}  # what Go has for them where they are missing


def created(meta: Raw, namespaced: bool, rule: syntax.Rule) -> Errors:
    """The metadata of a new object; `rule` is the syntax of its name. Kubernetes asks this of updates as well."""
    if base := meta.get("generateName"):
        yield from named("metadata.generateName", base, lambda text: rule(syntax.mask_trailing_dash(text)))
    if name := meta.get("name"):
        yield from named("metadata.name", name, rule)
    else:
        yield required("metadata.name", "name or generateName is required")
    namespace = meta.get("namespace") or ""
    if not namespaced and namespace:
        yield forbidden("metadata.namespace", "not allowed on this type")
    if namespaced:
        yield from (
            named("metadata.namespace", namespace, syntax.dns1123_label)
            if namespace
            else (required("metadata.namespace"),)
        )
    yield from not_negative("metadata.generation", meta.get("generation") or 0)
    yield from _common(meta)
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        yield from standard_finalizer(f"metadata.finalizers[{index}]", finalizer)


def updated(new: Raw, old: Raw) -> Errors:
    """What an update may not do to metadata."""
    if old.get("deletionTimestamp") is not None:
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            listed = ", ".join(quote(name) for name in added)
            yield forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
                + listed
                + "}",
            )
    if not new.get("resourceVersion"):
        yield invalid("metadata.resourceVersion", "", "must be specified for an update")
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        yield invalid("metadata.generation", new.get("generation") or 0, "must not be decremented")
    for field in _FIXED:
        yield from immutable(f"metadata.{field}", new.get(field, _EMPTY.get(field)), old.get(field, _EMPTY.get(field)))
    yield from metadata.label_errors(new.get("labels") or {}, "metadata.labels")
    yield from metadata.annotation_errors(new.get("annotations") or {}, "metadata.annotations")
    yield from _owners(new)
    for index, finalizer in enumerate(new.get("finalizers") or ()):
        yield from standard_finalizer(f"metadata.finalizers[{index}]", finalizer)


def finalizer(path: str, name: str) -> Errors:
    """A finalizer's name: qualified, and standard where it has no domain."""
    yield from named(path, name, syntax.qualified_name)
    yield from standard_finalizer(path, name)


def standard_finalizer(path: str, name: str) -> Errors:
    """A finalizer without a domain is one of Kubernetes' own."""
    if "/" not in name and name not in STANDARD_FINALIZERS:
        yield invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")


def _common(meta: Raw) -> Errors:
    yield from metadata.label_errors(meta.get("labels") or {}, "metadata.labels")
    yield from metadata.annotation_errors(meta.get("annotations") or {}, "metadata.annotations")
    yield from _owners(meta)
    finalizers = meta.get("finalizers") or []
    for name in finalizers:
        yield from named("metadata.finalizers", name, syntax.qualified_name)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        yield invalid("metadata.finalizers", finalizers, "finalizer orphan and foregroundDeletion cannot be both set")


def _owners(meta: Raw) -> Errors:
    path, owners = "metadata.ownerReferences", meta.get("ownerReferences") or []
    controller = ""
    for owner in owners:
        yield from _owner(path, owner)
        if owner.get("controller"):
            current = f"{owner.get('kind', '')}/{owner.get('name', '')}"
            if controller:
                found = f'Found "true" in references for {controller} and {current}'
                shaped = [_shaped_owner(one) for one in owners]
                yield invalid(path, shaped, f"Only one reference can have Controller set to true. {found}")
            controller = controller or current


def _owner(path: str, owner: Raw) -> Errors:
    api_version = owner.get("apiVersion") or ""
    if not api_version.rpartition("/")[2]:
        yield invalid(f"{path}.apiVersion", api_version, "version must not be empty")
    for field in ("kind", "name", "uid"):
        if not owner.get(field):
            yield invalid(f"{path}.{field}", "", "must not be empty")
    if api_version == "v1" and owner.get("kind") == "Event":
        yield invalid(path, _shaped_owner(owner), "/v1, Kind=Event is disallowed from being an owner")


def _shaped_owner(owner: Raw) -> dict[str, object]:
    """An owner reference as Go prints it."""
    always = {field: owner.get(field, "") for field in ("apiVersion", "kind", "name", "uid")}
    return always | {
        field: owner[field] for field in ("controller", "blockOwnerDeletion") if owner.get(field) is not None
    }
