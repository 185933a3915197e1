"""The error a client sees for an object with faults.

Source: NewInvalid (k8s.io/apimachinery/pkg/api/errors), ErrorList.ToAggregate (util/validation/field).
"""

from __future__ import annotations

from collections.abc import Sequence

from rulekube.errors import ApiError
from rulekube.facts.admission import Invalid, Request
from rulekube.facts.resources import Resource
from rulekube.facts.validation import pod
from rulekube.facts.validation.kinds import validate
from rulekube.selectors.field_error import FieldError, aggregate


def invalid(resource: Resource, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422 with one cause for each error; the message joins them all."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details: dict[str, object] = {"name": name, **({"group": resource.group} if resource.group else {})}
    causes = [{"reason": error.type, "message": error.body, "field": error.field} for error in errors]
    message = f'{kind} "{name}" is invalid: {aggregate(errors)}'
    return ApiError("Invalid", message, {**details, "kind": resource.kind, "causes": causes})


def refuse(request: Request, also: Sequence[Invalid] = ()) -> None:
    """Raise the error of a request's object, where it has one; `also` are the fields that admission refused.

    Privileged containers are allowed here: whether a policy forbids them is for admission's rules to say.
    """
    new = request.object
    if new is None:
        return
    if request.subresource == "binding":
        errors = list(pod.bind(new))
    else:
        errors = validate(request.resource, new, request.old, request.subresource, allow_privileged=True)
    errors += [FieldError(refused.type, refused.field, refused.value, refused.detail) for refused in also]
    if errors:
        raise invalid(request.resource, request.name, errors)
