"""From a run_sandbox or run_container configuration to what Docker's create call takes. Pure.

The configuration's words are Kubernetes' where it has them; amounts are Docker's (bytes, shares, microseconds of each
100 ms) because the rules have computed them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import docker
from docker.types import LogConfig

from rulekube.actuators import docker_labels as labels
from rulekube.engine import Ref
from rulekube.errors import ActuatorError

Raw = Mapping[str, Any]
QUOTA_PERIOD = 100_000  # microseconds, as the kubelet's


def sandbox(client: docker.APIClient, owner: labels.Owner, pod: Ref, config: Raw, image: str) -> dict[str, Any]:
    """Arguments of create_container for a pod's sandbox."""
    on_host = config["network"]["mode"] == "host"
    host = client.create_host_config(
        network_mode="host" if on_host else "none",
        ipc_mode="shareable",
        sysctls=config.get("sysctls") or None,
        dns=config.get("nameservers") or None,
        dns_search=config.get("searches") or None,
        log_config=LogConfig(type="none"),
    )
    return {
        "name": owner.sandbox_name(pod),
        "image": image,
        "hostname": None if on_host else config.get("hostname"),
        "labels": {
            **owner.labels(),
            labels.POD: pod.path,
            labels.UID: pod.uid,
            labels.PLUGGED: "" if on_host else config["network"]["address"],
        },
        "host_config": host,
    }


def container(
    client: docker.APIClient, owner: labels.Owner, pod: Ref, name: str, attempt: int, config: Raw
) -> dict[str, Any]:
    """Arguments of create_container for one run of a pod's container."""
    message = config.get("terminationMessage") or {}
    security = config.get("securityContext") or {}
    return {
        "name": owner.container_name(pod, name, attempt),
        "image": config["image"],
        "entrypoint": config.get("command") or None,
        "command": config.get("args") or None,
        "environment": list(config.get("env", [])),
        "working_dir": config.get("workingDir") or None,
        "user": _user(security),
        "tty": bool(config.get("tty")),
        "stdin_open": bool(config.get("stdin")),
        "labels": {
            **owner.labels(),
            labels.POD: pod.path,
            labels.UID: pod.uid,
            labels.CONTAINER: name,
            labels.ATTEMPT: str(attempt),
            labels.SANDBOX: config["sandbox"],
            labels.BACKOFF: str(config.get("backoff", 0)),
            labels.IMAGE: config["image"],
            labels.MESSAGE: message.get("source", ""),
            labels.MESSAGE_POLICY: message.get("policy", "File"),
        },
        "host_config": _host_config(client, config, security),
    }


def _host_config(client: docker.APIClient, config: Raw, security: Raw) -> dict[str, Any]:
    namespace = f"container:{config['sandbox']}"
    resources = config.get("resources") or {}
    capabilities = security.get("capabilities") or {}
    quota = resources.get("cpuQuota") or 0
    host: dict[str, Any] = client.create_host_config(
        network_mode=namespace,
        ipc_mode=namespace,
        pid_mode=namespace if config.get("shareProcessNamespace") else None,
        binds=[bind(mount) for mount in (*config.get("mounts", ()), *_message_mount(config))],
        mem_limit=resources.get("memory") or None,
        memswap_limit=resources.get("memory") or None,
        cpu_shares=resources.get("cpuShares") or None,
        cpu_period=QUOTA_PERIOD if quota else None,
        cpu_quota=quota or None,
        privileged=bool(security.get("privileged")),
        read_only=bool(security.get("readOnlyRootFilesystem")),
        cap_add=list(capabilities.get("add", [])) or None,
        cap_drop=list(capabilities.get("drop", [])) or None,
        group_add=[str(group) for group in security.get("supplementalGroups", [])] or None,
        security_opt=["no-new-privileges"] if security.get("allowPrivilegeEscalation") is False else None,
        oom_score_adj=config.get("oomScoreAdj"),
        log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
    )
    return host


def _message_mount(config: Raw) -> list[Raw]:
    message = config.get("terminationMessage") or {}
    return [message] if message.get("source") else []


def bind(mount: Raw) -> str:
    """A mount in Docker's words. Raises ActuatorError where a subPath leads out of its volume by a link.

    What Docker binds is the path with its links followed, so that what was looked at is what is mounted.
    Source: k8s.io/kubernetes/pkg/volume/util/subpath doSafeMakeDir (CVE-2017-1002101).
    """
    source = mount["source"]
    if (volume := mount.get("volume", source)) != source:
        source, root = os.path.realpath(source), os.path.realpath(volume)
        if os.path.commonpath((source, root)) != root:
            raise ActuatorError(f"subPath {mount['source'].removeprefix(volume)[1:]!r} leads out of its volume")
    return f"{source}:{mount['target']}:{'ro' if mount.get('readOnly') else 'rw'}"


def _user(security: Raw) -> str | None:
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    if user is None:
        return None
    return f"{user}" if group is None else f"{user}:{group}"
