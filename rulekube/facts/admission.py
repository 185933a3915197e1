"""What the writer asks of admission, and what admission may answer. The judging is done by rules (`rules/admission`);
these are the shapes that pass between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


class User(NamedTuple):
    """Who asks: authentication.k8s.io/v1 UserInfo."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = {}


SYSTEM = User("system:rulekube", "", ("system:masters", "system:authenticated"))


class Request(NamedTuple):
    """One write to be judged. `operation` is CREATE, UPDATE or DELETE; `object` is as it would be written, None for a
    deletion (the Binding itself for `pods/binding`); `old` is what is stored, None for a creation."""

    operation: str
    resource: Resource
    subresource: str
    namespace: str
    name: str
    object: RawObject | None
    old: RawObject | None
    user: User
    dry_run: bool


class Denial(NamedTuple):
    """A refusal: a metav1.StatusReason, the whole text that the user reads, `.details` of the Status."""

    reason: str
    message: str
    details: dict[str, object] | None = None


class Invalid(NamedTuple):
    """One refused field; joins the errors of validation. `type` as in `.details.causes[].reason`."""

    field: str
    type: str
    value: Any
    detail: str


class Verdict(NamedTuple):
    """The judgement. Patches are (path as in the built-in `at`, value): None removes, missing parents are made."""

    denials: list[Denial]
    patches: list[tuple[str, Any]]
    warnings: list[str]
    invalid: Sequence[Invalid] = ()


Admit = Callable[[Request], Verdict]
ALLOWED = Verdict([], [], [])


def allow(_request: Request) -> Verdict:
    """The admission of a cluster without rules: everything as it is."""
    return ALLOWED
