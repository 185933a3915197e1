"""Kubernetes' own words for the requests that fail, as ApiErrors.

Source: k8s.io/apimachinery/pkg/api/errors (NewNotFound, NewAlreadyExists, NewConflict, NewForbidden …) and, for the
preconditions, pkg/registry/rest/delete.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from rulekube.errors import ApiError
from rulekube.facts.resources import Resource
from rulekube.selectors.field_error import FieldError, aggregate

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def _details(resource: Resource, name: str) -> dict[str, object]:
    details: dict[str, object] = {"name": name}
    if resource.group:
        details["group"] = resource.group
    return {**details, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> ApiError:
    """404: no such object."""
    return ApiError("NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str) -> ApiError:
    """409: the name is taken."""
    return ApiError("AlreadyExists", f'{resource.qualified} "{name}" already exists', _details(resource, name))


def name_exhausted(resource: Resource, name: str) -> ApiError:
    """409: the suffix drawn for a generateName is taken; asking again may help."""
    taken = f'{resource.qualified} "{name}" already exists'
    text = f"{taken}, the server was not able to generate a unique name for the object"
    return ApiError("AlreadyExists", text, {**_details(resource, name), "retryAfterSeconds": 1})


def invalid(resource: Resource, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422: fields that break a rule, each a cause."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    causes = [{"reason": error.type, "message": error.body, "field": error.field} for error in errors]
    details: dict[str, object] = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details |= {"kind": resource.kind, "causes": causes}
    return ApiError("Invalid", f'{kind} "{name}" is invalid: {aggregate(errors)}', details)


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> ApiError:
    """409: the object is not in the state the request supposes."""
    text = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ApiError("Conflict", text, _details(resource, name))


def stale_uid(resource: Resource, namespace: str, name: str, expected: str, actual: str) -> ApiError:
    """409: a whole object was sent back whose uid is another object's."""
    place = "/".join(part for part in ("/registry", resource.plural, namespace, name) if part)
    return conflict(
        resource,
        name,
        f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {expected}, UID in object meta: {actual}",
    )


def precondition(resource: Resource, name: str, field: str, expected: str, actual: str) -> ApiError:
    """409: a deletion's precondition on `field` (UID, ResourceVersion) does not hold."""
    hint = "deleted and then recreated" if field == "UID" else "modified"
    text = (
        f'Operation cannot be fulfilled on {resource.kind} "{name}": the {field} in the precondition ({expected}) '
        f"does not match the {field} in record ({actual}). The object might have been {hint}"
    )
    return ApiError("Conflict", text, {**_details(resource, name), "kind": resource.kind})


def already_bound(name: str, node: str) -> ApiError:
    """409: the pod has a node."""
    text = f'Operation cannot be fulfilled on pods/binding "{name}": pod {name} is already assigned to node "{node}"'
    return ApiError("Conflict", text, {"name": name, "kind": "pods/binding"})


def binding_deleted(name: str) -> ApiError:
    """409: the pod is being deleted."""
    why = f"pod {name} is being deleted, cannot be assigned to a host"
    text = f'Operation cannot be fulfilled on pods/binding "{name}": {why}'
    return ApiError("Conflict", text, {"name": name, "kind": "pods/binding"})


def revision_on_create() -> ApiError:
    """500, without a reason, as the real one answers it."""
    return ApiError("", "resourceVersion should not be set on objects to be created", code=500)


def bad_request(text: str) -> ApiError:
    """400."""
    return ApiError("BadRequest", text)
