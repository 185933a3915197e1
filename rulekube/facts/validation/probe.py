"""Probes and lifecycle hooks of containers.

Source: validateProbe, validateHandler, validateLifecycle (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation.checks import Errors, Raw, among, named, not_negative, port_or_name, present
from rulekube.selectors import syntax
from rulekube.selectors.field_error import forbidden, invalid, required

_PROBE_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
_COUNTS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS: Final = ("postStart", "preStop")
_SIGNALS: Final = ("lifecycle", *_PROBES)


def allowed(container: Raw, path: str, grace: int | None) -> Errors:
    """The hooks and probes of a container that may have them. `grace` is the pod's grace period in seconds."""
    lifecycle = container.get("lifecycle") or {}
    for hook in _HOOKS:
        if lifecycle.get(hook) is not None:
            yield from _handler(f"{path}.lifecycle.{hook}", lifecycle[hook], _HOOK_HANDLERS, grace)
    for kind in _PROBES:
        if container.get(kind) is not None:
            yield from _probe(f"{path}.{kind}", container[kind], kind, grace)


def disallowed(container: Raw, path: str) -> Errors:
    """An init container that ends may have neither."""
    for kind in _SIGNALS:
        if container.get(kind) is not None:
            yield forbidden(f"{path}.{kind}", "may not be set for init containers without restartPolicy=Always")


def _probe(path: str, probe: Raw, kind: str, grace: int | None) -> Errors:
    yield from _handler(path, probe, _PROBE_HANDLERS, grace)
    for count in _COUNTS:
        yield from not_negative(f"{path}.{count}", probe.get(count) or 0)
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0")
    if kind == "readinessProbe":
        if seconds is not None:
            yield invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must not be set for readinessProbes")
    elif (probe.get("successThreshold") or 0) != 1:
        yield invalid(f"{path}.successThreshold", probe.get("successThreshold") or 0, "must be 1")


def _handler(path: str, raw: Raw, kinds: tuple[str, ...], grace: int | None) -> Errors:
    """Exactly one way of acting."""
    given = [kind for kind in kinds if raw.get(kind) is not None]
    if not given:
        yield required(path, "must specify a handler type")
        return
    yield from _act(f"{path}.{given[0]}", given[0], raw[given[0]], grace)
    for kind in given[1:]:
        yield forbidden(f"{path}.{kind}", "may not specify more than 1 handler type")


def _act(path: str, kind: str, action: Raw, grace: int | None) -> Errors:
    if kind == "exec":
        yield from present(f"{path}.command", action.get("command"))
    elif kind == "httpGet":
        yield from present(f"{path}.path", action.get("path"))
        yield from port_or_name(f"{path}.port", action.get("port") or 0)
        yield from among(f"{path}.scheme", action.get("scheme") or "", ("HTTP", "HTTPS"))
        for header in action.get("httpHeaders") or ():
            yield from named(f"{path}.httpHeaders", header.get("name") or "", syntax.http_header_name)
    elif kind == "sleep":
        seconds = action.get("seconds") or 0
        if grace is not None and not 0 <= seconds <= grace:
            said = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            yield invalid(path, seconds, said)
    else:
        yield from port_or_name(f"{path}.port", action.get("port") or 0)
