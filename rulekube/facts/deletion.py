"""The deletion protocol: what a request to delete does to an object now, as a list of writes.

An object goes at once, unless somebody still has to act: an agent during a grace period (`graceful` kinds), or whoever
put a finalizer on it. Then it only gets a deletionTimestamp and stays until the last of them is done; a later update
that takes the last finalizer away deletes it (`is_released`).

Source: k8s.io/apiserver pkg/registry/rest/delete.go BeforeDelete, pkg/registry/generic/registry/store.go
(deletionFinalizersForGarbageCollection, updateForGracefulDeletionAndFinalizers), pkg/registry/core/pod/strategy.go
CheckGracefulDelete, pkg/registry/core/namespace/storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rulekube.facts import refusals
from rulekube.facts.resources import Resource
from rulekube.facts.timestamp import SECOND, format_time, parse_time

RawObject = dict[str, Any]
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_FINALIZER_OF = {"Orphan": ORPHAN, "Foreground": FOREGROUND}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions: grace in seconds (None: the object's own), preconditions, what becomes of dependents."""

    grace: int | None = None
    uid: str | None = None
    revision: str | None = None
    propagation: str | None = None  # Background, Foreground, Orphan


DEFAULT_OPTIONS = DeleteOptions()


def is_released(resource: Resource, new: RawObject) -> bool:
    """Whether an updated object that is being deleted has nobody left to wait for."""
    metadata = new["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
        return False
    return not (resource.key == "namespaces" and new.get("spec", {}).get("finalizers"))


def delete(resource: Resource, live: RawObject, options: DeleteOptions, now: int) -> list[RawObject | None]:
    """The writes of this deletion in order; None is the removal. Empty where a deletion is already under way.

    Raises ApiError where a precondition does not hold.
    """
    _check(resource, live, options)
    metadata = live["metadata"]
    grace = _grace(live, options) if resource.graceful else 0
    if "deletionTimestamp" in metadata and resource.graceful and not _shortens(metadata, options):
        return []
    kept = [name for name in metadata.get("finalizers", ()) if name not in (ORPHAN, FOREGROUND)]
    added = _garbage_finalizer(resource, metadata, options)
    finalizers = [*kept, added] if added else kept
    marked = _mark(live, grace, finalizers, now)
    if resource.key == "namespaces":
        return _namespace(live, marked)
    if finalizers or grace:
        return [marked] if marked != live else []
    return [marked, None] if resource.graceful else [None]


def _check(resource: Resource, live: RawObject, options: DeleteOptions) -> None:
    metadata = live["metadata"]
    for field, wanted, actual in (
        ("UID", options.uid, metadata.get("uid", "")),
        ("ResourceVersion", options.revision, metadata.get("resourceVersion", "")),
    ):
        if wanted is not None and wanted != actual:
            raise refusals.precondition(resource, metadata["name"], field, wanted, actual)


def _grace(live: RawObject, options: DeleteOptions) -> int:
    """Seconds a pod is given: none where no agent has it, or it has ended."""
    if not live["spec"].get("nodeName") or live.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = options.grace if options.grace is not None else live["spec"].get("terminationGracePeriodSeconds", 30)
    return int(grace) if grace >= 0 else 1


def _shortens(metadata: RawObject, options: DeleteOptions) -> bool:
    """A deletion under way may only be hastened."""
    return options.grace is not None and max(options.grace, 0) < metadata.get("deletionGracePeriodSeconds", 0)


def _garbage_finalizer(resource: Resource, metadata: RawObject, options: DeleteOptions) -> str:
    """The finalizer that makes the garbage collector act before the object goes, "" for none."""
    if not resource.propagation:
        return ""
    if options.propagation is not None:
        return _FINALIZER_OF.get(options.propagation, "")
    present = (name for name in metadata.get("finalizers", ()) if name in (ORPHAN, FOREGROUND))
    return next(present, _FINALIZER_OF.get(resource.propagation, ""))


def _mark(live: RawObject, grace: int, finalizers: list[str], now: int) -> RawObject:
    """`live` as being deleted, with these finalizers."""
    metadata = dict(live["metadata"])
    if "deletionTimestamp" in metadata:
        start = parse_time(metadata["deletionTimestamp"]) - metadata.get("deletionGracePeriodSeconds", 0) * SECOND
        start = start if start > 0 else now  # the end was past what a time can say, and was cut off
        if grace < metadata.get("deletionGracePeriodSeconds", 0):
            metadata |= {"deletionTimestamp": format_time(start + grace * SECOND), "deletionGracePeriodSeconds": grace}
    else:
        metadata |= {"deletionTimestamp": format_time(now + grace * SECOND), "deletionGracePeriodSeconds": grace}
        if metadata.get("generation"):
            metadata["generation"] += 1
    metadata.pop("finalizers", None)
    return {**live, "metadata": {**metadata, "finalizers": finalizers} if finalizers else metadata}


def _namespace(live: RawObject, marked: RawObject) -> list[RawObject | None]:
    """A namespace turns Terminating first, and goes once its content and finalizers are gone."""
    metadata = {key: value for key, value in marked["metadata"].items() if key != "deletionGracePeriodSeconds"}
    marked = {**marked, "metadata": metadata, "status": {**live.get("status", {}), "phase": "Terminating"}}
    if live.get("spec", {}).get("finalizers") or metadata.get("finalizers"):
        return [marked] if marked != live else []
    return [None] if "deletionTimestamp" in live["metadata"] else [marked, None]
