"""Which pod holds which address of the node: the actuator `addresses`.

Rules choose the index in the node's pod CIDR; a lease makes the choice stand before the sandbox exists, and across a
crash. A lease is one file named by its index, so two pods cannot hold one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rulekube.actuators.base import Action, Fact, Report
from rulekube.actuators.ledger import Ledger
from rulekube.engine import Ref
from rulekube.errors import ActuatorError


class AddressLeases:
    """The actuator `addresses`, with its leases in `folder`."""

    name = "addresses"
    batched = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, report: Report) -> None:
        """Report the leases."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ledger = Ledger(report)
        self._ledger.open({path.name: {"address_lease": [_lease(path)]} for path in sorted(self._folder.iterdir())})

    def stop(self) -> None:
        """Nothing is held."""

    def apply(self, actions: Sequence[Action]) -> None:
        """Make or end leases."""
        for action in actions:
            if action.relation == "lease_address":
                self._take(*action.values)
            else:
                self._release(*action.values)

    def _take(self, pod: Ref, index: int) -> None:
        path = self._folder / str(index)
        try:
            with path.open("x") as file:
                file.write(f"{pod.path} {pod.uid}")
        except FileExistsError as error:
            if _lease(path)[0] is not pod:
                raise ActuatorError(f"address {index} is leased to {_lease(path)[0]}") from error
        self._ledger.replace(path.name, {"address_lease": [(pod, index)]})

    def _release(self, pod: Ref, index: int) -> None:
        path = self._folder / str(index)
        if path.exists() and _lease(path)[0] is pod:
            path.unlink()
            self._ledger.replace(path.name, {})


def _lease(path: Path) -> Fact:
    pod, _, uid = path.read_text().partition(" ")
    return (Ref(pod, uid), int(path.name))
