"""What one operation comes to: the writes to make, and the answer to give, without making them.

The way of one operation: read the present object, make the wanted one, default it, say who owns which field, let
admission (rules) judge and mend it, validate it, stamp what is the server's to say (uid, times, generation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rulekube.errors import ApiError
from rulekube.facts import deletion, managed_fields, refusals, resources, validation
from rulekube.facts.admission import Admit, Invalid, Request, Verdict
from rulekube.facts.decoding import decode
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.draft import Draft
from rulekube.facts.functions import generated_suffix
from rulekube.facts.merge import with_path
from rulekube.facts.metadata import clone, stamp_created, stamp_updated
from rulekube.facts.operation import Bind, Create, Delete, Operation, Patch, Update
from rulekube.facts.resources import Resource
from rulekube.facts.schema import type_of
from rulekube.facts.store import Key
from rulekube.facts.strategy import bind_pod, prepare_create, prepare_update
from rulekube.facts.timestamp import format_time
from rulekube.selectors.field_error import FieldError, required

RawObject = dict[str, Any]
_PODS, _NAMESPACES = resources.row("pods"), resources.row("namespaces")
_MAX_NAME = 63 - 5  # of a generateName's base, as names.maxGeneratedNameLength


# Judges what a request would write; the second argument are the fields that admission refused. Raises ApiError.
Validate = Callable[[Request, Sequence[Invalid]], None]


class Outcome(NamedTuple):
    """What one operation comes to. `type` as in Written; `writes` in order, None removes; `answer` None: the last
    write's object, as stored."""

    type: str
    key: Key
    writes: Sequence[RawObject | None]
    answer: RawObject | None
    warnings: list[str]
    about: RawObject


class Planner:
    """Plans operations. `clock` gives microseconds since 1970, `new_uid` a fresh uid."""

    def __init__(self, clock: Callable[[], int], new_uid: Callable[[], str], admit: Admit, validate: Validate) -> None:
        self.admit = admit
        self._clock, self._new_uid, self._validate = clock, new_uid, validate

    def plan(self, operation: Operation, draft: Draft) -> Outcome:
        """The outcome of an operation over the state that `draft` leaves. Raises ApiError."""
        match operation:
            case Create():
                return self._create(operation, draft)
            case Update():
                return self._update(operation, draft)
            case Patch():
                return self._patch(operation, draft)
            case Delete():
                return self._delete(operation, draft)
            case Bind():
                return self._bind(operation, draft)

    def _create(self, operation: Create, draft: Draft) -> Outcome:
        resource, namespace = operation.resource, operation.namespace if operation.resource.namespaced else ""
        if operation.object.get("metadata", {}).get("resourceVersion"):
            raise refusals.revision_on_create()
        if namespace and draft.get(Key("namespaces", "", namespace)) is None:
            raise refusals.not_found(_NAMESPACES, namespace)
        new, uid, now = clone(operation.object), self._new_uid(), format_time(self._clock())
        given = new.setdefault("metadata", {}).get("name", "")
        stamp_created(resource, new, namespace, uid, now)
        apply_defaults(resource, new)
        prepare_create(resource, new, now)
        own(resource, new, None, operation.caller.manager, now)
        request = _request("CREATE", operation, Key(resource.key, namespace, given), new, None)
        new, verdict = self._admit(request)
        key = Key(resource.key, namespace, _name(new, uid))
        if not given:
            apply_defaults(resource, new)  # what follows from the name
        warnings = self._check(request._replace(name=key.name, object=new), verdict)
        if not key.name:
            raise refusals.invalid(resource, "", [required("metadata.name", "name or generateName is required")])
        if draft.get(key) is not None:
            raise (refusals.already_exists if given else refusals.name_exhausted)(resource, key.name)
        return Outcome("ADDED", key, [new], None, warnings, new)

    def _present(self, resource: Resource, namespace: str, name: str, draft: Draft) -> tuple[Key, RawObject]:
        key = _key(resource, namespace, name)
        live = draft.get(key)
        if live is None:
            raise refusals.not_found(resource, name)
        return key, live

    def _update(self, operation: Update, draft: Draft) -> Outcome:
        resource, name = operation.resource, operation.name
        key, live = self._present(resource, operation.namespace, name, draft)
        new = clone(operation.object)
        metadata = new.setdefault("metadata", {})
        if metadata.get("name", name) != name:
            raise refusals.bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if not resource.unconditional and not metadata.get("resourceVersion"):
            unconditional = FieldError(
                "FieldValueInvalid", "metadata.resourceVersion", 0, "must be specified for an update"
            )
            raise refusals.invalid(resource, name, [unconditional])
        if metadata.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise refusals.stale_uid(resource, key.namespace, name, metadata["uid"], live["metadata"]["uid"])
        return self._replace(operation, key, live, new)

    def _patch(self, operation: Patch, draft: Draft) -> Outcome:
        resource, name = operation.resource, operation.name
        key, live = self._present(resource, operation.namespace, name, draft)
        if operation.uid is not None and operation.uid != live["metadata"]["uid"]:
            raise refusals.precondition(resource, name, "UID", operation.uid, live["metadata"]["uid"])
        new = clone(operation.change(live))
        return self._replace(operation, key, live, new)

    def _replace(self, operation: Update | Patch, key: Key, live: RawObject, new: RawObject) -> Outcome:
        """The common end of updates and patches: `new` in the place of `live`."""
        resource = operation.resource
        now, before = format_time(self._clock()), live["metadata"]
        if new.setdefault("metadata", {}).get("resourceVersion") not in (None, "", before["resourceVersion"]):
            raise refusals.conflict(resource, key.name)
        new = prepare_update(resource, new, live, operation.subresource)
        apply_defaults(resource, new)
        stamp_updated(resource, new, live)
        own(resource, new, live, operation.caller.manager, now, operation.subresource)
        request = _request("UPDATE", operation, key, new, live, operation.subresource)
        new, verdict = self._admit(request)
        warnings = self._check(request._replace(object=new), verdict)
        if new == live:
            return Outcome("", key, [], live, warnings, live)
        if deletion.is_released(resource, new):
            return Outcome("DELETED", key, [None], new, warnings, new)
        return Outcome("MODIFIED", key, [new], None, warnings, new)

    def _delete(self, operation: Delete, draft: Draft) -> Outcome:
        resource = operation.resource
        key, live = self._present(resource, operation.namespace, operation.name, draft)
        _, verdict = self._admit(_request("DELETE", operation, key, None, live))
        writes = deletion.delete(resource, live, operation.options, self._clock())
        done = "" if not writes else "DELETED" if writes[-1] is None else "MODIFIED"
        return Outcome(done, key, writes, None if writes else live, verdict.warnings, live)

    def _bind(self, operation: Bind, draft: Draft) -> Outcome:
        binding = clone(operation.binding)
        if binding.get("metadata", {}).get("name", operation.name) != operation.name:
            raise refusals.bad_request("name in URL does not match name in Binding object")
        key, live = self._present(_PODS, operation.namespace, operation.name, draft)
        if operation.uid is not None and operation.uid != live["metadata"]["uid"]:
            raise refusals.precondition(_PODS, key.name, "UID", operation.uid, live["metadata"]["uid"])
        if "deletionTimestamp" in live["metadata"]:
            raise refusals.binding_deleted(key.name)
        if live["spec"].get("nodeName"):
            raise refusals.already_bound(key.name, live["spec"]["nodeName"])
        request = _request("CREATE", operation, key, binding, live, "binding")
        binding, verdict = self._admit(request)
        self._check(request._replace(object=binding), verdict)
        new = bind_pod(live, binding, format_time(self._clock()))
        return Outcome("MODIFIED", key, [new], None, verdict.warnings, new)

    def _admit(self, request: Request) -> tuple[RawObject, Verdict]:
        """Let the rules refuse the request or mend its object: the object as they want it, and what they said."""
        verdict, new = self.admit(request), request.object
        if verdict.denials:
            first = verdict.denials[0]
            raise ApiError(first.reason, first.message, first.details)
        if new is None:
            return {}, verdict
        if verdict.patches:
            new = _mended(request, new, verdict)
        return new, verdict

    def _check(self, request: Request, verdict: Verdict) -> list[str]:
        """Validate what admission let pass (the fields it refused are errors too); the warnings to send back."""
        self._validate(request, verdict.invalid)
        if request.object is None or request.subresource:
            return verdict.warnings
        return [*verdict.warnings, *validation.warnings(request.resource, request.object)]


