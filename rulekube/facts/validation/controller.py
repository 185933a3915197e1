"""ReplicationControllers, and the pod templates that controllers hold.

Source: ValidateReplicationController, ValidatePodTemplateSpec (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation import container, metadata, pod, pod_spec
from rulekube.facts.validation.checks import Errors, Raw, not_negative, sorted_map
from rulekube.selectors import metadata as maps
from rulekube.selectors import syntax
from rulekube.selectors.field_error import forbidden, invalid, not_supported, required

_COUNTS: Final = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")


def create(new: Raw, *, allow_privileged: bool = False) -> Errors:
    """A new ReplicationController."""
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    yield from _spec(new.get("spec") or {}, allow_privileged)


def update(new: Raw, old: Raw, *, allow_privileged: bool = False) -> Errors:
    """A changed ReplicationController."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _spec(new.get("spec") or {}, allow_privileged)


def update_status(new: Raw, old: Raw) -> Errors:
    """A changed status: counts that agree with each other."""
    status = new.get("status") or {}
    count = {field: status.get(field) or 0 for field in _COUNTS}
    yield from metadata.updated(new["metadata"], old["metadata"])
    for field in _COUNTS:
        yield from not_negative(f"status.{field}", count[field])
    for field in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"):
        if count[field] > count["replicas"]:
            yield invalid(f"status.{field}", count[field], "cannot be greater than status.replicas")
    if count["availableReplicas"] > count["readyReplicas"]:
        yield invalid("status.availableReplicas", count["availableReplicas"], "cannot be greater than readyReplicas")


def template(raw: Raw, path: str, *, allow_privileged: bool) -> Errors:
    """A pod template."""
    meta, spec = raw.get("metadata") or {}, raw.get("spec") or {}
    yield from maps.label_errors(meta.get("labels") or {}, f"{path}.labels")
    yield from maps.annotation_errors(meta.get("annotations") or {}, f"{path}.annotations")
    yield from pod.pod_annotations(meta, spec, f"{path}.annotations")
    yield from pod_spec.spec(spec, f"{path}.spec", is_pod=False, allow_privileged=allow_privileged)
    yield from container.ephemeral_forbidden(spec, f"{path}.spec", "ephemeral containers not allowed in pod template")


def _spec(spec: Raw, allow_privileged: bool) -> Errors:
    yield from not_negative("spec.minReadySeconds", spec.get("minReadySeconds") or 0)
    selector = spec.get("selector") or {}
    if not selector:
        yield required("spec.selector")
    yield from not_negative("spec.replicas", spec.get("replicas") or 0)
    made = spec.get("template")
    if made is None:
        yield required("spec.template")
        return
    labels = (made.get("metadata") or {}).get("labels")
    if any((labels or {}).get(key) != value for key, value in selector.items()):
        yield invalid(
            "spec.template.metadata.labels", sorted_map(labels), "`selector` does not match template `labels`"
        )
    yield from template(made, "spec.template", allow_privileged=allow_privileged)
    inner = made.get("spec") or {}
    if inner.get("restartPolicy") != "Always":
        yield not_supported("spec.template.spec.restartPolicy", inner.get("restartPolicy") or "", ("Always",))
    if inner.get("activeDeadlineSeconds") is not None:
        said = "activeDeadlineSeconds in ReplicationController is not Supported"
        yield forbidden("spec.template.spec.activeDeadlineSeconds", said)
