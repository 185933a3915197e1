"""What `kubectl get pods` says of a pod: ready containers, a word for its state, restarts.

The words follow from container states: init containers first, then the last container that has something to say.

Source: printPod in k8s.io/kubernetes/pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rulekube.api.ages import age_of

RawObject = dict[str, Any]
_TERMINAL = ("Succeeded", "Failed")


class Summary(NamedTuple):
    """One pod in short. `restarted` is the stamp of the last restart, "" where there was none."""

    ready: int
    total: int
    reason: str
    restarts: int
    restarted: str


class _Init(NamedTuple):
    """What the init containers amount to; `reason` is "" once they are done."""

    ready: int
    reason: str
    restarts: int
    restarted: str
    sidecar_restarts: int
    sidecar_restarted: str


def summary(pod: RawObject) -> Summary:
    """The pod in short."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions") or []}
    sidecars = {one["name"] for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"}
    reason = status.get("reason") or status.get("phase", "")
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    init = _init(spec, status, sidecars)
    reason = init.reason or reason
    ready, restarts, restarted = init.ready, init.restarts, init.restarted
    if not init.reason or conditions.get("Initialized", {}).get("status") == "True":
        own = status.get("containerStatuses") or []
        reason = _reason(own, reason, conditions)
        ready += sum(map(_runs, own))
        restarts = init.sidecar_restarts + sum(one.get("restartCount", 0) for one in own)
        restarted = max([init.sidecar_restarted, *map(_restarted, own)])
    if pod["metadata"].get("deletionTimestamp"):
        reason = _leaving(status, reason)
    return Summary(ready, len(spec.get("containers") or []) + len(sidecars), reason, restarts, restarted)


def _init(spec: RawObject, status: RawObject, sidecars: set[str]) -> _Init:
    """Walk the init containers up to the first that is not done."""
    ready = restarts = sidecar_restarts = 0
    restarted = sidecar_restarted = ""
    for index, one in enumerate(status.get("initContainerStatuses") or []):
        restarts += one.get("restartCount", 0)
        restarted = max(restarted, _restarted(one))
        is_sidecar = one["name"] in sidecars
        if is_sidecar:
            sidecar_restarts += one.get("restartCount", 0)
            sidecar_restarted = max(sidecar_restarted, _restarted(one))
        ended = (one.get("state") or {}).get("terminated")
        if ended is not None and ended.get("exitCode", 0) == 0:
            continue
        if is_sidecar and one.get("started"):
            ready += bool(one.get("ready"))
            continue
        reason = _init_reason(one.get("state") or {}) or f"Init:{index}/{len(spec.get('initContainers') or [])}"
        return _Init(ready, reason, restarts, restarted, sidecar_restarts, sidecar_restarted)
    return _Init(ready, "", restarts, restarted, sidecar_restarts, sidecar_restarted)


def _init_reason(state: RawObject) -> str:
    if ended := state.get("terminated"):
        return "Init:" + (ended.get("reason") or _exit(ended))
    waiting = (state.get("waiting") or {}).get("reason", "")
    return f"Init:{waiting}" if waiting and waiting != "PodInitializing" else ""


def _exit(ended: RawObject) -> str:
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarted(status: RawObject) -> str:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return str(ended.get("finishedAt") or "")


def _runs(status: RawObject) -> bool:
    state = status.get("state") or {}
    waits = (state.get("waiting") or {}).get("reason")
    return bool(status.get("ready") and state.get("running") is not None and not waits)


def _reason(statuses: list[RawObject], reason: str, conditions: dict[str, RawObject]) -> str:
    for one in reversed(statuses):
        state = one.get("state") or {}
        if waiting := (state.get("waiting") or {}).get("reason"):
            reason = waiting
        elif (ended := state.get("terminated")) is not None:
            reason = ended.get("reason") or _exit(ended)
    if reason == "Completed" and any(map(_runs, statuses)):
        return "Running" if conditions.get("Ready", {}).get("status") == "True" else "NotReady"
    return reason


def _leaving(status: RawObject, reason: str) -> str:
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in _TERMINAL else "Terminating"


def ready(pod: RawObject, _now: int) -> str:
    """`1/2`."""
    short = summary(pod)
    return f"{short.ready}/{short.total}"


def status(pod: RawObject, _now: int) -> str:
    """`Running`, `CrashLoopBackOff`, `Init:0/1`, …"""
    return summary(pod).reason


def restarts(pod: RawObject, now: int) -> str:
    """`0`, `3 (5m ago)`."""
    short = summary(pod)
    if short.restarts and short.restarted:
        return f"{short.restarts} ({age_of(short.restarted, now)} ago)"
    return str(short.restarts)


def readiness_gates(pod: RawObject, _now: int) -> str:
    """How many of the readiness gates hold."""
    gates = pod.get("spec", {}).get("readinessGates") or []
    if not gates:
        return "<none>"
    holds = {one["type"] for one in pod.get("status", {}).get("conditions") or [] if one.get("status") == "True"}
    return f"{sum(gate['conditionType'] in holds for gate in gates)}/{len(gates)}"
