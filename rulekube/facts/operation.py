"""The operations the writer performs, as values: an API handler makes one, the objects actuator a list of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from rulekube.facts.admission import SYSTEM, User
from rulekube.facts.deletion import DEFAULT_OPTIONS, DeleteOptions
from rulekube.facts.event import EventNote
from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who writes. `manager` names the field manager of what the write sets; "" where the object says who owns what."""

    user: User = SYSTEM
    manager: str = "rulekube"
    dry_run: bool = False


CONTROL_PLANE = Caller()


@dataclass(frozen=True, slots=True)
class Create:
    """Write a new object; its name is metadata.name, else made from metadata.generateName."""

    resource: Resource
    namespace: str
    object: RawObject
    caller: Caller = CONTROL_PLANE
    event: EventNote | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace an object, or one of its subresources. A resourceVersion or uid in `object` must be the present one."""

    resource: Resource
    namespace: str
    name: str
    object: RawObject
    subresource: str = ""
    caller: Caller = CONTROL_PLANE
    event: EventNote | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """Replace an object by what `change` makes of the present one (which it must not mutate).

    `uid`: only this very object, else Conflict.
    """

    resource: Resource
    namespace: str
    name: str
    change: Callable[[RawObject], RawObject]
    subresource: str = ""
    uid: str | None = None
    caller: Caller = CONTROL_PLANE
    event: EventNote | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object, at once or by its grace period and finalizers."""

    resource: Resource
    namespace: str
    name: str
    options: DeleteOptions = DEFAULT_OPTIONS
    caller: Caller = CONTROL_PLANE
    event: EventNote | None = None


@dataclass(frozen=True, slots=True)
class Bind:
    """Give a pod its node: the binding subresource. `uid`: only this very pod."""

    namespace: str
    name: str
    binding: RawObject
    uid: str | None = None
    caller: Caller = CONTROL_PLANE
    event: EventNote | None = None


Operation = Create | Update | Patch | Delete | Bind


class Written(NamedTuple):
    """What an operation did. `type`: ADDED, MODIFIED, DELETED, or "" where nothing had to be written (`object` is then
    what is stored). `object` is what to answer."""

    object: RawObject
    type: str
    warnings: list[str]
