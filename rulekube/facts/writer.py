"""The one door: every write of the cluster, from the API as from the objects actuator, passes here.

Several operations of one `transact` see each other in order and share one store transaction; one that fails leaves no
trace and does not hold up the others. An operation's Event is part of it. (Admission sees the state before the
transaction: operations that compete for an address go in transactions of their own.)

One transaction passes at a time: that is why rules that allocate may look at what is stored. Nothing is durable before
`store.sync()`: callers that acknowledge must wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from rulekube.errors import ApiError
from rulekube.facts import resources, validation
from rulekube.facts.admission import Admit, allow
from rulekube.facts.deletion import DEFAULT_OPTIONS, DeleteOptions
from rulekube.facts.draft import Draft
from rulekube.facts.event import EventNote, build_event, event_name, event_namespace
from rulekube.facts.metadata import stamp_created
from rulekube.facts.operation import CONTROL_PLANE, Bind, Caller, Create, Delete, Operation, Patch, Update, Written
from rulekube.facts.planner import Outcome, Planner, Validate, own
from rulekube.facts.resources import Resource
from rulekube.facts.store import Change, Key, Store
from rulekube.facts.timestamp import format_time

log = logging.getLogger("rulekube.writer")
RawObject = dict[str, Any]
_EVENTS = resources.row("events")


class Writer:
    """The one door to `store`. `clock` gives microseconds since 1970, `new_uid` a fresh uid."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        new_uid: Callable[[], str],
        admit: Admit | None = None,
        *,
        validate: Validate = validation.refuse,
    ) -> None:
        self.store = store
        self._clock, self._new_uid = clock, new_uid
        self._planner = Planner(clock, new_uid, admit or allow, validate)
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

    def _attempt(self, operation: Operation, draft: Draft) -> tuple[Outcome, int, int] | ApiError:
        """Plan one operation into `draft`: its outcome, and which of the draft's writes are its own.

        One that fails leaves the draft as it was, in whatever way it fails: the others are not to blame.
        """
        before = len(draft.writes)
        try:
            return self._plan(operation, draft)
        except ApiError as error:
            return error
        except Exception as error:
            log.exception("a %s could not be planned", type(operation).__name__.lower())
            draft.back_to(before)
            return ApiError("InternalError", f"the write failed: {type(error).__name__}: {error}")

    def _plan(self, operation: Operation, draft: Draft) -> tuple[Outcome, int, int]:
        outcome = self._planner.plan(operation, draft)
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

    @property
    def admit(self) -> Admit:
        """Who judges; may be set once the reconciler is there."""
        return self._planner.admit

    @admit.setter
    def admit(self, admit: Admit) -> None:
        self._planner.admit = admit

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
            stamp_created(_EVENTS, event, key.namespace, self._new_uid(), now)
        own(_EVENTS, event, live, manager, now)
        draft.put(key, event)


def _answer(outcome: Outcome, changes: Sequence[Change]) -> Written:
    """What the caller hears, once the store has given out revisions."""
    answer = outcome.answer or (changes[-1].object if changes else outcome.about)
    return Written(answer, outcome.type, outcome.warnings)