def _mended(request: Request, new: RawObject, verdict: Verdict) -> RawObject:
    """The object with the fields that the rules set. Raises ApiError where one of them does not fit."""
    try:
        for path, value in verdict.patches:
            new = with_path(new, path, value)
    except ValueError as error:
        raise refusals.bad_request(f"a rule sets a field that cannot be: set_field: {error}") from None
    if request.subresource == "binding":
        return new
    schema = type_of(request.resource.api_version, request.resource.kind)
    wrong = decode(schema, new).error if schema is not None and isinstance(new, dict) else ""
    if wrong or not isinstance(new, dict):
        paths = ", ".join(path for path, _ in verdict.patches)
        raise refusals.bad_request(f"a rule sets a field to what it cannot be: set_field of {paths}: {wrong}")
    new = clone(new)
    apply_defaults(request.resource, new)
    return new


def _name(new: RawObject, seed: str) -> str:
    """The name of a new object (which gets it), made from generateName and `seed` where it has none."""
    metadata = new["metadata"]
    if not metadata.get("name") and "generateName" in metadata:
        metadata["name"] = metadata["generateName"][:_MAX_NAME] + generated_suffix(seed)
    return str(metadata.get("name", ""))


def _key(resource: Resource, namespace: str, name: str) -> Key:
    return Key(resource.key, namespace if resource.namespaced else "", name)


def _request(
    verb: str, operation: Operation, key: Key, new: RawObject | None, old: RawObject | None, subresource: str = ""
) -> Request:
    resource = _PODS if isinstance(operation, Bind) else operation.resource
    caller = operation.caller
    return Request(verb, resource, subresource, key.namespace, key.name, new, old, caller.user, caller.dry_run)


def own(
    resource: Resource, new: RawObject, live: RawObject | None, manager: str, now: str, subresource: str = ""
) -> None:
    """Bring the managed fields of `new` up to date, in place; without a manager they are settled already."""
    if not manager:
        return
    entries = managed_fields.updated(
        live,
        new,
        manager=manager,
        time="" if subresource == "scale" else now,
        subresource=subresource,
        has_status=resource.has_status,
    )
    new["metadata"]["managedFields"] = entries
    if not entries:
        del new["metadata"]["managedFields"]
