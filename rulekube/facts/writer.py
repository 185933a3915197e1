"""The one door: every write of the cluster, from the API as from the objects actuator, passes here.

The way of one operation: read the present object, make the wanted one, default it, let admission (rules) judge and
mend it, validate it, stamp what is the server's to say (uid, times, generation, managed fields), and hand the outcome
to the store, with the Event that marks it, in one transaction. Several operations of one `transact` see each other in
order and share one store transaction; an operation that fails leaves no trace and does not hold up the others.

One operation passes at a time: that is why rules that allocate (addresses, ports) may look at what is stored.
Nothing is durable before `store.sync()`: callers that acknowledge must wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from rulekube.errors import ApiError
from rulekube.facts import deletion, managed_fields, refusals, resources
from rulekube.facts.admission import Admit, Invalid, Request, allow
from rulekube.facts.defaults import apply_defaults
from rulekube.facts.deletion import DEFAULT_OPTIONS, DeleteOptions
from rulekube.facts.draft import Draft
from rulekube.facts.event import EventNote, build_event, event_name, event_namespace
from rulekube.facts.functions import generated_suffix
from rulekube.facts.merge import with_path
from rulekube.facts.metadata import clone, stamp_created, stamp_updated
from rulekube.facts.operation import CONTROL_PLANE, Bind, Caller, Create, Delete, Operation, Patch, Update, Written
from rulekube.facts.resources import Resource
from rulekube.facts.store import Change, Key, Store
from rulekube.facts.strategy import bind_pod, prepare_create, prepare_update
from rulekube.facts.timestamp import format_time

RawObject = dict[str, Any]
_PODS, _EVENTS, _NAMESPACES = (resources.row(key) for key in ("pods", "events", "namespaces"))
_MAX_NAME = 63 - 5  # of a generateName's base, as names.maxGeneratedNameLength


class Validate(Protocol):
    """Judges what a request would write; `also` are the fields that admission refused."""

    def __call__(self, request: Request, also: Sequence[Invalid]) -> None:
        """Raise ApiError "Invalid" with every refused field."""


class _Outcome(NamedTuple):
    """What one operation comes to. `type` as in Written; `writes` in order, None removes; `answer` None: the last
    write's object, as stored."""

    type: str
    key: Key
    writes: Sequence[RawObject | None]
    answer: RawObject | None
    warnings: list[str]
    about: RawObject


