"""May they? The question that is put to the authorizer (rules decide), and Kubernetes' words for a no.

Source: k8s.io/apiserver/pkg/authorization/authorizer.Attributes, pkg/endpoints/handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rulekube.api.paths import Target
from rulekube.errors import ApiError
from rulekube.facts.admission import User


class Attributes(NamedTuple):
    """What is asked for. `path` is set where it is no resource, and `resource` is "" then."""

    user: User
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


Authorize = Callable[[Attributes], tuple[bool, str]]


def attributes(user: User, target: Target, path: str) -> Attributes:
    """The question that a request raises."""
    if not target.plural:
        return Attributes(user, target.verb, path=path)
    return Attributes(
        user,
        target.verb,
        target.group,
        target.version,
        target.plural,
        target.subresource,
        target.namespace,
        target.name,
    )


def check(authorize: Authorize | None, asked: Attributes) -> None:
    """Raise Forbidden unless the authorizer allows it. Without an authorizer everything is allowed."""
    if authorize is None:
        return
    allowed, reason = authorize(asked)
    if not allowed:
        raise forbidden(asked, reason)


def forbidden(asked: Attributes, reason: str = "") -> ApiError:
    """The error for a request that is not allowed."""
    user = f'User "{asked.user.name}" cannot'
    tail = f": {reason}" if reason else ""
    if not asked.resource:
        return ApiError("Forbidden", f'forbidden: {user} {asked.verb} path "{asked.path}"{tail}', {})
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f'{qualified} "{asked.name}"' if asked.name else qualified
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: {user} {asked.verb} resource "{resource}" in API group "{asked.group}" {scope}{tail}'
    )
    details: dict[str, object] = {"name": asked.name} if asked.name else {}
    if asked.group:
        details["group"] = asked.group
    return ApiError("Forbidden", message, {**details, "kind": asked.resource})
