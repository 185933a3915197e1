"""The spec of a pod, which templates share.

Source: ValidatePodSpec (pkg/apis/core/validation/validation.go), in its order.
"""

from __future__ import annotations

from typing import Final

from rulekube.facts.validation import addresses, affinity, container, resource, security, toleration, volume
from rulekube.facts.validation.checks import (
    MAX_INT32,
    Errors,
    Raw,
    between,
    items,
    named,
    one_of,
    optional_name,
)
from rulekube.selectors import metadata, syntax
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, not_supported, required

_RESTARTS: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMES: Final = (  # fields that are names, where they are set
    ("hostname", syntax.dns1123_label),
    ("subdomain", syntax.dns1123_label),
)
_HOST: Final = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
_MOST_SERVERS: Final = 3
_MOST_SEARCHES: Final = 32
_MOST_SEARCH_CHARACTERS: Final = 2048


def spec(raw: Raw, path: str, *, is_pod: bool, allow_privileged: bool) -> Errors:
    """All of a pod's spec; `is_pod` is False within a template."""
    if raw.get("terminationGracePeriodSeconds") is None:
        yield required(f"{path}.terminationGracePeriodSeconds")
    volumes, faults = volume.volumes(raw, path)
    yield from faults
    claims = frozenset(claim.get("name") or "" for claim in raw.get("resourceClaims") or ()) - {""}
    around = container.Surroundings(
        volumes,
        claims,
        raw.get("terminationGracePeriodSeconds"),
        raw.get("restartPolicy") or "",
        raw.get("hostUsers") is not False,
        allow_privileged,
    )
    yield from container.regular(raw, path, around)
    yield from container.init(raw, path, around)
    yield from _running(raw, path, is_pod)
    yield from _placing(raw, path)
    yield from _naming(raw, path)


def _running(raw: Raw, path: str, is_pod: bool) -> Errors:
    """How it runs: network of the host, restarts, names, identity."""
    if raw.get("hostNetwork"):
        yield from _host_network(raw, path, is_pod)
    yield from one_of(f"{path}.restartPolicy", raw.get("restartPolicy") or "", _RESTARTS)
    yield from one_of(f"{path}.dnsPolicy", raw.get("dnsPolicy") or "", _DNS_POLICIES)
    yield from metadata.label_errors(raw.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from security.of_pod(
        raw.get("securityContext") or {},
        f"{path}.securityContext",
        host_pid=bool(raw.get("hostPID")),
        share_processes=bool(raw.get("shareProcessNamespace")),
    )


def _placing(raw: Raw, path: str) -> Errors:
    """Where it goes, and what holds it back."""
    yield from affinity.affinity(raw.get("affinity") or {}, f"{path}.affinity")
    yield from _dns(raw, path)
    for at, gate in items(raw, "readinessGates", path):
        yield from named(f"{at}.conditionType", gate.get("conditionType") or "", syntax.qualified_name)
    seen: set[str] = set()
    for at, gate in items(raw, "schedulingGates", path):
        name = gate.get("name") or ""
        yield from named(at, name, syntax.qualified_name)
        if name in seen:
            yield FieldError(DUPLICATE, at, name)
        seen.add(name)
    yield from affinity.spread(raw, path)
    if raw.get("hostUsers") is False:
        for field, shown in _HOST:
            if raw.get(field):
                yield forbidden(f"{path}.{shown}", "when `pod.Spec.HostUsers` is false")


def _naming(raw: Raw, path: str) -> Errors:
    """What it names, and what it is called."""
    yield from optional_name(f"{path}.serviceAccountName", raw.get("serviceAccountName"), syntax.dns1123_subdomain)
    yield from optional_name(f"{path}.nodeName", raw.get("nodeName"), syntax.dns1123_subdomain)
    if raw.get("activeDeadlineSeconds") is not None:
        yield from between(f"{path}.activeDeadlineSeconds", raw["activeDeadlineSeconds"], 1, MAX_INT32)
    for field, rule in _NAMES:
        yield from optional_name(f"{path}.{field}", raw.get(field), rule)
    yield from toleration.tolerations(raw, path)
    for at, alias in items(raw, "hostAliases", path):
        yield from addresses.address(f"{at}.ip", alias.get("ip") or "")
        for inner, hostname in items(alias, "hostnames", at):
            yield from named(inner, hostname, syntax.dns1123_subdomain)
    yield from optional_name(f"{path}.priorityClassName", raw.get("priorityClassName"), syntax.dns1123_subdomain)
    if raw.get("runtimeClassName") is not None:
        yield from named(f"{path}.runtimeClassName", raw["runtimeClassName"], syntax.dns1123_subdomain)
    if raw.get("preemptionPolicy") is not None:
        words = ("PreemptLowerPriority", "Never")
        yield from one_of(f"{path}.preemptionPolicy", raw["preemptionPolicy"], words)
    if raw.get("overhead") is not None:
        yield from resource.requirements(f"{path}.overhead", {"limits": raw["overhead"]})
    if raw.get("os") is not None:
        yield from _operating_system(f"{path}.os", raw["os"])


def _host_network(raw: Raw, path: str, is_pod: bool) -> Errors:
    for at, entry in items(raw, "containers", path):
        for inner, exposed in items(entry, "ports", at):
            host, own = exposed.get("hostPort") or 0, exposed.get("containerPort") or 0
            if (is_pod or host) and host != own:
                yield invalid(f"{inner}.hostPort", host, "must match `containerPort` when `hostNetwork` is true")


def _dns(raw: Raw, path: str) -> Errors:
    config, at = raw.get("dnsConfig"), f"{path}.dnsConfig"
    if raw.get("dnsPolicy") == "None":
        if config is None:
            yield required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            yield required(f"{at}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None")
            return
    servers, searches = (config or {}).get("nameservers") or [], (config or {}).get("searches") or []
    if len(servers) > _MOST_SERVERS:
        yield invalid(f"{at}.nameservers", servers, f"must not have more than {_MOST_SERVERS} nameservers")
    for index, server in enumerate(servers):
        yield from addresses.address(f"{at}.nameservers[{index}]", server)
    if len(searches) > _MOST_SEARCHES:
        yield invalid(f"{at}.searches", searches, f"must not have more than {_MOST_SEARCHES} search paths")
    if len(" ".join(searches)) > _MOST_SEARCH_CHARACTERS:
        said = f"must not have more than {_MOST_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        yield invalid(f"{at}.searches", searches, said)
    for index, search in enumerate(searches):
        if search != ".":
            yield from named(f"{at}.searches[{index}]", search.removesuffix("."), syntax.underscored_subdomain)
    for inner, option in items(config or {}, "options", at):
        if not option.get("name"):
            yield required(inner, "must not be empty")


def _operating_system(path: str, raw: Raw) -> Errors:
    name = raw.get("name") or ""
    if not name:
        yield required(f"{path}.name", "cannot be empty")
    elif name not in ("linux", "windows"):
        yield not_supported(path, name, ("linux", "windows"))
