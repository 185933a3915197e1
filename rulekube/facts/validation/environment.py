"""Environment variables of containers, and the references to fields and amounts that volumes use too.

Source: ValidateEnv, validateEnvVarValueFrom, ValidateEnvFrom, validateObjectFieldSelector,
validateContainerResourceFieldSelector (pkg/apis/core/validation/validation.go); ConvertDownwardAPIFieldLabel
(pkg/apis/core/pods).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rulekube.facts import quantity
from rulekube.facts.validation.checks import Errors, Raw, among, items, named, optional_name, present_and_named
from rulekube.selectors import syntax
from rulekube.selectors.field_error import invalid, not_supported, required

_FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_CONVERTIBLE: Final = frozenset(
    (
        *_FIELDS, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase",
        "spec.host",
    )
)  # fmt: skip
_AMOUNTS: Final = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
    "requests.memory",
)  # fmt: skip
_SIZES: Final = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_HUGE: Final = ("requests.hugepages-", "limits.hugepages-")
_SAID_OF_SIZES: Final = f"only divisor's values {', '.join(_SIZES)} are supported with the {{}} resource"
_DIVISORS: Final = {  # what follows `limits.` or `requests.` → divisors, what is said of others
    "cpu": (("1m", "1"), "only divisor's values 1m and 1 are supported with the cpu resource"),
    "memory": (_SIZES, _SAID_OF_SIZES.format("memory")),
    "ephemeral-storage": (_SIZES, _SAID_OF_SIZES.format("local ephemeral storage")),
    "hugepages": (_SIZES, _SAID_OF_SIZES.format("hugepages")),
}
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE: Final = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
)


def variables(container: Raw, path: str) -> Errors:
    """`env` and `envFrom`."""
    for at, variable in items(container, "env", path):
        yield from present_and_named(f"{at}.name", variable.get("name") or "", syntax.relaxed_env_var_name)
        if variable.get("valueFrom") is not None:
            yield from _value_from(f"{at}.valueFrom", variable["valueFrom"], variable.get("value") or "")
    for at, source in items(container, "envFrom", path):
        yield from optional_name(f"{at}.prefix", source.get("prefix"), syntax.relaxed_env_var_name)
        given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in given:
            rule = syntax.dns_subdomain_prefix
            yield from present_and_named(f"{at}.{kind}.name", source[kind].get("name") or "", rule)
        if len(given) != 1:
            said = "must specify one of: `configMapRef` or `secretRef`" if not given else _MORE_THAN_ONE
            yield invalid(f"{path}.envFrom", "", said)


_MORE_THAN_ONE: Final = "may not have more than one field specified at a time"


def _value_from(path: str, source: Raw, value: str) -> Errors:
    given = [kind for kind in _SOURCES if source.get(kind) is not None]
    if source.get("fieldRef") is not None:
        yield from field(f"{path}.fieldRef", source["fieldRef"], _FIELDS)
    if source.get("resourceFieldRef") is not None:
        yield from resource_field(f"{path}.resourceFieldRef", source["resourceFieldRef"], in_volume=False)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if source.get(kind) is not None:
            yield from named(f"{path}.{kind}.name", source[kind].get("name") or "", syntax.dns1123_subdomain)
            yield from present_and_named(f"{path}.{kind}.key", source[kind].get("key") or "", syntax.config_map_key)
    if not given:
        yield invalid(path, "", _NO_SOURCE)
    elif value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", _MORE_THAN_ONE)


def field(path: str, selector: Raw, allowed: Sequence[str]) -> Errors:
    """A reference to one of the pod's own fields."""
    version, asked = selector.get("apiVersion") or "", selector.get("fieldPath") or ""
    if not version or not asked:
        yield required(f"{path}.{'fieldPath' if version else 'apiVersion'}")
        return
    fault = _inconvertible(version, asked)
    if fault:
        yield invalid(f"{path}.fieldPath", asked, f"error converting fieldPath: {fault}")
        return
    subscripted = re.fullmatch(r"(.*)\['(.*)'\]", asked, re.DOTALL)
    if subscripted is None:
        internal = "spec.nodeName" if asked == "spec.host" else asked
        yield from among(f"{path}.fieldPath", internal, sorted(allowed))
    elif subscripted[1] == "metadata.annotations":
        yield from named(path, subscripted[2].lower(), syntax.qualified_name)
    else:
        yield from named(path, subscripted[2], syntax.qualified_name)


def resource_field(path: str, selector: Raw, *, in_volume: bool) -> Errors:
    """A reference to an amount that a container asks for; in volumes, which container must be said."""
    asked = selector.get("resource") or ""
    if in_volume and not selector.get("containerName"):
        yield required(f"{path}.containerName")
    elif not asked:
        yield required(f"{path}.resource")
    elif asked not in _AMOUNTS and not asked.startswith(_HUGE):
        yield not_supported(f"{path}.resource", asked, _AMOUNTS)
    divisor = quantity.parse(str(selector.get("divisor") or "0"))
    kind = asked.partition(".")[2].partition("-")[0] if asked.startswith(_HUGE) else asked.partition(".")[2]
    if divisor.sign and kind in _DIVISORS and str(divisor) not in _DIVISORS[kind][0]:
        yield invalid(f"{path}.divisor", asked, _DIVISORS[kind][1])


def _inconvertible(version: str, path: str) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    if subscripted := re.fullmatch(r"(.*)\['(.*)'\]", path, re.DOTALL):
        known = subscripted[1] in ("metadata.annotations", "metadata.labels")
        return "" if known else f"field label does not support subscript: {path}"
    return "" if path in _CONVERTIBLE else f"field label not supported: {path}"
