"""What a request is about: its path taken apart as Kubernetes' own RequestInfo does.

    /api/v1/namespaces/shop/pods/cart/log      group "", version v1, namespace shop, pods, cart, log
    /apis/apps/v1/watch/deployments            group apps, version v1, deployments, verb watch
    /healthz                                   no resource

Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from typing import NamedTuple

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


class Target(NamedTuple):
    """What a request asks for. Where the path is no resource, `plural` is "" and `verb` the method in lower case."""

    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""


def parse(method: str, path: str, *, watch: bool = False) -> Target:
    """The target of a request; `watch`: its query asks for a watch."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return Target(method.lower())
    if rest[0] == "watch" and len(rest) > 1:
        rest, watch = rest[1:], True
    namespace, rest = _namespace(rest)
    plural, name, subresource = (*rest[:3], "", "")[:3] if len(rest) < 3 else (rest[0], rest[1], "/".join(rest[2:]))
    return Target(_verb(method, name, watch), group, version, namespace, plural, name, subresource)


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    """The namespace and the resource's own parts; `namespaces/x` alone is the object x, in its own namespace."""
    if rest[0] != "namespaces" or len(rest) < 2:
        return "", rest
    if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        return rest[1], rest[2:]
    return rest[1], rest


def _verb(method: str, name: str, watch: bool) -> str:
    verb = _VERBS.get(method, method.lower())
    if name:
        return "watch" if watch and verb == "get" else verb
    if verb == "get":
        return "watch" if watch else "list"
    return "deletecollection" if verb == "delete" else verb
