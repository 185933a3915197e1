"""`kubectl --as`: a request made in somebody else's name.

The headers Impersonate-User, Impersonate-Group, Impersonate-Uid and Impersonate-Extra-KEY name whom to be. The
authorizer is asked for the verb `impersonate` on each of them; the request then goes on as that user alone.

Source: k8s.io/apiserver/pkg/endpoints/filters/impersonation.
"""

from __future__ import annotations

from aiohttp import web

from rulekube.api import access
from rulekube.api.access import Attributes, Authorize
from rulekube.api.status import internal
from rulekube.facts.admission import User

_USER, _GROUP, _UID, _EXTRA = "Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-"
_ACCOUNT = "system:serviceaccount:"
_AUTHENTICATED = "system:authenticated"
_CONSTRAINED = "impersonate-on:user-info:"  # the verb that a refusal names


def effective(request: web.Request, user: User, authorize: Authorize | None, asked: Attributes) -> User:
    """The user a request is made for. Raises Forbidden where `user` may not be somebody else."""
    name = request.headers.get(_USER, "")
    groups = tuple(request.headers.getall(_GROUP, []))
    uid = request.headers.get(_UID, "")
    extra = {key[len(_EXTRA) :].lower(): (value,) for key, value in request.headers.items() if key.startswith(_EXTRA)}
    if not name:
        if groups or uid or extra:
            raise internal(f"requested {[*groups, uid, *extra]} impersonation without impersonating a user")
        return user
    questions = [_whom(user, name), *(Attributes(user, "impersonate", resource="groups", name=one) for one in groups)]
    group = "authentication.k8s.io"
    questions += [Attributes(user, "impersonate", group, resource="uids", name=uid)] if uid else []
    questions += [
        Attributes(user, "impersonate", group, resource="userextras", subresource=key, name=value)
        for key, values in extra.items()
        for value in values
    ]
    for question in questions:
        if authorize is not None and not authorize(question)[0]:
            raise access.forbidden(asked._replace(verb=_CONSTRAINED + asked.verb))
    return User(name, uid, _groups(name, groups), extra)


def _whom(user: User, name: str) -> Attributes:
    """The question whether `user` may be `name`."""
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        namespace, account = name.split(":")[2:]
        return Attributes(user, "impersonate", resource="serviceaccounts", namespace=namespace, name=account)
    return Attributes(user, "impersonate", resource="users", name=name)


def _groups(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """The groups of the other: those asked for, and those that come with the name."""
    if name.startswith(_ACCOUNT) and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}")
    return groups if _AUTHENTICATED in groups or name == "system:anonymous" else (*groups, _AUTHENTICATED)
