"""Pods: what a new one needs, what an update may change, what a status may say.

Source: ValidatePodCreate, ValidatePodUpdate, ValidatePodStatusUpdate, ValidatePodBinding
(pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Any, Final

from rulekube.facts.validation import addresses, container, metadata, pod_spec, toleration
from rulekube.facts.validation.affinity import narrowed
from rulekube.facts.validation.checks import (
    MAX_INT32,
    Errors,
    Raw,
    immutable,
    items,
    named,
    optional_name,
    present,
    same,
    sorted_map,
)
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, not_supported

_CHANGEABLE: Final = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)
_MIRROR: Final = "kubernetes.io/config.mirror"
_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_KNOWN_CONDITIONS: Final = ("PodScheduled", "Ready", "Initialized")
_STATUSES: Final = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def create(new: Raw, *, allow_privileged: bool = False) -> Errors:
    """A new pod."""
    yield from _whole(new, allow_privileged)
    spec = new.get("spec") or {}
    yield from container.ephemeral_forbidden(spec, "spec", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def update(new: Raw, old: Raw, *, allow_privileged: bool = False) -> Errors:
    """A changed pod: little may change."""
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _whole(new, allow_privileged)
    yield from _mirror_kept(new, old)
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        if len(spec.get(field) or ()) != len(before.get(field) or ()):
            yield forbidden(f"spec.{field}", "pod updates may not add or remove containers")
            return
        for at, entry in items(spec, field, "spec"):
            yield from present(f"{at}.image", entry.get("image"))
            yield from container.image_trimmed(at, entry)
    faults = list(_deadline(spec, before))
    yield from faults
    if faults and spec.get("activeDeadlineSeconds") is not None:
        return
    yield from toleration.only_added(spec, before, "spec")
    yield from _gates_only_removed(spec, before)
    yield from _rest_unchanged(spec, before)


def update_status(new: Raw, old: Raw) -> Errors:
    """A changed status."""
    status, before = new.get("status") or {}, old.get("status") or {}
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _mirror_kept(new, old)
    yield from pod_annotations(new["metadata"], new.get("spec") or {}, "metadata.annotations")
    for at, condition in items(status, "conditions", "metadata"):  # the path is Kubernetes' own slip
        if condition.get("type") not in _KNOWN_CONDITIONS:
            yield from named(f"{at}.Type", condition.get("type") or "", syntax.qualified_name)
    if (new.get("spec") or {}).get("nodeName") != (old.get("spec") or {}).get("nodeName"):
        yield forbidden("status.nodeName", "may not be changed directly")
    if status.get("nominatedNodeName") != before.get("nominatedNodeName"):
        yield from optional_name("status.nominatedNodeName", status.get("nominatedNodeName"), syntax.dns1123_subdomain)
    yield from immutable("status.qosClass", status.get("qosClass") or "", before.get("qosClass") or "")
    yield from _not_resurrected(status, before, old.get("spec") or {})
    for field in ("podIPs", "hostIPs"):
        yield from _addresses(status, field)


def bind(binding: Raw) -> Errors:
    """A Binding."""
    target = binding.get("target") or {}
    if target.get("kind") and target["kind"] != "Node":
        yield not_supported("target.kind", target["kind"], ("Node", "<empty>"))
    yield from present("target.name", target.get("name"))


def pod_annotations(meta: Raw, spec: Raw, path: str) -> Errors:
    """Annotations that mean something to pods."""
    annotations = meta.get("annotations") or {}
    if _MIRROR in annotations and not spec.get("nodeName"):
        said = "must set spec.nodeName if mirror pod annotation is set"
        yield invalid(f"{path}[{_MIRROR}]", annotations[_MIRROR], said)
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not _is_cost(cost):
        yield invalid(f"{path}[{_DELETION_COST}]", cost, "must be a 32bit integer")


def _whole(new: Raw, allow_privileged: bool) -> Errors:
    spec = new.get("spec") or {}
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)
    yield from pod_annotations(new["metadata"], spec, "metadata.annotations")
    yield from pod_spec.spec(spec, "spec", is_pod=True, allow_privileged=allow_privileged)
    if not spec.get("serviceAccountName"):
        for at, volume in items(spec, "volumes", "spec"):
            for inner, source in items(volume.get("projected") or {}, "sources", f"{at}.projected"):
                if source.get("serviceAccountToken") is not None:
                    said = "must not be specified when serviceAccountName is not set"
                    yield forbidden(f"{inner}.serviceAccountToken", said)
    yield from container.images_trimmed(spec, "spec")


def _deadline(spec: Raw, before: Raw) -> Errors:
    """A deadline may be set, and shortened."""
    path = "spec.activeDeadlineSeconds"
    new, old = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if new is None:
        if old is not None:
            yield invalid(path, None, "must not update from a positive integer to nil value")
    elif not 0 <= new <= MAX_INT32:
        yield invalid(path, new, f"must be between 0 and {MAX_INT32}, inclusive")
    elif old is not None and old < new:
        yield invalid(path, new, "must be less than or equal to previous value")


def _gates_only_removed(spec: Raw, before: Raw) -> Errors:
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for at, gate in items(spec, "schedulingGates", "spec"):
        if gate.get("name") not in known:
            said = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            yield forbidden(f"{at}.name", said)


def _rest_unchanged(spec: Raw, before: Raw) -> Errors:
    """Everything that no rule above lets change is as it was."""
    if spec == before:
        return
    munged: dict[str, Any] = dict(spec)
    for field in ("containers", "initContainers"):
        pairs = zip(spec.get(field) or (), before.get(field) or (), strict=True)
        munged[field] = [{**entry, "image": was.get("image")} for entry, was in pairs]
    for field in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        munged[field] = before.get(field)
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    if before.get("schedulingGates"):
        yield from _gated(munged, before)
    if not same(munged, before):
        yield forbidden("spec", f"pod updates may not change fields other than {','.join(_CHANGEABLE)}")


def _gated(munged: dict[str, Any], before: Raw) -> Errors:
    """A pod that waits at a gate may still be told more precisely where to go."""
    old, new = before.get("nodeSelector") or {}, munged.get("nodeSelector") or {}
    if any(new.get(key) != value for key, value in old.items()):
        said = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield invalid("spec.nodeSelector", sorted_map(munged.get("nodeSelector")), said)
    munged["nodeSelector"] = before.get("nodeSelector")
    affinity, was = munged.get("affinity") or {}, (before.get("affinity") or {}).get("nodeAffinity")
    yield from narrowed(affinity.get("nodeAffinity") or {}, was or {}, "spec.affinity.nodeAffinity")
    munged["affinity"] = {**affinity, "nodeAffinity": was}


def _mirror_kept(new: Raw, old: Raw) -> Errors:
    after, before = (raw["metadata"].get("annotations") or {} for raw in (new, old))
    if _MIRROR in before and after.get(_MIRROR) != before[_MIRROR]:
        yield forbidden(f"metadata.annotations[{_MIRROR}]", "may not remove or update mirror pod annotation")
    elif _MIRROR in after and _MIRROR not in before:
        yield forbidden(f"metadata.annotations[{_MIRROR}]", "may not add mirror pod annotation")


def _not_resurrected(status: Raw, before: Raw, spec: Raw) -> Errors:
    """A container that has ended for good stays ended."""
    sidecars = {c.get("name") for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    for field in _STATUSES:
        restart = "Never" if field.startswith("ephemeral") else spec.get("restartPolicy")
        now = {entry.get("name"): entry for entry in status.get(field) or ()}
        for at, was in items(before, field, "status"):
            ended, name = (was.get("state") or {}).get("terminated"), was.get("name")
            retried = restart == "OnFailure" and (ended or {}).get("exitCode")
            if not ended or restart == "Always" or retried or (field.startswith("init") and name in sidecars):
                continue
            if name in now and not (now[name].get("state") or {}).get("terminated"):
                yield forbidden(f"{at}.state", "may not be transitioned to non-terminated state")


def _addresses(status: Raw, field: str) -> Errors:
    texts = [entry.get("ip") or "" for entry in status.get(field) or ()]
    single = field.removesuffix("s")
    if field == "hostIPs" and texts and status.get(single) != texts[0]:
        yield invalid("status.hostIPs[0].ip", texts[0], "must be equal to `hostIP`")
    seen: set[str] = set()
    for index, text in enumerate(texts):
        yield from addresses.address(f"status.{field}[{index}]", text)
        if text in seen:
            yield FieldError(DUPLICATE, f"status.{field}[{index}]", {"IP": text})
        seen.add(text)
    if len(texts) > 1 and ({addresses.version(text) for text in texts} != {4, 6} or len(texts) > 2):
        shown = [{"IP": text} for text in texts]
        yield invalid(f"status.{field}", shown, "may specify no more than one IP for each IP family")


def _is_cost(text: str) -> bool:
    digits = text.removeprefix("-")
    return (
        digits.isascii()
        and digits.isdigit()
        and not (len(digits) > 1 and digits[0] == "0")
        and -MAX_INT32 - 1 <= int(text) <= MAX_INT32
    )
