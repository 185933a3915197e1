"""Kinds that are stored as another: Events of events.k8s.io are core Events under other field names.

A row of the table of kinds that has `stored_as` is such a view; what a client sends is turned into the stored form
before it is written, and back before it is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rulekube.facts import resources
from rulekube.facts.event import from_events_v1, to_events_v1
from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


class View(NamedTuple):
    """How to show a stored object, and how to store a shown one."""

    show: Callable[[RawObject], RawObject]
    store: Callable[[RawObject], RawObject]


VIEWS = {"events.k8s.io/v1": View(to_events_v1, from_events_v1)}


def shown(resource: Resource, obj: RawObject) -> RawObject:
    """A stored object as clients of this resource see it."""
    return VIEWS[resource.api_version].show(obj) if resource.stored_as else obj


def stored(resource: Resource, raw: RawObject) -> RawObject:
    """What a client of this resource sent, as it is stored."""
    return VIEWS[resource.api_version].store(raw) if resource.stored_as else raw


def stored_row(resource: Resource) -> Resource:
    """The row that owns the storage."""
    return resources.row(resource.key) if resource.stored_as else resource
