"""The writer's question: may this request's object be stored?"""

from __future__ import annotations

from collections.abc import Sequence

from rulekube.facts.admission import Invalid, Request
from rulekube.facts.refusals import invalid
from rulekube.facts.validation import metadata, pod
from rulekube.facts.validation.kinds import validate
from rulekube.selectors.field_error import FieldError


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
        if request.old is not None:  # rest.BeforeUpdate looks at the metadata too, so its complaints come twice
            errors[:0] = metadata.updated(new["metadata"], request.old["metadata"])
    errors += [FieldError(refused.type, refused.field, refused.value, refused.detail) for refused in also]
    if errors:
        raise invalid(request.resource, request.name, errors)
