"""Event objects: the mark a transition leaves, written in the transition's own transaction.

Two shapes are stored under one kind, as by a real control plane: controllers record through the core recorder (count,
first and last time, `source`), the scheduler through events.k8s.io (`eventTime`, `action`, no count). An Event is named
from what it says, so the same thing said again is the same Event: its count grows, and no replay can double it.

Source: k8s.io/client-go tools/record/event.go makeEvent, tools/events/event_recorder.go; conversion of the two API
versions: pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from rulekube.facts.timestamp import format_micro_time, format_time

RawObject = dict[str, Any]
HOST = "rulekube"  # where a control plane's recorders say they run, when nobody says


@dataclass(frozen=True, slots=True)
class EventNote:
    """What an Event shall say: `type` Normal or Warning; `action` only from events.k8s.io recorders (the scheduler).

    `about` is the object it is about; `{name}` in the message is the name of the object written beside it.
    """

    about: RawObject
    type: str
    reason: str
    message: str
    component: str
    action: str = ""
    host: str = ""

    def named(self, name: str) -> EventNote:
        """With the name of the object written beside it filled in."""
        return replace(self, message=self.message.replace("{name}", name))


def event_namespace(note: EventNote) -> str:
    """Events about cluster-scoped objects live in `default`."""
    return note.about["metadata"].get("namespace") or "default"


def event_name(note: EventNote) -> str:
    """`<object>.1<15 hex digits>`, the digits a digest of what is said by whom about whom."""
    metadata = note.about["metadata"]
    said = "\0".join((metadata.get("uid", ""), note.type, note.reason, note.message, note.component, note.action))
    return f"{metadata['name']}.1{hashlib.sha256(said.encode()).hexdigest()[:15]}"


def build_event(note: EventNote, live: RawObject | None, now: int) -> RawObject:
    """The Event to write: a new one, or `live` seen once more."""
    if live is not None:
        return _again(live, now)
    metadata = note.about["metadata"]
    involved = {
        "kind": note.about["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "apiVersion": note.about["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion"),
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event_name(note), "namespace": event_namespace(note)},
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": note.reason,
        "message": note.message,
        "type": note.type,
        "reportingComponent": note.component,
    }
    return event | (_modern(note, now) if note.action else _classic(note, now))


def _classic(note: EventNote, now: int) -> RawObject:
    host = {"host": note.host} if note.host else {}
    return {
        "source": {"component": note.component, **host},
        "firstTimestamp": format_time(now),
        "lastTimestamp": format_time(now),
        "count": 1,
        "eventTime": None,
        "reportingInstance": note.host,
    }


def _modern(note: EventNote, now: int) -> RawObject:
    return {
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": format_micro_time(now),
        "action": note.action,
        "reportingInstance": f"{note.component}-{note.host or HOST}",
    }


def _again(live: RawObject, now: int) -> RawObject:
    if live.get("eventTime"):
        seen = live.get("series") or {"count": 1}
        return {**live, "series": {"count": seen["count"] + 1, "lastObservedTime": format_micro_time(now)}}
    return {**live, "count": live.get("count", 1) + 1, "lastTimestamp": format_time(now)}


_RENAMED = (  # events.k8s.io/v1, core/v1
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
)


def to_events_v1(core: RawObject) -> RawObject:
    """A stored Event as events.k8s.io/v1 shows it."""
    names = {old: new for new, old in _RENAMED}
    return {names.get(key, key): value for key, value in core.items()} | {"apiVersion": "events.k8s.io/v1"}


def from_events_v1(shown: RawObject) -> RawObject:
    """An events.k8s.io/v1 Event as it is stored."""
    names = dict(_RENAMED)
    return {names.get(key, key): value for key, value in shown.items()} | {"apiVersion": "v1"}
