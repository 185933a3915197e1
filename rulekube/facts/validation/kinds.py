"""Which validation goes with which kind and subresource."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from rulekube.facts.resources import Resource
from rulekube.facts.validation import controller, data, endpoints, event, metadata, namespace, node, pod, service
from rulekube.facts.validation.checks import Errors, Raw
from rulekube.selectors import syntax
from rulekube.selectors.field_error import FieldError

Create = Callable[[Raw], Errors]
Update = Callable[[Raw, Raw], Errors]


class Checks(NamedTuple):
    """The checks of one kind. `status` is for its status subresource; without, metadata alone is looked at there."""

    create: Create
    update: Update
    status: Update | None = None


def _account(new: Raw) -> Errors:
    yield from metadata.created(new["metadata"], True, syntax.dns1123_subdomain)


def _account_update(new: Raw, old: Raw) -> Errors:
    yield from metadata.updated(new["metadata"], old["metadata"])
    yield from _account(new)


def _metadata_update(new: Raw, old: Raw) -> Errors:
    yield from metadata.updated(new["metadata"], old["metadata"])


KINDS: Final[dict[str, Checks]] = {
    "configmaps": Checks(data.create_config_map, data.update_config_map),
    "endpoints": Checks(endpoints.create, endpoints.update),
    "endpointslices.discovery.k8s.io": Checks(endpoints.create_slice, endpoints.update_slice),
    "events": Checks(event.create, event.update),
    "leases.coordination.k8s.io": Checks(_account, _account_update),
    "namespaces": Checks(namespace.create, namespace.update, namespace.update_status),
    "nodes": Checks(node.create, node.update, node.update),
    "pods": Checks(pod.create, pod.update, pod.update_status),
    "replicationcontrollers": Checks(controller.create, controller.update, controller.update_status),
    "secrets": Checks(data.create_secret, data.update_secret),
    "serviceaccounts": Checks(_account, _account_update),
    "services": Checks(service.create, service.update),
}
PRIVILEGED: Final = frozenset({"pods", "replicationcontrollers"})  # kinds that say whether containers may be privileged


def validate(
    resource: Resource,
    new: dict[str, Any],
    old: dict[str, Any] | None = None,
    subresource: str = "",
    *,
    allow_privileged: bool = False,
) -> list[FieldError]:
    """Every complaint about a new object, or about the change from `old` to `new` (by a write to `subresource`)."""
    checks = KINDS.get(resource.key)
    if checks is None:
        return []
    options = {"allow_privileged": allow_privileged} if resource.key in PRIVILEGED and not subresource else {}
    if old is None:
        return list(partial(checks.create, **options)(new))
    if subresource == "status":
        return list((checks.status or _metadata_update)(new, old))
    if subresource == "finalize":
        return list(namespace.finalize(new, old))
    return list(partial(checks.update, **options)(new, old))
