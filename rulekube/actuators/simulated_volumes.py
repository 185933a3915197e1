"""Pretend volumes and probes: the facts of `volumes.py` and the answers of `probes.py`, and nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rulekube.actuators.base import Action, Report
from rulekube.actuators.ledger import Ledger
from rulekube.actuators.probes import Answer, Raw
from rulekube.actuators.simulated import SimulatedContainers
from rulekube.engine import Ref


class SimulatedVolumes:
    """The actuator `volumes` that only remembers what it was to write."""

    name = "volumes"
    batched = False

    def __init__(self) -> None:
        self._volumes: dict[Ref, dict[str, str]] = {}

    def start(self, report: Report) -> None:
        """Nothing is there yet."""
        self._ledger = Ledger(report)
        self._ledger.open({})

    def stop(self) -> None:
        """Nothing is held."""

    def apply(self, actions: Sequence[Action]) -> None:
        """Remember, or forget."""
        for action in actions:
            if action.relation == "write_volume":
                self._write(*action.values)
            else:
                self._remove(action.values[0])

    def _write(self, pod: Ref, volume: str, digest: str, _content: Any) -> None:
        known = self._volumes.setdefault(pod, {})
        known[volume] = digest
        facts = [(pod, name, value, 0) for name, value in known.items()]
        self._ledger.replace(pod.uid, {"pod_folder": [(pod,)], "volume": facts})

    def _remove(self, pod: Ref) -> None:
        self._volumes.pop(pod, None)
        self._ledger.replace(pod.uid, {})


class SimulatedProber:
    """Answers probes as the behaviour of the run says: `"ready"` and `"live"`, both true unless told otherwise."""

    def __init__(self, containers: SimulatedContainers) -> None:
        self._containers = containers

    def __call__(self, identifier: str, probe: str, check: Raw) -> Answer:  # noqa: ARG002 - nothing is asked
        """Answer; see `probes.Prober`."""
        run = self._containers.run(identifier)
        if run is None or run.ended is not None:
            return Answer(False, "the container does not run")
        success = bool(run.behaviour.get("ready" if probe == "readiness" else "live", True))
        return Answer(success, "" if success else "told to fail")