class Writer:
    """The one door to `store`. `clock` gives microseconds since 1970, `new_uid` a fresh uid."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        new_uid: Callable[[], str],
        admit: Admit | None = None,
        *,
        validate: Validate | None = None,
    ) -> None:
        self.store = store
        self.admit: Admit = admit or allow
        self._clock, self._new_uid = clock, new_uid
        self._validate = validate
        self._lock = threading.RLock()

    def create(self, resource: Resource, namespace: str, raw: RawObject, caller: Caller = CONTROL_PLANE) -> Written:
        """Write a new object. Raises ApiError, as all of these do."""
        return self.perform(Create(resource, namespace, raw, caller))

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        raw: RawObject,
        subresource: str = "",
        caller: Caller = CONTROL_PLANE,
    ) -> Written:
        """Replace an object or one of its subresources."""
        return self.perform(Update(resource, namespace, name, raw, subresource, caller))

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[RawObject], RawObject],
        subresource: str = "",
        caller: Caller = CONTROL_PLANE,
    ) -> Written:
        """Replace an object by what `change` makes of it."""
        return self.perform(Patch(resource, namespace, name, change, subresource, caller=caller))

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        options: DeleteOptions = DEFAULT_OPTIONS,
        caller: Caller = CONTROL_PLANE,
    ) -> Written:
        """Delete an object, or begin to."""
        return self.perform(Delete(resource, namespace, name, options, caller))

    def bind(self, namespace: str, name: str, binding: RawObject, caller: Caller = CONTROL_PLANE) -> Written:
        """Give a pod its node."""
        return self.perform(Bind(namespace, name, binding, caller=caller))

    def perform(self, operation: Operation) -> Written:
        """One operation; raises its ApiError."""
        (result,) = self.transact([operation])
        if isinstance(result, ApiError):
            raise result
        return result

    def transact(self, operations: Sequence[Operation]) -> list[Written | ApiError]:
        """Perform all that can be performed as one store transaction; the others answer the ApiError they met."""
        with self._lock:
            draft = Draft(self.store)
            outcomes = [self._attempt(operation, draft) for operation in operations]
            changes = self.store.transact(draft.writes)
        return [
            outcome if isinstance(outcome, ApiError) else _answer(outcome[0], changes[outcome[1] : outcome[2]])
            for outcome in outcomes
        ]

    def _attempt(self, operation: Operation, draft: Draft) -> tuple[_Outcome, int, int] | ApiError:
        """Plan one operation into `draft`: its outcome, and which of the draft's writes are its own."""
        try:
            outcome = self._plan(operation, draft)
        except ApiError as error:
            return error
        start = len(draft.writes)
        if operation.caller.dry_run:
            last = outcome.writes[-1] if outcome.writes else None
            answer = outcome.answer or last or outcome.about
            return outcome._replace(writes=(), answer=answer), start, start
        for raw in outcome.writes:
            draft.put(outcome.key, raw)
        end = len(draft.writes)
        if operation.event is not None and outcome.writes:
            self._mark(operation.event, outcome.about["metadata"]["name"], operation.caller.manager, draft)
        return outcome, start, end

    def _plan(self, operation: Operation, draft: Draft) -> _Outcome:
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

    def _create(self, operation: Create, draft: Draft) -> _Outcome:
        resource, namespace = operation.resource, operation.namespace if operation.resource.namespaced else ""
        if operation.object.get("metadata", {}).get("resourceVersion"):
            raise refusals.revision_on_create()
        if namespace and draft.get(Key("namespaces", "", namespace)) is None:
            raise refusals.not_found(_NAMESPACES, namespace)
        new, uid, now = clone(operation.object), self._new_uid(), format_time(self._clock())
        metadata = new.setdefault("metadata", {})
        base = metadata.get("generateName", "")
        name = metadata.get("name") or (base[:_MAX_NAME] + generated_suffix(uid) if base else "")
        key = Key(resource.key, namespace, name)
        stamp_created(resource, new, namespace, name, uid, now)
        apply_defaults(resource, new)
        prepare_create(resource, new)
        _own(resource, new, None, operation.caller.manager, now)
        new, warnings = self._judge(_request("CREATE", operation, key, new, None))
        if draft.get(key) is not None:
            raise (refusals.name_exhausted if base and not metadata.get("name") else refusals.already_exists)(
                resource, name
            )
        return _Outcome("ADDED", key, [new], None, warnings, new)

    def _present(self, resource: Resource, namespace: str, name: str, draft: Draft) -> tuple[Key, RawObject]:
        key = _key(resource, namespace, name)
        live = draft.get(key)
        if live is None:
            raise refusals.not_found(resource, name)
        return key, live

    def _update(self, operation: Update, draft: Draft) -> _Outcome:
        resource, name = operation.resource, operation.name
        key, live = self._present(resource, operation.namespace, name, draft)
        new = clone(operation.object)
        metadata = new.setdefault("metadata", {})
        if metadata.get("name", name) != name:
            raise refusals.bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if metadata.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise refusals.stale_uid(resource, key.namespace, name, metadata["uid"], live["metadata"]["uid"])
        return self._replace(operation, key, live, new, resource, False)

    def _patch(self, operation: Patch, draft: Draft) -> _Outcome:
        resource, name = operation.resource, operation.name
        if operation.create and draft.get(_key(resource, operation.namespace, name)) is None:
            made = Create(resource, operation.namespace, operation.create(), operation.caller, operation.event)
            return self._create(made, draft)
        key, live = self._present(resource, operation.namespace, name, draft)
        if operation.uid is not None and operation.uid != live["metadata"]["uid"]:
            raise refusals.precondition(resource, name, "UID", operation.uid, live["metadata"]["uid"])
        new = clone(operation.change(live))
        return self._replace(operation, key, live, new, resource, operation.managed)

    def _replace(
        self, operation: Update | Patch, key: Key, live: RawObject, new: RawObject, resource: Resource, managed: bool
    ) -> _Outcome:
        """The common end of updates and patches: `new` in the place of `live`."""
        now, before = format_time(self._clock()), live["metadata"]
        if new.setdefault("metadata", {}).get("resourceVersion") not in (None, "", before.get("resourceVersion")):
            raise refusals.conflict(resource, key.name)
        new = prepare_update(resource, new, live, operation.subresource)
        apply_defaults(resource, new)
        stamp_updated(resource, new, live)
        if not managed:
            _own(resource, new, live, operation.caller.manager, now, operation.subresource)
        new, warnings = self._judge(_request("UPDATE", operation, key, new, live, operation.subresource))
        if new == live:
            return _Outcome("", key, [], live, warnings, live)
        if deletion.is_released(resource, new):
            return _Outcome("DELETED", key, [None], new, warnings, new)
        return _Outcome("MODIFIED", key, [new], None, warnings, new)

    def _delete(self, operation: Delete, draft: Draft) -> _Outcome:
        resource = operation.resource
        key, live = self._present(resource, operation.namespace, operation.name, draft)
        _, warnings = self._judge(_request("DELETE", operation, key, None, live))
        writes = deletion.delete(resource, live, operation.options, self._clock())
        done = "" if not writes else "DELETED" if writes[-1] is None else "MODIFIED"
        return _Outcome(done, key, writes, None if writes else live, warnings, live)

    def _bind(self, operation: Bind, draft: Draft) -> _Outcome:
        key, live = self._present(_PODS, operation.namespace, operation.name, draft)
        binding = clone(operation.binding)
        if operation.uid is not None and operation.uid != live["metadata"]["uid"]:
            raise refusals.precondition(_PODS, key.name, "UID", operation.uid, live["metadata"]["uid"])
        if binding.get("metadata", {}).get("name", key.name) != key.name:
            raise refusals.bad_request("name in URL does not match name in Binding object")
        if "deletionTimestamp" in live["metadata"]:
            raise refusals.binding_deleted(key.name)
        if live["spec"].get("nodeName"):
            raise refusals.already_bound(key.name, live["spec"]["nodeName"])
        binding, warnings = self._judge(_request("CREATE", operation, key, binding, live, "binding"))
        new = bind_pod(live, binding, format_time(self._clock()))
        return _Outcome("MODIFIED", key, [new], None, warnings, new)

    def _judge(self, request: Request) -> tuple[RawObject, list[str]]:
        """Let admission mend or refuse the request, then validate it: the object to write, and the warnings."""
        verdict, new = self.admit(request), request.object
        if verdict.denials:
            first = verdict.denials[0]
            raise ApiError(first.reason, first.message, first.details)
        if new is None:
            return {}, verdict.warnings
        for path, value in verdict.patches:
            new = with_path(new, path, value)
        if verdict.patches and request.subresource != "binding":
            new = clone(new)
            apply_defaults(request.resource, new)
        if self._validate is not None:
            self._validate(request._replace(object=new), verdict.invalid)
        return new, verdict.warnings

    def _mark(self, note: EventNote, name: str, manager: str, draft: Draft) -> None:
        """Add the Event of a transition. None is written into a namespace that is gone or going."""
        namespace = draft.get(Key("namespaces", "", event_namespace(note)))
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        note = note.named(name)
        key = Key(_EVENTS.key, event_namespace(note), event_name(note))
        live, micros = draft.get(key), self._clock()
        event, now = build_event(note, live, micros), format_time(micros)
        if live is None:
            stamp_created(_EVENTS, event, key.namespace, key.name, self._new_uid(), now)
        _own(_EVENTS, event, live, manager, now)
        draft.put(key, event)


def _key(resource: Resource, namespace: str, name: str) -> Key:
    return Key(resource.key, namespace if resource.namespaced else "", name)


def _request(
    verb: str, operation: Operation, key: Key, new: RawObject | None, old: RawObject | None, subresource: str = ""
) -> Request:
    resource = _PODS if isinstance(operation, Bind) else operation.resource
    caller = operation.caller
    return Request(verb, resource, subresource, key.namespace, key.name, new, old, caller.user, caller.dry_run)


def _own(
    resource: Resource, new: RawObject, live: RawObject | None, manager: str, now: str, subresource: str = ""
) -> None:
    """Bring the managed fields of `new` up to date, in place."""
    entries = managed_fields.updated(
        live, new, manager=manager, time=now, subresource=subresource, has_status=resource.has_status
    )
    new["metadata"]["managedFields"] = entries
    if not entries:
        del new["metadata"]["managedFields"]


def _answer(outcome: _Outcome, changes: Sequence[Change]) -> Written:
    """What the caller hears, once the store has given out revisions."""
    answer = outcome.answer or (changes[-1].object if changes else outcome.about)
    return Written(answer, outcome.type, outcome.warnings)
