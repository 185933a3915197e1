"""Pretend containers: the actions and facts of `docker_containers.py`, with states in memory and no process behind.

A run starts at once and lasts until it is signalled or removed, unless the pod's annotation
`simulated.rulekube.dev/behaviour` says otherwise: a JSON object from container name to
`{"exitCode": 1, "after": 0.5, "startError": "…", "ignoresTerm": true, "ready": false, "log": "…", "message": "…"}`
(`after` in seconds). Images are pulled at once, but for those of a registry below `.invalid`, which never answers.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rulekube.actuators.base import Action, Fact, Facts, Report
from rulekube.actuators.docker_facts import START_ERROR, Observed
from rulekube.actuators.docker_labels import Owner
from rulekube.actuators.ledger import Ledger
from rulekube.actuators.log_stream import LogStream, LogWindow, TextStream
from rulekube.engine import Ref, from_json
from rulekube.errors import ActuatorError
from rulekube.facts.timestamp import format_micro_time

BEHAVIOUR = "simulated.rulekube.dev/behaviour"
TERM_CODE, KILL_CODE = 143, 137

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Sandbox:
    """A pretend sandbox."""

    id: str
    pod: Ref
    address: str
    created: int


@dataclass(frozen=True)
class Run:
    """One pretend run of a container; `ended` is (code, reason, message, time), None while it runs."""

    id: str
    pod: Ref
    container: str
    attempt: int
    config: Raw
    started: int
    behaviour: Raw = field(default_factory=dict)
    signals: tuple[Fact, ...] = ()
    ended: tuple[int, str, str, int] | None = None


class SimulatedContainers:
    """The actuator `containers` without an engine. `clock` gives microseconds since 1970."""

    name = "containers"
    batched = False

    def __init__(self, owner: Owner, *, clock: Callable[[], int]) -> None:
        self._owner = owner
        self._clock = clock
        self._lock = threading.RLock()
        self._sandboxes: dict[str, Sandbox] = {}
        self._runs: dict[str, Run] = {}
        self._images: set[str] = set()
        self._timers: dict[str, threading.Timer] = {}
        self._ledger = Ledger(_to_nobody)

    # -- observing ---------------------------------------------------------------------------------------------------

    def start(self, report: Report) -> None:
        """Report all that is here."""
        with self._lock:
            self._ledger = Ledger(report)
            sources = [*self._sandboxes, *self._runs]
            self._ledger.open({source: self._observe(source) for source in sources} | {"images": self._image_facts()})

    def stop(self) -> None:
        """End the timers. The pretend containers stay."""
        with self._lock:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    def _observe(self, identifier: str) -> Observed:
        sandbox = self._sandboxes.get(identifier)
        if sandbox is not None:
            return {"sandbox": [(sandbox.id, sandbox.pod, "ready", sandbox.address, sandbox.created)]}
        run = self._runs.get(identifier)
        return {} if run is None else _run_facts(run)

    def _image_facts(self) -> Observed:
        return {"image": [(name, f"sha256:{_digest(name)}") for name in sorted(self._images)]}

    def _show(self, identifier: str) -> None:
        self._ledger.replace(identifier, self._observe(identifier))

    # -- acting ------------------------------------------------------------------------------------------------------

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out each action; see `rules/node/actions.dl`."""
        with self._lock:
            for action in actions:
                _EFFECTS[action.relation](self, *action.values)

    def run_sandbox(self, pod: Ref, config: Any) -> None:
        """Give the pod a pretend sandbox."""
        identifier = _digest(self._owner.sandbox_name(pod))
        network = from_json(config)["network"]
        if identifier not in self._sandboxes:
            address = network["address"] if network["mode"] == "pod" else ""
            self._sandboxes[identifier] = Sandbox(identifier, pod, address, self._clock())
        self._show(identifier)

    def remove_sandbox(self, identifier: str) -> None:
        """Forget a sandbox."""
        self._sandboxes.pop(identifier, None)
        self._show(identifier)

    def run_container(self, pod: Ref, container: str, attempt: int, config: Any) -> None:
        """Start a pretend run."""
        settings: Raw = from_json(config)
        if settings["sandbox"] not in self._sandboxes:
            raise ActuatorError(f"No such container: {settings['sandbox']}")
        if settings["image"] not in self._images:
            raise ActuatorError(f"No such image: {settings['image']}")
        identifier = _digest(self._owner.container_name(pod, container, attempt))
        if identifier not in self._runs:
            behaviour = _behaviour(settings, container)
            run = Run(identifier, pod, container, attempt, settings, self._clock(), behaviour)
            if "startError" in behaviour:
                run = replace(run, ended=(START_ERROR, "StartError", behaviour["startError"], run.started))
            self._runs[identifier] = run
            if "exitCode" in behaviour and run.ended is None:
                self._end_later(run)
        self._show(identifier)

    def _end_later(self, run: Run) -> None:
        code, message = run.behaviour["exitCode"], run.behaviour.get("message", "")
        timer = threading.Timer(run.behaviour.get("after", 0.0), self._end, (run.id, code, message))
        timer.daemon = True
        self._timers[run.id] = timer
        timer.start()

    def _end(self, identifier: str, code: int, message: str = "") -> None:
        with self._lock:
            self._timers.pop(identifier, None)
            run = self._runs.get(identifier)
            if run is None or run.ended is not None:
                return
            reason = "Completed" if code == 0 else "Error"
            self._runs[identifier] = replace(run, ended=(code, reason, message, self._clock()))
            self._show(identifier)

    def signal_container(self, identifier: str, signal: str) -> None:
        """End a run, unless it ignores the polite signal."""
        run = self._runs.get(identifier)
        if run is None or run.ended is not None:
            return
        self._runs[identifier] = replace(run, signals=(*run.signals, (identifier, signal, self._clock())))
        if signal == "KILL" or not run.behaviour.get("ignoresTerm"):
            self._end(identifier, KILL_CODE if signal == "KILL" else TERM_CODE)
        self._show(identifier)

    def remove_container(self, identifier: str) -> None:
        """Forget a run."""
        timer = self._timers.pop(identifier, None)
        if timer is not None:
            timer.cancel()
        self._runs.pop(identifier, None)
        self._show(identifier)

    def pull_image(self, image: str, attempt: int) -> None:
        """Pretend to fetch an image."""
        if image.partition("/")[0].partition(":")[0].endswith(".invalid"):
            fact = (image, attempt, f"no such host: {image.partition('/')[0]}", self._clock())
            self._ledger.replace(f"pull {image}", {"pull_failed": [fact]})
            return
        self._images.add(image)
        self._ledger.replace(f"pull {image}", {})
        self._ledger.replace("images", self._image_facts())

    # -- for probes and logs -----------------------------------------------------------------------------------------

    def run(self, identifier: str) -> Run | None:
        """The pretend run of this id."""
        return self._runs.get(identifier)

    def log(self, identifier: str, window: LogWindow) -> LogStream:
        """What the behaviour says that a container wrote."""
        run = self._runs.get(identifier)
        lines = str(run.behaviour.get("log", "")).splitlines(keepends=True) if run else []
        shown = lines if window.tail is None else lines[len(lines) - window.tail :]
        before = f"{format_micro_time(run.started)} " if run and window.timestamps else ""
        return TextStream("".join(before + line for line in shown).encode())

    def answers(self) -> bool:
        """Pretence always works."""
        return True

    def clear(self) -> None:
        """Forget everything."""
        for identifier in [*self._runs, *self._sandboxes]:
            self.remove_container(identifier)
            self.remove_sandbox(identifier)

    def version(self) -> str:
        """As a Node's containerRuntimeVersion."""
        return "simulated://1"


