"""Volumes of pods, and where containers mount them. Kinds of volume that RuleKube does not serve pass unexamined.

Source: ValidateVolumes, validateVolumeSource, ValidateVolumeMounts (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rulekube.facts import quantity
from rulekube.facts.validation import environment
from rulekube.facts.validation.checks import Errors, Raw, among, items, named, present
from rulekube.selectors import syntax
from rulekube.selectors.field_error import DUPLICATE, NOT_FOUND, FieldError, forbidden, invalid, required

_FIELDS: Final = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_FILE_MODE: Final = "must be a number between 0 and 0777 (octal), both inclusive"
_HOST_PATHS: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")
_RECURSIONS: Final = ("Disabled", "Enabled", "IfPossible")
_TYPES: Final = (  # in the order in which Kubernetes looks at them
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip


def volumes(spec: Raw, path: str) -> tuple[dict[str, Raw], list[FieldError]]:
    """The volumes that are in order, by name, and the errors of the others."""
    good: dict[str, Raw] = {}
    found: list[FieldError] = []
    for at, volume in items(spec, "volumes", path):
        name = volume.get("name") or ""
        errors = list(_source(at, volume))
        errors += named(f"{at}.name", name, syntax.dns1123_label) if name else [required(f"{at}.name")]
        if name in good:
            errors.append(FieldError(DUPLICATE, f"{at}.name", name))
        if errors:
            found += errors
        else:
            good[name] = volume
    return good, found


def mounts(container: Raw, path: str, known: Mapping[str, Raw]) -> Errors:
    """Where a container mounts volumes. Some paths lack the index: Kubernetes' own slip."""
    taken: set[str] = set()
    devices = {device.get("name"): device.get("devicePath") for device in container.get("volumeDevices") or ()}
    for at, mount in items(container, "volumeMounts", path):
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        yield from present(f"{at}.name", name)
        if name not in known:
            yield FieldError(NOT_FOUND, f"{at}.name", name)
        yield from present(f"{at}.mountPath", target)
        if target in taken:
            yield invalid(f"{at}.mountPath", target, "must be unique")
        taken.add(target)
        if name in devices:
            yield invalid(f"{at}.name", name, "must not already exist in volumeDevices")
        if target in devices.values():
            yield invalid(f"{at}.mountPath", target, "must not already exist as a path in volumeDevices")
        yield from _sub_paths(at, f"{path}.volumeMounts", mount)
        yield from _propagation(f"{path}.volumeMounts", mount, container)


def descending(path: str, text: str) -> Errors:
    """A relative path that stays inside."""
    if text.startswith("/"):
        yield invalid(path, text, "must be a relative path")
    yield from _no_backsteps(path, text)


def _no_backsteps(path: str, text: str) -> Errors:
    if ".." in text.split("/"):
        yield invalid(path, text, "must not contain '..'")


def _not_reserved(path: str, text: str) -> Errors:
    yield from descending(path, text)
    if text.startswith("..") and not text.startswith("../"):
        yield invalid(path, text, "must not start with '..'")


def _sub_paths(at: str, unindexed: str, mount: Raw) -> Errors:
    sub, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if sub:
        yield from descending(f"{unindexed}.subPath", sub)
    if expression:
        if sub:
            yield invalid(f"{at}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive")
        yield from descending(f"{unindexed}.subPathExpr", expression)


def _propagation(path: str, mount: Raw, container: Raw) -> Errors:
    mode, recursion = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    if mode is not None:
        yield from among(f"{path}.mountPropagation", mode, _PROPAGATIONS)
        if mode == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
            said = "Bidirectional mount propagation is available only to privileged containers"
            yield forbidden(f"{path}.mountPropagation", said)
    if recursion is None:
        return
    yield from among(f"{path}.recursiveReadOnly", recursion, _RECURSIONS)
    if recursion in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            yield forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")
        if mode not in (None, "None"):
            said = "may only be specified when mountPropagation is None or not specified"
            yield forbidden(f"{path}.recursiveReadOnly", said)


def _source(path: str, volume: Raw) -> Errors:
    given = [kind for kind in _TYPES if volume.get(kind) is not None]
    if not given:
        yield required(path, "must specify a volume type")
        return
    yield from _CHECKS.get(given[0], _unexamined)(f"{path}.{given[0]}", volume[given[0]])
    for kind in given[1:]:
        yield forbidden(f"{path}.{kind}", "may not specify more than 1 volume type")


def _unexamined(_path: str, _source: Raw) -> Errors:
    yield from ()


