"""Reviews: kinds that are asked, not stored. Who am I, and may I?

Source: authentication.k8s.io/v1 SelfSubjectReview; authorization.k8s.io/v1 SelfSubjectAccessReview and
SubjectAccessReview.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from rulekube.api import bodies
from rulekube.api.access import Attributes, Authorize
from rulekube.api.requests import Call, respond
from rulekube.api.writes import caller, plain, write_options
from rulekube.facts import managed_fields
from rulekube.facts.admission import User
from rulekube.facts.timestamp import format_time

RawObject = dict[str, Any]


class Reviews:
    """The handlers, by the resource's key."""

    def __init__(self, authorize: Authorize | None) -> None:
        self._authorize = authorize
        self.handlers: dict[str, Callable[[Call], Awaitable[web.StreamResponse]]] = {
            "selfsubjectreviews.authentication.k8s.io": self.who_am_i,
            "selfsubjectaccessreviews.authorization.k8s.io": self.may_i,
            "subjectaccessreviews.authorization.k8s.io": self.may_they,
        }

    async def who_am_i(self, call: Call) -> web.StreamResponse:
        """SelfSubjectReview."""
        review = await _asked(call)
        review["metadata"] = {**review.get("metadata", {}), "creationTimestamp": format_time(call.now)}
        return respond(plain(call), {**review, "status": {"userInfo": _user_info(call.user)}}, 201)

    async def may_i(self, call: Call) -> web.StreamResponse:
        """SelfSubjectAccessReview."""
        return await self._judged(call, lambda _spec: call.user)

    async def may_they(self, call: Call) -> web.StreamResponse:
        """SubjectAccessReview, about the user of its spec."""
        return await self._judged(
            call, lambda spec: User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()))
        )

    async def _judged(self, call: Call, user: Callable[[RawObject], User]) -> web.StreamResponse:
        review = await _asked(call)
        who = caller(call, write_options(call, "CreateOptions")).manager
        entries = managed_fields.updated(None, review, manager=who, time=format_time(call.now))
        review["metadata"] = {**review.get("metadata", {}), "managedFields": entries}
        spec = review.get("spec", {})
        allowed, reason = self._authorize(_attributes(user(spec), spec)) if self._authorize else (True, "")
        status = {"allowed": allowed, **({"reason": reason} if reason else {})}
        return respond(plain(call), {**review, "status": status}, 201)


async def _asked(call: Call) -> RawObject:
    """The review in a request's body."""
    validation = write_options(call, "CreateOptions").validation
    kind = (call.resource.api_version, call.resource.kind)
    return bodies.read_object(call, await bodies.read(call), validation, kind)


def _attributes(user: User, spec: RawObject) -> Attributes:
    """The question of a review; "*" and "" mean the same as in a request."""
    if asked := spec.get("resourceAttributes"):
        names = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
        return Attributes(user, **{name: asked.get(name, "") for name in names})
    path = spec.get("nonResourceAttributes") or {}
    return Attributes(user, path.get("verb", ""), path=path.get("path", ""))


def _user_info(user: User) -> RawObject:
    """authentication.k8s.io/v1 UserInfo."""
    info: RawObject = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
