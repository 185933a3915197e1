"""Who owns which field: metadata.managedFields of plain writes (operation Update).

A write's life: the fields it added or changed go to its manager, the fields it changed are taken from whoever had
them, the fields it removed from everybody. A manager is (name, operation, apiVersion, subresource); the entry of the
writer takes the write's time, others keep theirs, and a manager that owns nothing has no entry.

The call belongs between defaulting and admission: what a client did not write and no default filled in is nobody's.

Source: k8s.io/apimachinery/pkg/util/managedfields/internal (structuredmerge.go, managedfieldsupdater.go, stripmeta.go,
capmanagers.go, managedfields.go) and sigs.k8s.io/structured-merge-diff merge/update.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rulekube.facts import field_sets
from rulekube.facts.comparison import compare
from rulekube.facts.field_sets import FieldSet
from rulekube.facts.schema import type_of, zero

RawObject = dict[str, Any]
MAX_UPDATERS = 10  # more Update entries than this are merged, oldest first
_ANCIENT = "ancient-changes"
_SYSTEM = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "resourceVersion")
NEVER_OWNED = field_sets.of_paths(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _SYSTEM)
)
RESET = {  # what a write through this door cannot change, hence does not own
    "": field_sets.of_paths(("f:status",)),
    "status": field_sets.of_paths(("f:spec",), ("f:metadata", "f:ownerReferences")),
}


class Manager(NamedTuple):
    """Who wrote: sorted as entries are."""

    operation: str
    time: str
    name: str
    api_version: str
    subresource: str


def manager_name(field_manager: str, user_agent: str) -> str:
    """The name to record: the request's fieldManager, else the user agent's first word up to `/`."""
    return field_manager or user_agent.split("/", 1)[0][:128] or "unknown"


def updated(
    live: RawObject | None, new: RawObject, *, manager: str, time: str, subresource: str = "", has_status: bool = True
) -> list[RawObject]:
    """The managedFields of `new`, which replaces `live` (None: it is created).

    `time` is RFC 3339; "" records none (as the scale subresource does). `has_status`: the kind's status is a
    subresource of its own. What the request itself put into managedFields counts unless it is empty or came through
    a subresource.
    """
    kind = type_of(new["apiVersion"], new["kind"])
    old = live if live is not None else zero(kind) if kind else {}
    owners = owners_of(_sent(live, new, subresource))
    difference = compare(kind, bare(old), bare(new))
    reset = RESET.get(subresource, {}) if subresource or has_status else {}
    taken = field_sets.without_subtrees(field_sets.union(difference.added, difference.modified), reset)
    lost = field_sets.union(taken, field_sets.without_subtrees(difference.removed, reset))
    owners = {owner: rest for owner, fields in owners.items() if (rest := field_sets.difference(fields, lost))}
    if mine := field_sets.difference(taken, NEVER_OWNED):
        me = Manager("Update", time, manager, new["apiVersion"], subresource)
        for owner in [owner for owner in owners if owner._replace(time="") == me._replace(time="")]:
            mine = field_sets.union(owners.pop(owner), mine)
        owners[me] = mine
    return [entry_of(owner, owners[owner]) for owner in sorted(_capped(owners))]


def _sent(live: RawObject | None, new: RawObject, subresource: str) -> list[RawObject]:
    """The entries to start from: the request's, unless it has none to say."""
    sent: list[RawObject] = new.get("metadata", {}).get("managedFields") or []
    if not subresource and any(entry.get("fieldsV1") for entry in sent):
        return sent
    if sent == [{}]:  # the way to clear them
        return []
    kept: list[RawObject] = live.get("metadata", {}).get("managedFields") or [] if live else []
    return kept


def owners_of(entries: list[RawObject]) -> dict[Manager, FieldSet]:
    """What each manager owns, by the entries of an object."""
    owners: dict[Manager, FieldSet] = {}
    for entry in entries:
        parts = (entry.get(name, "") for name in ("operation", "time", "manager", "apiVersion", "subresource"))
        owners[Manager(*parts)] = field_sets.read(entry.get("fieldsV1") or {})
    return owners


def entry_of(owner: Manager, fields: FieldSet) -> RawObject:
    """One entry of managedFields."""
    entry = {"manager": owner.name, "operation": owner.operation, "apiVersion": owner.api_version}
    if owner.time:
        entry["time"] = owner.time
    full: RawObject = {**entry, "fieldsType": "FieldsV1", "fieldsV1": field_sets.render(fields)}
    if owner.subresource:
        full["subresource"] = owner.subresource
    return full


def bare(obj: RawObject) -> RawObject:
    """The object without its managedFields."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def _capped(owners: dict[Manager, FieldSet]) -> dict[Manager, FieldSet]:
    """At most MAX_UPDATERS Update entries: the oldest of them become one per API version."""
    updaters = sorted(owner for owner in owners if owner.operation == "Update")
    surplus = len(updaters) - MAX_UPDATERS
    if surplus <= 0:
        return owners
    for owner in updaters[: surplus + 1]:
        merged = Manager("Update", owner.time, _ANCIENT, owner.api_version, "")
        fields = owners.pop(owner)
        for earlier in [o for o in owners if o.name == _ANCIENT and o.api_version == owner.api_version]:
            fields = field_sets.union(owners.pop(earlier), fields)
        owners[merged] = fields
    return owners
