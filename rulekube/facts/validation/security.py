"""Security contexts of pods and containers. What concerns Windows alone passes unexamined.

Source: ValidateSecurityContext, validatePodSpecSecurityContext (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

import re
from typing import Any, Final

from rulekube.facts.validation.checks import MAX_INT32, Errors, Raw, among, between, items
from rulekube.facts.validation.volume import descending
from rulekube.selectors.field_error import DUPLICATE, FieldError, forbidden, invalid, required, too_long

_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_SEGMENT: Final = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL: Final = rf"({_SEGMENT}[\./])*{_SEGMENT}"
_POLICIES: Final = {  # fields of a pod's context that are enumerations
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "seLinuxChangePolicy": ("MountOption", "Recursive"),
}
_SHAPE: Final = (  # a container's context as Go prints it
    "capabilities", "privileged", "seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup", "runAsNonRoot",
    "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount", "seccompProfile", "appArmorProfile",
)  # fmt: skip


def of_container(raw: Raw, path: str, *, host_users: bool, allow_privileged: bool) -> Errors:
    """A container's security context."""
    if raw.get("privileged") and not allow_privileged:
        yield forbidden(f"{path}.privileged", "disallowed by cluster policy")
    for field in ("runAsUser", "runAsGroup"):
        if raw.get(field) is not None:
            yield from between(f"{path}.{field}", raw[field], 0, MAX_INT32)
    if raw.get("procMount") is not None:
        yield from among(f"{path}.procMount", raw["procMount"], ("Default", "Unmasked"))
        if host_users and raw["procMount"] == "Unmasked":
            yield invalid(f"{path}.procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`")
    yield from _seccomp(f"{path}.seccompProfile", raw.get("seccompProfile"))
    if raw.get("allowPrivilegeEscalation") is False:
        said = "cannot set `allowPrivilegeEscalation` to false and "
        if raw.get("privileged"):
            yield invalid(path, _shaped(raw), said + "`privileged` to true")
        for capability in (raw.get("capabilities") or {}).get("add") or ():
            if capability == "CAP_SYS_ADMIN":
                yield invalid(path, _shaped(raw), said + "`capabilities.Add` CAP_SYS_ADMIN")
    yield from _app_armor(f"{path}.appArmorProfile", raw.get("appArmorProfile"))


def of_pod(raw: Raw, path: str, *, host_pid: bool, share_processes: bool) -> Errors:
    """A pod's security context."""
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        if raw.get(field) is not None:
            yield from between(f"{path}.{field}", raw[field], 0, MAX_INT32)
    for at, group in items(raw, "supplementalGroups", path):
        yield from between(at, group, 0, MAX_INT32)
    if share_processes and host_pid:
        said = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{path}.shareProcessNamespace", True, said)
    yield from _sysctls(raw, path)
    if raw.get("fsGroupChangePolicy") is not None:
        yield from among(f"{path}.fsGroupChangePolicy", raw["fsGroupChangePolicy"], _POLICIES["fsGroupChangePolicy"])
    yield from _seccomp(f"{path}.seccompProfile", raw.get("seccompProfile"))
    yield from _app_armor(f"{path}.appArmorProfile", raw.get("appArmorProfile"))
    for field in ("supplementalGroupsPolicy", "seLinuxChangePolicy"):
        if raw.get(field) is not None:
            yield from among(f"{path}.{field}", raw[field], _POLICIES[field])


def _sysctls(raw: Raw, path: str) -> Errors:
    seen: set[str] = set()
    for at, sysctl in items(raw, "sysctls", path):
        name = sysctl.get("name") or ""
        if not name:
            yield required(f"{at}.name")
        elif len(name) > 253 or not re.fullmatch(_SYSCTL, name):
            yield invalid(f"{at}.name", name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
        elif name in seen:
            yield FieldError(DUPLICATE, f"{at}.name", name)
        seen.add(name)


def _seccomp(path: str, profile: Raw | None) -> Errors:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    else:
        yield from among(f"{path}.type", kind, _PROFILES)
    if kind != "Localhost":
        if local is not None:
            shaped = {"Type": kind, "LocalhostProfile": local}
            yield invalid(f"{path}.localhostProfile", shaped, "can only be set when seccomp type is Localhost")
    elif local is None:
        yield required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
    else:
        yield from descending(f"{path}.localhostProfile", local)


def _app_armor(path: str, profile: Raw | None) -> Errors:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at = f"{path}.localhostProfile"
    if not kind:
        yield required(f"{path}.type", "type is required when appArmorProfile is set")
    else:
        yield from among(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost":
        if not local:
            yield required(at, "must be set when AppArmor type is Localhost")
        elif local != local.strip():
            yield invalid(at, local, "must not be padded with whitespace")
        if len(local or "") > 4095:
            yield too_long(at, 4095)
    elif kind in _PROFILES and local is not None:
        yield invalid(at, local, "can only be set when AppArmor type is Localhost")


def _shaped(raw: Raw) -> dict[str, Any]:
    """Field names as Go's, absent ones null."""
    capabilities = raw.get("capabilities")
    shaped: dict[str, Any] = {field[0].upper() + field[1:]: raw.get(field) for field in _SHAPE}
    if capabilities is not None:
        shaped["Capabilities"] = {"Add": capabilities.get("add"), "Drop": capabilities.get("drop")}
    shaped["SELinuxOptions"] = shaped.pop("SeLinuxOptions")
    return {key: shaped[key] for key in ("Capabilities", "Privileged", "SELinuxOptions", *list(shaped)[2:-1])}