def _empty_dir(path: str, source: Raw) -> Errors:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.parse(str(limit)).sign < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _host_path(path: str, source: Raw) -> Errors:
    if not source.get("path"):
        yield required(f"{path}.path")
        return
    yield from _no_backsteps(f"{path}.path", source["path"])
    if source.get("type") is not None:
        yield from among(f"{path}.type", source["type"], _HOST_PATHS)


def _nfs(path: str, source: Raw) -> Errors:
    yield from present(f"{path}.server", source.get("server"))
    yield from present(f"{path}.path", source.get("path"))
    if not (source.get("path") or "").startswith("/"):
        yield invalid(f"{path}.path", source.get("path") or "", "must be an absolute path")


def _secret(path: str, source: Raw) -> Errors:
    yield from present(f"{path}.secretName", source.get("secretName"))
    yield from _files(path, source)


def _config_map(path: str, source: Raw) -> Errors:
    yield from present(f"{path}.name", source.get("name"))
    yield from _files(path, source)


def _claim(path: str, source: Raw) -> Errors:
    yield from present(f"{path}.claimName", source.get("claimName"))


def _downward(path: str, source: Raw) -> Errors:
    yield from _mode(f"{path}.defaultMode", source.get("defaultMode"))
    for file in source.get("items") or ():
        yield from _downward_file(path, file)


def _projected(path: str, source: Raw) -> Errors:
    yield from _mode(f"{path}.defaultMode", source.get("defaultMode"))
    taken: set[str] = set()
    for at, part in items(source, "sources", path):
        for kind in ("secret", "configMap"):
            if part.get(kind) is not None:
                yield from present(f"{at}.{kind}.name", part[kind].get("name"))
                for item_path, item in items(part[kind], "items", f"{at}.{kind}"):
                    yield from _item(item_path, item)
                    yield from _once(path, item.get("path") or "", part[kind].get("name") or "", taken)
        for file in (part.get("downwardAPI") or {}).get("items") or ():
            yield from _downward_file(f"{at}.downwardAPI", file)
            yield from _once(path, file.get("path") or "", file.get("path") or "", taken)
        if part.get("serviceAccountToken") is not None:
            yield from _token(path, at, part["serviceAccountToken"])
        if sum(value is not None for value in part.values()) > 1:
            yield forbidden(at, "may not specify more than 1 volume type per source")


def _token(path: str, at: str, token: Raw) -> Errors:
    seconds = token.get("expirationSeconds") or 0
    if seconds < 600:
        yield invalid(
            f"{at}.serviceAccountToken.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
        )
    if seconds > 2**32:
        said = "may not specify a duration larger than 2^32 seconds"
        yield invalid(f"{at}.serviceAccountToken.expirationSeconds", seconds, said)
    yield from _not_reserved(f"{path}.path", token["path"]) if token.get("path") else (required(f"{path}.path"),)


def _once(path: str, target: str, shown: str, taken: set[str]) -> Errors:
    if target and target in taken:
        yield invalid(path, shown, "conflicting duplicate paths")
    taken.add(target)


def _files(path: str, source: Raw) -> Errors:
    yield from _mode(f"{path}.defaultMode", source.get("defaultMode"))
    for at, item in items(source, "items", path):
        yield from _item(at, item)


def _item(path: str, item: Raw) -> Errors:
    yield from present(f"{path}.key", item.get("key"))
    yield from present(f"{path}.path", item.get("path"))
    yield from _not_reserved(f"{path}.path", item.get("path") or "")
    yield from _mode(f"{path}.mode", item.get("mode"))


def _downward_file(path: str, file: Raw) -> Errors:
    yield from present(f"{path}.path", file.get("path"))
    yield from _not_reserved(f"{path}.path", file.get("path") or "")
    if file.get("fieldRef") is not None:
        yield from environment.field(f"{path}.fieldRef", file["fieldRef"], _FIELDS)
        if file.get("resourceFieldRef") is not None:
            yield invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif file.get("resourceFieldRef") is not None:
        yield from environment.resource_field(f"{path}.resourceFieldRef", file["resourceFieldRef"], in_volume=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from _mode(f"{path}.mode", file.get("mode"))


def _mode(path: str, mode: int | None) -> Errors:
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(path, mode, _FILE_MODE)


_CHECKS: Final[dict[str, Callable[[str, Any], Errors]]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "secret": _secret,
    "configMap": _config_map,
    "nfs": _nfs,
    "persistentVolumeClaim": _claim,
    "downwardAPI": _downward,
    "projected": _projected,
}
