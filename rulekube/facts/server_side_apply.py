"""Server-side apply: merge a configuration into the present object, as far as its manager may.

A configuration's life: its fields are merged into the object; what the manager applied before and no longer does, and
nobody else owns, is taken out; where that changes a field that another manager owns there is a conflict, which `force`
settles in the applier's favour. The applier's entry then lists exactly the fields of the configuration.

Source: sigs.k8s.io/structured-merge-diff merge/update.go (Apply), typed/{merge,remove,tofieldset}.go;
k8s.io/apimachinery/pkg/util/managedfields/internal (conflict.go, managedfieldsupdater.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rulekube.errors import ApiError
from rulekube.facts import field_sets, last_applied, managed_fields
from rulekube.facts.comparison import compare, indexed
from rulekube.facts.field_sets import FieldSet, Path
from rulekube.facts.managed_fields import Manager
from rulekube.facts.schema import Type, type_of

RawObject = dict[str, Any]
_UNTYPED = Type({})


def apply(
    live: RawObject | None, config: RawObject, *, manager: str, time: str, force: bool, subresource: str = ""
) -> RawObject:
    """The object that `config` makes of `live` (None: there is none), with its managedFields.

    Raises ApiError "Conflict" where others own what it would change, unless `force`.
    """
    kind = type_of(config["apiVersion"], config["kind"]) or _UNTYPED
    present = managed_fields.bare(live or {})
    owners = managed_fields.owners_of((live or {}).get("metadata", {}).get("managedFields") or [])
    me = Manager("Apply", time, manager, config["apiVersion"], subresource)
    before = next((owner for owner in owners if owner._replace(time="") == me._replace(time="")), me)
    last = owners.pop(before, {})
    reset = managed_fields.RESET.get(subresource, {})
    wanted = field_sets.without_subtrees(of_config(kind, config), reset)
    wanted = field_sets.difference(wanted, managed_fields.NEVER_OWNED)
    kept = wanted
    for fields in owners.values():
        kept = field_sets.union(kept, fields)
    new = without(kind, merged(kind, present, config), field_sets.difference(last, kept), kept)
    if live is not None:
        inherited = _inherited(kind, present) if manager == last_applied.MANAGER else {}
        owners = _settled(owners, kind, present, new, inherited, force)
        if inherited:
            new = last_applied.refreshed(new, config)
    owners[me if new != present else before] = wanted
    entries = [managed_fields.entry_of(owner, owners[owner]) for owner in sorted(owners) if owners[owner]]
    return {**new, "metadata": {**new.get("metadata", {}), "managedFields": entries}}


def _inherited(kind: Type, live: RawObject) -> FieldSet:
    """The fields that client-side apply set and nobody has changed since."""
    applied = last_applied.read(live)
    return last_applied.unchanged(kind, live, applied, of_config(kind, applied)) if applied else {}


def _settled(
    owners: dict[Manager, FieldSet], kind: Type, live: RawObject, new: RawObject, inherited: FieldSet, force: bool
) -> dict[Manager, FieldSet]:
    """What the others keep. Raises where they own what changes and it is not `inherited`."""
    difference = compare(kind, live, new)
    changed = field_sets.union(difference.added, difference.modified)
    disputed = field_sets.difference(changed, inherited)
    clashes = {owner: clash for owner in sorted(owners) if (clash := field_sets.intersection(owners[owner], disputed))}
    if clashes and not force:
        raise _conflict(clashes)
    lost = field_sets.union(changed, difference.removed)
    return {owner: rest for owner, fields in owners.items() if (rest := field_sets.difference(fields, lost))}


def of_config(kind: Type, config: RawObject) -> FieldSet:
    """The fields that a configuration names."""
    out: FieldSet = {}
    _collect(kind, config, (), out)
    return out


def _collect(kind: Type, value: Any, path: Path, out: FieldSet) -> None:
    if kind.form == "list" and isinstance(value, list) and not kind.atomic:
        for element, item in indexed(kind, value).items():
            _collect(kind.element, item, (*path, element), out)
            field_sets.insert(out, (*path, element))
    elif kind.form in ("struct", "map") and isinstance(value, dict) and not kind.atomic:
        for key, item in value.items():
            place = (*path, f"f:{key}")
            _collect(_child(kind, key), item, place, out)
            if kind.form == "map" or item is None or item == {}:
                field_sets.insert(out, place)
    elif path:
        field_sets.insert(out, path)


def _child(kind: Type, key: str) -> Type:
    return kind.element if kind.form == "map" else kind.fields.get(key, _UNTYPED)


def merged(kind: Type, live: Any, config: Any) -> Any:
    """`config` merged into `live`: maps by key, lists that tell their items apart item by item, all else replaced."""
    if kind.atomic or kind.form not in ("struct", "map", "list"):
        return config
    if kind.form == "list":
        if not isinstance(live, list) or not isinstance(config, list):
            return config
        left, right = indexed(kind, live), indexed(kind, config)
        both = {key: merged(kind.element, item, right[key]) if key in right else item for key, item in left.items()}
        return [*both.values(), *(item for key, item in right.items() if key not in left)]
    if not isinstance(live, dict) or not isinstance(config, dict):
        return config
    changed = {key: merged(_child(kind, key), live[key], item) if key in live else item for key, item in config.items()}
    return {**live, **changed}


def without(kind: Type, value: Any, fields: FieldSet, kept: FieldSet) -> Any:
    """`value` without these fields; what is in `kept`, or above it, stays. A map or list left empty goes too."""
    if not fields:
        return value
    if kind.form == "list" and isinstance(value, list):
        pairs = ((kind.element, key, key, item) for key, item in indexed(kind, value).items())
        return [item for _, item in _remaining(pairs, fields, kept)]
    if isinstance(value, dict):
        entries = ((_child(kind, key), f"f:{key}", key, item) for key, item in value.items())
        return dict(_remaining(entries, fields, kept))
    return value


def _remaining(
    entries: Iterator[tuple[Type, str, str, Any]], fields: FieldSet, kept: FieldSet
) -> Iterator[tuple[str, Any]]:
    for child, element, key, item in entries:
        gone, stays = fields.get(element), kept.get(element)
        if gone is None:
            yield key, item
        elif "." not in gone or stays is not None:
            rest = without(child, item, gone, stays or {})
            if rest or not item or stays is not None:
                yield key, rest


def _conflict(clashes: dict[Manager, FieldSet]) -> ApiError:
    """409, with every field and who has it."""
    found = [(_shown(owner), path) for owner, fields in clashes.items() for path in _paths(fields, "")]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": path} for owner, path in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {found[0][1]}"
    else:
        lines = []
        for owner in dict.fromkeys(owner for owner, _ in found):
            lines.append(f"conflicts with {owner}:")
            lines += [f"- {path}" for other, path in found if other == owner]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return ApiError("Conflict", message, {"causes": causes})


def _shown(owner: Manager) -> str:
    name = json.dumps(owner.name)
    if owner.subresource:
        name += f" with subresource {json.dumps(owner.subresource)}"
    return f"{name} using {owner.api_version}" if owner.operation == "Update" else name


def _paths(fields: FieldSet, above: str) -> Iterator[str]:
    """The members of a set as people read them: `.spec.containers[name="c"].image`."""
    for key, below in sorted(fields.items()):
        if key == ".":
            yield above
        else:
            yield from _paths(below, above + _step(key))


def _step(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "k":
        return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
    return f"[={rest}]" if kind == "v" else f".{rest}"
