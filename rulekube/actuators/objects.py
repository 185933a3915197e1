"""The objects actuator: owed actions on objects become writes, all of a step as one store transaction.

It acts right after a commit and within the same step of the loop, so its every action was decided on facts that
include its own last write: nothing is decided twice on old facts. It goes through the writer, the one door, which
writes each action's Event in the same transaction. A name it makes up is a pure function of who owns the object, which
revision the decision read, and which slot it fills.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rulekube.actuators.base import Action
from rulekube.actuators.owed import ActionKey
from rulekube.engine import Ref, from_json
from rulekube.errors import ApiError, StoreError
from rulekube.facts import deletion, resources
from rulekube.facts.decoding import decode
from rulekube.facts.deletion import DeleteOptions
from rulekube.facts.event import EventNote
from rulekube.facts.functions import generated_suffix
from rulekube.facts.merge import merge_patch, merge_status
from rulekube.facts.operation import Bind, Caller, Create, Delete, Operation, Patch
from rulekube.facts.paths import key_of, resource_of
from rulekube.facts.schema import type_of
from rulekube.facts.store.interface import Key
from rulekube.facts.timestamp import format_time
from rulekube.facts.writer import Writer

log = logging.getLogger("rulekube.actuators")
RawObject = dict[str, Any]
ORDER = ("patch_object", "patch_status", "bind", "create_object", "delete_object")
NOW = "$now"  # in a body: the time of the write
_MANAGERS = {"default-scheduler": "kube-scheduler"}  # components that write under another name than the actuator's


class Objects:
    """Carries out `create_object`, `delete_object`, `patch_object`, `patch_status` and `bind`.

    `manager` is the field manager its writes carry, `host` the machine its Events come from ("" for a control plane).
    """

    name = "objects"

    def __init__(
        self, writer: Writer, clock: Callable[[], int], manager: str = "kube-controller-manager", host: str = ""
    ) -> None:
        self._writer, self._clock = writer, clock
        self._manager, self._host = manager, host
        self._build: dict[str, Callable[[Action], Operation]] = {
            "create_object": self._create,
            "delete_object": self._delete,
            "patch_object": self._patch,
            "patch_status": self._patch_status,
            "bind": self._bind,
        }

    def apply(self, actions: Sequence[Action]) -> Mapping[ActionKey, str]:
        """Write; the reasons of the actions that could not be carried out."""
        failures: dict[ActionKey, str] = {}
        planned: list[tuple[ActionKey, Operation]] = []
        for action in sorted(actions, key=lambda a: (ORDER.index(a.relation), str(a.key))):
            key = (action.relation, action.key)
            try:
                planned.append((key, self._build[action.relation](action)))
            except ApiError as error:
                failures[key] = error.message
            except Exception as error:  # noqa: BLE001 - a rule may derive any body; one fails, not all
                log.warning("%s is malformed: %s", action.relation, error)
                failures[key] = f"malformed: {type(error).__name__}: {error}"
        try:
            results = self._writer.transact([operation for _, operation in planned])
        except StoreError as error:
            return failures | {key: str(error) for key, _ in planned}
        outcomes = zip(planned, results, strict=True)
        refused = ((key, operation, result) for (key, operation), result in outcomes if isinstance(result, ApiError))
        return failures | {key: _reason(operation, error) for key, operation, error in refused}

    def _create(self, action: Action) -> Operation:
        owner, slot, body, event = action.values
        raw = _mapping(_stamped(from_json(body), format_time(self._clock())), "an object to create")
        resource = resources.of(raw)
        if resource is None:
            raise ApiError("BadRequest", f"no such kind: {raw.get('apiVersion')} {raw.get('kind')}")
        raw = _typed(raw)
        metadata = dict(raw.get("metadata", {}))
        namespace = metadata.get("namespace", "")
        if metadata.get("generateName") and not metadata.get("name"):
            metadata["name"] = self._fresh_name(
                resource.key, namespace, metadata["generateName"], (owner, action, slot)
            )
        note = self._note(event, owner)
        return Create(resource, namespace, {**raw, "metadata": metadata}, self._caller(note), note)

    def _fresh_name(self, resource: str, namespace: str, base: str, decision: tuple[Ref, Action, str]) -> str:
        owner, action, slot = decision
        for collision in range(100):
            seed = "/".join((owner.uid, str(action.revision), slot, *([str(collision)] if collision else [])))
            name = f"{base[:58]}{generated_suffix(seed)}"
            if self._writer.store.get(Key(resource, namespace, name)) is None:
                return name
        raise ApiError("AlreadyExists", f"no free name begins with {base}")

    def _delete(self, action: Action) -> Operation:
        target, grace, event, about = action.values
        resource, key = _place(target)
        if grace is not None and type(grace) is not int:
            raise ApiError("BadRequest", f"the grace must be a number of seconds or null, not {grace!r}")
        note = self._note(event, about)
        live = self._writer.store.get(key)
        own = set((live or {}).get("metadata", {}).get("finalizers", ())) & {deletion.ORPHAN, deletion.FOREGROUND}
        options = DeleteOptions(from_json(grace), target.uid, propagation=None if own else "Background")
        return Delete(resource, key.namespace, key.name, options, self._caller(note), note)

    def _patch(self, action: Action) -> Operation:
        target, part, patch, event = action.values
        resource, key = _place(target)
        note = self._note(event, target)
        body = _mapping(_stamped(from_json(patch), format_time(self._clock())), "a patch")
        subresource = part if resource.subresource(part) is not None else ""

        def change(live: RawObject) -> RawObject:
            return _typed(merge_patch(live, body))

        caller = self._caller(note)
        return Patch(resource, key.namespace, key.name, change, subresource, target.uid, caller=caller, event=note)

    def _patch_status(self, action: Action) -> Operation:
        target, _, patch, event = action.values
        resource, key = _place(target)
        now = format_time(self._clock())
        note, body = self._note(event, target), _mapping(_stamped(from_json(patch), now), "a status patch")

        def change(live: RawObject) -> RawObject:
            return _typed({**live, "status": merge_status(live.get("status") or {}, body, now)})

        caller = self._caller(note)
        return Patch(resource, key.namespace, key.name, change, "status", target.uid, caller=caller, event=note)

    def _bind(self, action: Action) -> Operation:
        pod, node, event = action.values
        _, key = _place(pod)
        note = self._note(event, pod)
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": key.name}, "target": target}
        return Bind(key.namespace, key.name, binding, pod.uid, self._caller(note), note)

    def _note(self, event: object, about: Ref) -> EventNote | None:
        """The Event to write beside the action; none where the object it is about has gone meanwhile."""
        said = from_json(event)
        key = key_of(about.path)
        live = self._writer.store.get(key) if key else None
        if said is None or live is None:
            return None
        said = _mapping(said, "an event")
        fields = {name: str(said.get(name, "")) for name in ("type", "reason", "message", "component", "action")}
        return EventNote(live, **fields, host=self._host)

    def _caller(self, note: EventNote | None) -> Caller:
        return Caller(manager=_MANAGERS.get(note.component if note else "", self._manager))


def _reason(operation: Operation, error: ApiError) -> str:
    """Why an operation was refused. A name that was only made up for it is said as its beginning, as Kubernetes does:
    the same refusal has the same words every time."""
    metadata = operation.object.get("metadata", {}) if isinstance(operation, Create) else {}
    base = metadata.get("generateName")
    return error.message.replace(f'"{metadata["name"]}"', f'"{base}"') if base else error.message


def _place(target: Ref) -> tuple[resources.Resource, Key]:
    """Where an object is stored."""
    resource, key = resource_of(target.path), key_of(target.path)
    if resource is None or key is None:
        raise ApiError("NotFound", f"{target.path} names no object")
    return resource, key


def _mapping(value: Any, what: str) -> RawObject:
    """`value`, which a rule has put together, where it is a JSON object at all."""
    if not isinstance(value, dict):
        raise ApiError("BadRequest", f"{what} must be a JSON object, not {type(value).__name__} {value!r}"[:200])
    return value


def _typed(raw: RawObject) -> RawObject:
    """`raw` as an object of its kind, as a body that came through the API is. Raises ApiError for wrong types."""
    api_version, kind = raw["apiVersion"], raw["kind"]
    schema = type_of(api_version, kind)
    if schema is None:
        return raw
    decoded = decode(schema, raw)
    if decoded.error:
        raise ApiError("BadRequest", f"{kind} cannot be handled: {decoded.error}")
    return {"apiVersion": api_version, "kind": kind} | decoded.value


def _stamped(value: Any, now: str) -> Any:
    """`value` with every "$now" replaced."""
    if isinstance(value, dict):
        return {key: _stamped(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [_stamped(item, now) for item in value]
    return now if value == NOW else value
