"""Discovery: which groups, versions and resources there are, from the table of kinds alone.

Two forms of the same: the legacy documents (APIVersions, APIGroupList, APIResourceList), and the aggregated one that
kubectl asks for first and that carries an ETag.

Source: k8s.io/apiserver/pkg/endpoints/discovery.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec

from rulekube.facts.resources import Resource, Subresource

RawObject = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Discovery:
    """The documents for one table of kinds. Groups are in the table's order, resources by name."""

    def __init__(self, table: Sequence[Resource]) -> None:
        self._versions: dict[str, dict[str, list[Resource]]] = {}
        for resource in table:
            self._versions.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        for versions in self._versions.values():
            for resources in versions.values():
                resources.sort(key=lambda resource: resource.plural)

    @cached_property
    def core(self) -> RawObject:
        """APIVersions, the legacy document at /api."""
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
        return {"kind": "APIVersions", "versions": list(self._versions[""]), "serverAddressByClientCIDRs": addresses}

    @cached_property
    def groups(self) -> RawObject:
        """APIGroupList, the legacy document at /apis."""
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*item) for item in self._named()]}

    def group(self, name: str) -> RawObject | None:
        """APIGroup, at /apis/NAME; None where there is none of that name."""
        if not name or name not in self._versions:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, list(self._versions[name]))}

    def resources(self, group: str, version: str) -> RawObject | None:
        """APIResourceList, at /api/v1 or /apis/GROUP/VERSION."""
        found = self._versions.get(group, {}).get(version)
        if found is None:
            return None
        entries = [entry for resource in found for entry in _legacy(resource)]
        group_version = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            **({"apiVersion": "v1"} if group else {}),
            "groupVersion": group_version,
            "resources": sorted(entries, key=lambda entry: entry["name"]),
        }

    @cached_property
    def aggregated_core(self) -> Aggregated:
        """The aggregated document at /api."""
        return Aggregated([{"metadata": {}, "versions": self._aggregated("")}])

    @cached_property
    def aggregated_groups(self) -> Aggregated:
        """The aggregated document at /apis."""
        return Aggregated(
            [{"metadata": {"name": name}, "versions": self._aggregated(name)} for name, _ in self._named()]
        )

    def _named(self) -> list[tuple[str, list[str]]]:
        return [(name, list(versions)) for name, versions in self._versions.items() if name]

    def _aggregated(self, group: str) -> list[RawObject]:
        return [
            {"version": version, "resources": [_aggregated(resource) for resource in resources], "freshness": "Current"}
            for version, resources in self._versions[group].items()
        ]

    @property
    def paths(self) -> RawObject:
        """RootPaths, the document at /."""
        versions = [f"/apis/{group}/{version}" for group, version, _ in self.group_versions if group]
        groups = [f"/apis/{group}" for group in self._versions if group]
        own = ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
        return {"paths": sorted([*own, *groups, *versions])}

    @property
    def group_versions(self) -> list[tuple[str, str, list[Resource]]]:
        """Every (group, version, resources)."""
        return [(group, version, found) for group, all_ in self._versions.items() for version, found in all_.items()]


class Aggregated:
    """One aggregated document, encoded, with its ETag."""

    def __init__(self, items: list[RawObject]) -> None:
        head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
        self.body = msgspec.json.encode({**head, "items": items})
        self.etag = f'"{hashlib.sha512(self.body).hexdigest().upper()}"'

    @staticmethod
    def wanted(accept: str) -> bool:
        """Whether a client asks for this form before the legacy one."""
        for clause in accept.split(","):
            parts = {part.strip() for part in clause.split(";")}
            if "application/json" in parts and "as=APIGroupDiscoveryList" in parts and "v=v2" in parts:
                return True
            if parts == {"application/json"}:
                return False
        return False


def _group(name: str, versions: list[str]) -> RawObject:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _verbs(resource: Resource) -> list[str]:
    return sorted(resource.verbs)


def _legacy(resource: Resource) -> list[RawObject]:
    own: RawObject = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        own["shortNames"] = list(resource.short_names)
    if resource.categories:
        own["categories"] = list(resource.categories)
    if "watch" in resource.verbs:
        group = resource.group if not resource.stored_as else ""
        digest = hashlib.sha256(f"{group}/{resource.version}/{resource.kind}".encode()).digest()
        own["storageVersionHash"] = base64.b64encode(digest[:8]).decode()
    return [own, *(_legacy_subresource(resource, sub) for sub in resource.subresources)]


def _legacy_subresource(resource: Resource, sub: Subresource) -> RawObject:
    entry: RawObject = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    if sub.version:
        entry |= {"group": sub.group, "version": sub.version}
    return {**entry, "kind": sub.kind or resource.kind, "verbs": sorted(sub.verbs)}


def _aggregated(resource: Resource) -> RawObject:
    entry: RawObject = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind or resource.kind},
                "verbs": sorted(sub.verbs),
            }
            for sub in sorted(resource.subresources, key=lambda sub: sub.name)
        ]
    return entry