_EFFECTS: Mapping[str, Callable[..., None]] = {
    "run_sandbox": SimulatedContainers.run_sandbox,
    "remove_sandbox": SimulatedContainers.remove_sandbox,
    "run_container": SimulatedContainers.run_container,
    "signal_container": SimulatedContainers.signal_container,
    "remove_container": SimulatedContainers.remove_container,
    "pull_image": SimulatedContainers.pull_image,
}


def _to_nobody(insert: Facts | None = None, retract: Facts | None = None) -> None:
    """Before the start nobody listens."""


def _run_facts(run: Run) -> Observed:
    facts: Observed = {
        "instance": [(run.id, run.pod, run.container, run.attempt)],
        "instance_sandbox": [(run.id, run.config["sandbox"])],
        "instance_backoff": [(run.id, run.config.get("backoff", 0))],
        "instance_image": [(run.id, run.config["image"], f"sha256:{_digest(run.config['image'])}")],
        "instance_state": [(run.id, "running" if run.ended is None else "exited")],
        "instance_started": [(run.id, run.started)],
    }
    if run.signals:
        facts["signalled"] = list(run.signals)
    if run.ended is not None:
        facts["instance_exited"] = [(run.id, *run.ended)]
    return facts


def _behaviour(config: Raw, container: str) -> Raw:
    text = (config.get("annotations") or {}).get(BEHAVIOUR)
    if not text:
        return {}
    try:
        behaviours = json.loads(text)
    except ValueError as error:
        raise ActuatorError(f"annotation {BEHAVIOUR} is not JSON: {error}", temporary=False) from error
    behaviour: Raw = behaviours.get(container, {})
    return behaviour


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
