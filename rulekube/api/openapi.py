"""OpenAPI v3: an index at /openapi/v3 and one document per group and version.

kubectl reads them for two ends: whether writes of a kind take the `fieldValidation` parameter (the operations, with
their x-kubernetes-group-version-kind), and what `explain`, patches and edits need to know of its fields (the schemas).
Both follow from the table of kinds and the schema extract. A document is encoded when it is first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from rulekube.api.discovery import Discovery
from rulekube.api.version import MINOR
from rulekube.facts.resources import Resource, Subresource
from rulekube.facts.schema import definition_name, definitions

RawObject = dict[str, Any]
_PREFIX = "#/components/schemas/"
_ACTIONS = {"create": "post", "update": "put", "patch": "patch", "delete": "delete", "get": "get", "list": "get"}
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_QUERY = {
    "dryRun": "Whether to change nothing: All.",
    "fieldManager": "The name of whoever makes the change.",
    "fieldValidation": "What to do with unknown or doubled fields: Ignore, Warn or Strict.",
}


class OpenApi:
    """The documents for one table of kinds."""

    def __init__(self, discovery: Discovery) -> None:
        self._resources = {_path(group, version): found for group, version, found in discovery.group_versions}
        self._encoded: dict[str, tuple[bytes, str]] = {}

    def index(self) -> RawObject:
        """Where the documents are. The hash changes with a document, so clients may keep what they have."""
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self._document(path)[1]}"}
            for path in self._resources
        }
        return {"paths": paths}

    def document(self, path: str) -> tuple[bytes, str] | None:
        """A document, encoded, and its hash; None where there is none. `path` is like `api/v1` or `apis/apps/v1`."""
        return self._document(path) if path in self._resources else None

    def _document(self, path: str) -> tuple[bytes, str]:
        if path not in self._encoded:
            body = msgspec.json.encode(_document(path, self._resources[path]))
            self._encoded[path] = (body, hashlib.sha512(body).hexdigest().upper())
        return self._encoded[path]


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _document(path: str, resources: list[Resource]) -> RawObject:
    paths = {place: operations for resource in resources for place, operations in _paths(path, resource)}
    roots = [definition_name(resource.api_version, resource.kind) for resource in resources]
    roots += [definition_name(resource.api_version, resource.list_kind) for resource in resources]
    roots += [definition_name(*_body_kind(resource, sub)) for resource in resources for sub in resource.subresources]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"1.{MINOR}"},
        "paths": paths,
        "components": {"schemas": _reachable([root for root in roots if root])},
    }


def _paths(root: str, resource: Resource) -> Iterator[tuple[str, RawObject]]:
    """Each path of a resource with its operations."""
    place = f"/{root}/namespaces/{{namespace}}" if resource.namespaced else f"/{root}"
    collection = f"{place}/{resource.plural}"
    one = f"{collection}/{{name}}"
    kind = (resource.api_version, resource.kind)
    yield collection, _operations(kind, resource, [verb for verb in resource.verbs if verb in ("create", "list")])
    yield (
        one,
        _operations(kind, resource, [verb for verb in resource.verbs if verb in ("get", "update", "patch", "delete")]),
    )
    for sub in resource.subresources:
        verbs = [verb for verb in sub.verbs if verb in _ACTIONS]
        yield f"{one}/{sub.name}", _operations(_body_kind(resource, sub), resource, verbs)


def _body_kind(resource: Resource, sub: Subresource) -> tuple[str, str]:
    if not sub.kind:
        return resource.api_version, resource.kind
    if not sub.version:
        return resource.api_version, sub.kind
    return (f"{sub.group}/{sub.version}" if sub.group else sub.version), sub.kind


def _operations(kind: tuple[str, str], resource: Resource, verbs: list[str]) -> RawObject:
    return {_ACTIONS[verb]: _operation(kind, resource, verb) for verb in verbs}


def _operation(kind: tuple[str, str], resource: Resource, verb: str) -> RawObject:
    group, _, version = kind[0].rpartition("/")
    name = definition_name(*kind)
    schema = {"$ref": _PREFIX + name} if name else {"type": "object"}
    operation: RawObject = {
        "tags": [f"{resource.group.split('.')[0] or 'core'}_{resource.version}"],
        "operationId": f"{verb}{resource.group.title().replace('.', '')}{resource.kind}{kind[1]}",
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": {"group": group, "kind": kind[1], "version": version},
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
    }
    if verb in ("create", "update", "patch"):
        operation["parameters"] = [
            {"name": query, "in": "query", "description": text, "schema": {"type": "string", "uniqueItems": True}}
            for query, text in _QUERY.items()
        ]
        media = _PATCHES if verb == "patch" else ("*/*",)
        operation["requestBody"] = {"content": {one: {"schema": schema} for one in media}}
    return operation


def _reachable(roots: list[str]) -> RawObject:
    """The definitions of these names and all they refer to, in order of their names."""
    todo, kept = list(roots), set[str]()
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo.extend(_references(definitions()[name]))
    return {name: definitions()[name] for name in sorted(kept)}


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.removeprefix(_PREFIX)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
