"""API defaulting of pod specs, in pods and in the templates of their controllers.

Source: pkg/apis/core/v1/defaults.go of Kubernetes 1.36 (SetDefaults_Pod, _PodSpec, _Container, _Probe, _Volume …) and
conversion.go (serviceAccount). Fields that Go writes even when empty are filled in too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rulekube.facts.quantity import QuantityError, parse

RawObject = dict[str, Any]
Table = tuple[tuple[str, Any], ...]

SPEC: Table = (
    ("dnsPolicy", "ClusterFirst"),
    ("restartPolicy", "Always"),
    ("schedulerName", "default-scheduler"),
    ("terminationGracePeriodSeconds", 30),
)
CONTAINER: Table = (("terminationMessagePath", "/dev/termination-log"), ("terminationMessagePolicy", "File"))
PROBE: Table = (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3))
HTTP: Table = (("path", "/"), ("scheme", "HTTP"))
CONTAINER_STATUS: Table = (("ready", False), ("restartCount", 0), ("image", ""), ("imageID", ""))
PLAIN_SPEC = ("hostNetwork", "hostPID", "hostIPC")  # booleans that Go leaves out when they are false
PLAIN_CONTAINER = ("stdin", "stdinOnce", "tty")
FILE_MODE = 0o644
_NAME = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"  # a component of an image's name; upper case only in a host
_HOST = r"(?:(?!-)[A-Za-z0-9-]+(?:\.(?!-)[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/"
_IMAGE = re.compile(
    rf"(?:{_HOST})?{_NAME}(?:/{_NAME})*(?::(?P<tag>\w[\w.-]{{0,127}}))?(?P<digest>@[\w+.-]+:[0-9a-fA-F]{{32,}})?"
)
VOLUMES: dict[str, Table] = {
    "secret": (("defaultMode", FILE_MODE),),
    "configMap": (("defaultMode", FILE_MODE),),
    "downwardAPI": (("defaultMode", FILE_MODE),),
    "projected": (("defaultMode", FILE_MODE),),
    "iscsi": (("iscsiInterface", "default"),),
    "rbd": (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")),
    "azureDisk": (("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("readOnly", False), ("kind", "Shared")),
    "scaleIO": (("storageMode", "ThinProvisioned"), ("fsType", "xfs")),
}


def fill(target: RawObject, table: Table) -> None:
    """Set, in place, what is missing; an empty string is missing too."""
    for name, value in table:
        if target.get(name) in (None, ""):
            target[name] = value


def drop_empty(target: RawObject, *names: str) -> None:
    """Remove, in place, those of the named fields that are false, zero or empty: Go leaves them out."""
    for name in names:
        if name in target and not target[name]:
            del target[name]


def fill_pod(pod: RawObject) -> None:
    """Default a pod in place."""
    spec = pod.setdefault("spec", {})
    for container in containers(spec):
        resources = container.setdefault("resources", {})
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    fill_spec(spec)


def fill_spec(spec: RawObject) -> None:
    """Default the spec of a pod or of a pod template in place."""
    fill(spec, SPEC)
    drop_empty(spec, *PLAIN_SPEC, "nodeSelector", "overhead")
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    canonical(spec, "overhead")
    for container in containers(spec):
        _container(container)
        if spec.get("hostNetwork"):
            for port in container.get("ports", ()):
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort", 0)
    for volume in spec.get("volumes") or ():
        _volume(volume)
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    for term in ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(preferred) or ():
        term.setdefault("preference", {})


def containers(spec: RawObject) -> Iterator[RawObject]:
    """Every container of a spec."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or ()


def image_pull_policy(image: str) -> str:
    """Always for `latest` or no tag, else IfNotPresent, also for what is no image. Source: pkg/util/parsers."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        return "IfNotPresent"
    return "Always" if match["tag"] == "latest" or not (match["tag"] or match["digest"]) else "IfNotPresent"


def _container(container: RawObject) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = image_pull_policy(container.get("image", ""))
    fill(container, CONTAINER)
    drop_empty(container, *PLAIN_CONTAINER)
    resources = container.setdefault("resources", {})
    canonical(resources, "limits")
    canonical(resources, "requests")
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        _field_ref((variable.get("valueFrom") or {}).get("fieldRef"))
        divisor((variable.get("valueFrom") or {}).get("resourceFieldRef"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            _probe(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _http(handler)


def _probe(probe: RawObject) -> None:
    for name, value in PROBE:
        if not probe.get(name):
            probe[name] = value
    _http(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _http(handler: RawObject) -> None:
    if "httpGet" in handler:
        fill(handler["httpGet"], HTTP)


def _field_ref(reference: RawObject | None) -> None:
    if reference is not None and not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def divisor(reference: RawObject | None) -> None:
    """A resourceFieldRef always shows its divisor; 0 stands for one."""
    if reference is not None:
        reference["divisor"] = canonical_text(reference.get("divisor") or "0")


def _volume(volume: RawObject) -> None:
    sources = [name for name in volume if name != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for name in sources:
        fill(volume[name], VOLUMES.get(name, ()))
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    canonical(volume.get("emptyDir") or {}, "", "sizeLimit")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _downward(item)
    for source in (volume.get("projected") or {}).get("sources") or ():
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            _downward(item)
        if token := source.get("serviceAccountToken"):
            token.setdefault("expirationSeconds", 3600)
    if template := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
        template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        template["spec"].setdefault("resources", {})


def _downward(item: RawObject) -> None:
    _field_ref(item.get("fieldRef"))
    divisor(item.get("resourceFieldRef"))


def canonical(holder: RawObject, field: str, *names: str) -> None:
    """Write the amounts of a map (`field` of `holder`; "" for the named fields of `holder`) in canonical form."""
    amounts = holder.get(field) if field else holder
    if not isinstance(amounts, dict):
        return
    for name in names or tuple(amounts):
        if name in amounts:
            amounts[name] = canonical_text(amounts[name])


def canonical_text(amount: Any) -> Any:
    """An amount as Kubernetes writes it; what is none stays as it is, for validation to refuse."""
    try:
        return str(parse(str(amount)))
    except QuantityError:
        return amount
