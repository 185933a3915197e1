"""Containers, of pods and of templates: init, regular and ephemeral ones.

Source: validateContainerCommon, validateContainers, validateInitContainers (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rulekube.facts.validation import environment, probe, resource, security, volume
from rulekube.facts.validation.checks import (
    PROTOCOLS,
    Errors,
    Raw,
    items,
    named,
    one_of,
    port,
    present,
    present_and_named,
)
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, not_supported, required

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES: Final = ("File", "FallbackToLogsOnError")
_RESTARTS: Final = ("Always", "Never", "OnFailure")
_RESIZED: Final = {"resourceName": ("cpu", "memory"), "restartPolicy": ("NotRequired", "RestartContainer")}


class Surroundings(NamedTuple):
    """What a container is judged by beyond itself."""

    volumes: Mapping[str, Raw]
    claims: frozenset[str]
    grace: int | None  # the pod's grace period in seconds
    restart: str  # the pod's restart policy
    host_users: bool
    allow_privileged: bool


def regular(spec: Raw, path: str, around: Surroundings) -> Errors:
    """`containers`."""
    if not spec.get("containers"):
        yield required(f"{path}.containers")
        return
    seen: set[str] = set()
    for at, container in items(spec, "containers", path):
        yield from _common(at, container, around)
        name = container.get("name") or ""
        if name in seen:
            yield FieldError(DUPLICATE, f"{at}.name", name)
        seen.add(name)
        yield from probe.allowed(container, at, around.grace)
        if container.get("restartPolicy") is not None:
            yield from _restart_policy(at, container)
    yield from _host_ports(spec, path)


def init(spec: Raw, path: str, around: Surroundings) -> Errors:
    """`initContainers`."""
    seen = {container.get("name") or "" for container in spec.get("containers") or ()}
    for at, container in items(spec, "initContainers", path):
        yield from _common(at, container, around)
        if container.get("restartPolicy") is not None:
            yield from _restart_policy(at, container)
        name = container.get("name") or ""
        if name in seen:
            yield FieldError(DUPLICATE, f"{at}.name", name)
        elif name:
            seen.add(name)
        yield from _host_ports({"containers": [container]}, path, "initContainers")
        sidecar = container.get("restartPolicy") == "Always"
        yield from probe.allowed(container, at, around.grace) if sidecar else probe.disallowed(container, at)


def images_trimmed(spec: Raw, path: str) -> Errors:
    """Of pods, but not of templates: images are not padded."""
    for field in ("containers", "initContainers"):
        for at, container in items(spec, field, path):
            yield from image_trimmed(at, container)


def image_trimmed(path: str, container: Raw) -> Errors:
    """An image is not padded."""
    image = container.get("image") or ""
    if image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _common(path: str, container: Raw, around: Surroundings) -> Errors:
    yield from present_and_named(f"{path}.name", container.get("name") or "", syntax.dns1123_label)
    yield from present(f"{path}.image", container.get("image"))
    policy = container.get("terminationMessagePolicy") or ""
    yield from one_of(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)
    yield from _ports(path, container)
    yield from environment.variables(container, path)
    yield from volume.mounts(container, path, around.volumes)
    yield from one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy") or "", PULL_POLICIES)
    yield from resource.requirements(f"{path}.resources", container.get("resources") or {}, around.claims)
    yield from _resize(path, container, around.restart)
    if container.get("securityContext") is not None:
        yield from security.of_container(
            container["securityContext"],
            f"{path}.securityContext",
            host_users=around.host_users,
            allow_privileged=around.allow_privileged,
        )


def _ports(path: str, container: Raw) -> Errors:
    seen: set[str] = set()
    for at, entry in items(container, "ports", path):
        name, number = entry.get("name") or "", entry.get("containerPort") or 0
        if name:
            faults = list(named(f"{at}.name", name, syntax.port_name))
            yield from faults
            if not faults and name in seen:
                yield FieldError(DUPLICATE, f"{at}.name", name)
            elif not faults:
                seen.add(name)
        yield from port(f"{at}.containerPort", number) if number else (required(f"{at}.containerPort"),)
        if entry.get("hostPort"):
            yield from port(f"{at}.hostPort", entry["hostPort"])
        yield from one_of(f"{at}.protocol", entry.get("protocol") or "", PROTOCOLS)


def _host_ports(spec: Raw, path: str, field: str = "containers") -> Errors:
    """No two containers take one port of the host."""
    seen: set[str] = set()
    for index, container in enumerate(spec["containers"]):
        for at, entry in items(container, "ports", f"{path}.{field}[{index}]"):
            if not entry.get("hostPort"):
                continue
            key = f"{entry.get('protocol') or ''}/{entry.get('hostIP') or ''}/{entry['hostPort']}"
            if key in seen:
                yield FieldError(DUPLICATE, f"{at}.hostPort", key)
            seen.add(key)


def _restart_policy(path: str, container: Raw) -> Errors:
    if container["restartPolicy"] not in _RESTARTS:
        yield not_supported(f"{path}.restartPolicy", container["restartPolicy"], _RESTARTS)


def _resize(path: str, container: Raw, restart: str) -> Errors:
    seen: set[str] = set()
    for at, policy in items(container, "resizePolicy", path):
        unindexed, name = f"{path}.resizePolicy", policy.get("resourceName") or ""
        if name in seen:
            yield FieldError(DUPLICATE, at, name)
        seen.add(name)
        for field, words in _RESIZED.items():
            yield from one_of(unindexed, policy.get(field) or "", words)
        if restart == "Never" and policy.get("restartPolicy") != "NotRequired":
            said = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            yield invalid(unindexed, policy.get("restartPolicy") or "", said)


def ephemeral_forbidden(spec: Raw, path: str, detail: str) -> Errors:
    """Ephemeral containers come by their own subresource only."""
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{path}.ephemeralContainers", detail)
