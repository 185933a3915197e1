"""One table from errors to answers: whatever a handler raises becomes a metav1.Status here and nowhere else.

Handlers raise `ApiError(reason, message, details)`; the store and the parsers raise their own. The constructors below
word the errors that more than one place needs.

Source: k8s.io/apimachinery/pkg/api/errors/errors.go; message texts as a 1.36 server gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rulekube.errors import ApiError, SelectorError
from rulekube.facts import refusals
from rulekube.facts.resources import Resource
from rulekube.facts.store import AlreadyExists, Compacted, Conflict, Key, NotFound

RawObject = dict[str, Any]
CODES = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Expired": 410,
    "Gone": 410,
    "RequestEntityTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "Timeout": 504,
}


def code_of(error: ApiError) -> int:
    """The HTTP status of an error."""
    return error.code or CODES.get(error.reason, 500)


def failure(error: ApiError) -> RawObject:
    """The Status that tells a client of an error."""
    status: RawObject = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details is not None:
        status["details"] = error.details
    return {**status, "code": code_of(error)}


def deleted(resource: Resource, name: str, uid: str) -> RawObject:
    """The Status that answers a deletion which took effect at once."""
    details: RawObject = {"name": name}
    if resource.group:
        details["group"] = resource.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details, "kind": resource.plural, "uid": uid},
    }


def no_such_path() -> ApiError:
    """Nothing is served there."""
    return ApiError("NotFound", "the server could not find the requested resource", {})


def not_served_yet(plural: str, subresource: str) -> ApiError:
    """A sub-path of a resource that Kubernetes serves and we do not, or one that nobody knows."""
    name = subresource.partition("/")[0]
    if name not in ("attach", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"):
        return no_such_path()
    return ApiError("NotFound", f"{plural}/{name} is not served by RuleKube yet", {})


def method_not_allowed() -> ApiError:
    """The path is served, but not with this method."""
    return ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def bad_request(message: str) -> ApiError:
    """The request is malformed."""
    return ApiError("BadRequest", message)


def internal(message: str) -> ApiError:
    """What Kubernetes answers with 500 and no reason."""
    return ApiError("", message, code=500)


def expired(requested: int, oldest: int) -> ApiError:
    """The history no longer reaches back to there."""
    return ApiError("Expired", f"too old resource version: {requested} ({oldest})")


def invalid_options(kind: str, causes: Sequence[tuple[str, str, str]]) -> ApiError:
    """Query parameters that make no sense; causes are (field, reason, message)."""
    texts = [f"{field}: {message}" for field, _, message in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, object] = {
        "group": "meta.k8s.io",
        "kind": kind,
        "causes": [{"reason": reason, "message": message, "field": field} for field, reason, message in causes],
    }
    return ApiError("Invalid", f'{kind}.meta.k8s.io "" is invalid: {joined}', details)


def translated(error: Exception, resource: Resource | None = None) -> ApiError:
    """What to tell a client of any exception that RuleKube raises on purpose; the others are not for here."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, SelectorError):
        return bad_request(str(error))
    if isinstance(error, Compacted):
        return expired(error.revision, error.compacted)
    if isinstance(error, (Conflict, AlreadyExists, NotFound)):
        return _of_store(error, error.key, resource)
    return internal(f"{type(error).__name__}: {error}")


_REFUSALS: dict[type[Exception], Callable[[Resource, str], ApiError]] = {
    Conflict: refusals.conflict,
    AlreadyExists: refusals.already_exists,
    NotFound: refusals.not_found,
}


def _of_store(error: Conflict | AlreadyExists | NotFound, key: Key, resource: Resource | None) -> ApiError:
    if resource is None or resource.key != key.resource:
        plural, _, group = key.resource.partition(".")
        resource = Resource(group, "", "", plural)
    make = _REFUSALS[type(error)]
    return make(resource, key.name)
