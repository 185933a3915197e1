"""From Docker's view of a container or of its images to facts. Pure, but for reading a termination message.

The relations are declared in `rules/node/observed.dl`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rulekube.actuators import docker_labels as labels
from rulekube.actuators import veth
from rulekube.actuators.base import Fact
from rulekube.engine import Ref
from rulekube.facts import timestamp

Raw = Mapping[str, Any]
Observed = dict[str, list[Fact]]
MESSAGE_LIMIT = 4096  # bytes, as the kubelet's
START_ERROR = 128  # the exit code of a run whose program could not be started, as containerd's


def container_facts(raw: Raw, log_tail: str = "") -> Observed:
    """What an inspected container shows. `log_tail` stands in for a missing termination message where asked for."""
    marks = raw["Config"]["Labels"]
    pod = Ref(marks[labels.POD], marks[labels.UID])
    if labels.CONTAINER not in marks:
        return _sandbox_facts(raw, pod)
    identifier = raw["Id"]
    state = _state(raw["State"])
    facts: Observed = {
        "instance": [(identifier, pod, marks[labels.CONTAINER], int(marks[labels.ATTEMPT]))],
        "instance_sandbox": [(identifier, marks[labels.SANDBOX])],
        "instance_backoff": [(identifier, int(marks[labels.BACKOFF]))],
        "instance_image": [(identifier, marks[labels.IMAGE], raw["Image"])],
        "instance_state": [(identifier, state)],
    }
    if state == "running":
        facts["instance_started"] = [(identifier, _time(raw["State"]["StartedAt"]))]
    if state == "exited":
        ended = _exit(identifier, raw, log_tail)
        facts["instance_exited"] = [ended]
        begun = _time(raw["State"]["StartedAt"]) or ended[-1]  # 0: the program could not be started
        started = min(begun, ended[-1])  # Docker stamps the start late
        facts["instance_started"] = [(identifier, started)]
    return facts


def _sandbox_facts(raw: Raw, pod: Ref) -> Observed:
    address = raw["Config"]["Labels"][labels.PLUGGED]
    state = _state(raw["State"])
    if state == "running":
        state = "ready" if not address or veth.is_plugged(veth.link_name(raw["Id"])) else "created"
    return {"sandbox": [(raw["Id"], pod, state, address, _time(raw["Created"]))]}


def wants_log_tail(raw: Raw) -> bool:
    """Whether the container's last output is its termination message."""
    return (
        raw["Config"]["Labels"].get(labels.MESSAGE_POLICY) == "FallbackToLogsOnError"
        and _state(raw["State"]) == "exited"
        and raw["State"]["ExitCode"] != 0
        and not _message(raw)
    )


def image_facts(images: Sequence[Raw]) -> Observed:
    """The names under which images are there."""
    return {
        "image": [
            (name, image["Id"])
            for image in images
            for name in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))
            if "<none>" not in name
        ]
    }


def _state(state: Raw) -> str:
    """created, running or exited; a run whose program could not be started has exited."""
    if state["Status"] == "created":
        return "exited" if state["ExitCode"] != 0 and state.get("Error") else "created"
    return "running" if state["Running"] and not state.get("Dead") else "exited"


def _exit(identifier: str, raw: Raw, log_tail: str) -> Fact:
    state = raw["State"]
    if state["Status"] == "created":
        return (identifier, START_ERROR, "StartError", _plain(state["Error"]), _time(raw["Created"]))
    reason = "OOMKilled" if state["OOMKilled"] else "Completed" if state["ExitCode"] == 0 else "Error"
    return (identifier, state["ExitCode"], reason, _message(raw) or log_tail, _time(state["FinishedAt"]))


def _message(raw: Raw) -> str:
    path = raw["Config"]["Labels"].get(labels.MESSAGE)
    if not path or not Path(path).is_file():
        return ""
    with open(path, "rb") as file:
        return file.read(MESSAGE_LIMIT).decode(errors="replace")


def _plain(error: str) -> str:
    """Docker's error without the ids that differ from run to run."""
    return re.sub(r"^.*?(?=exec: |error during container init)", "", error.strip()) or error.strip()


def _time(text: str) -> int:
    """Microseconds since 1970; the year 1 that Docker writes for "never" is 0."""
    return 0 if text.startswith("0001-") else timestamp.parse_time(text)
