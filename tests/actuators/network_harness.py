"""Stands in for the reconciler: keeps an actuator's reports as facts, and owes it the difference to what is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from rulekube.actuators.base import Action, Actuator, Fact, Facts
from tests.actuators.machine import SERVICE_RANGE

Element = tuple[str, str, str]
RANGES: list[Element] = [("service_ranges", SERVICE_RANGE, ""), ("pod_ranges", "10.244.0.0/16", "")]


class Observer:
    """An actuator under test, and the facts that its reports add up to."""

    def __init__(self, actuator: Actuator) -> None:
        self.actuator = actuator
        self.facts: set[tuple[str, Fact]] = set()
        self._changed = threading.Condition()

    def start(self) -> None:
        self.actuator.start(self.report)

    def report(self, insert: Facts | None = None, retract: Facts | None = None) -> None:
        gone = {(name, fact) for name, facts in (retract or {}).items() for fact in facts}
        new = {(name, fact) for name, facts in (insert or {}).items() for fact in facts}
        with self._changed:
            assert gone <= self.facts, "retracts what was never reported"
            self.facts -= gone
            assert self.facts.isdisjoint(new), "reports twice"
            self.facts |= new
            self._changed.notify_all()

    def wait_for(self, name: str, fact: Fact, seconds: float = 5.0, there: bool = True) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: ((name, fact) in self.facts) == there, seconds), (name, fact)

    def of(self, relation: str) -> set[Fact]:
        return {fact for name, fact in self.facts if name == relation}

    def owe(self, *actions: tuple[str, Fact]) -> None:
        self.actuator.apply([Action(relation, values[:2], values, 1) for relation, values in actions])

    def want(self, elements: Iterable[Element]) -> None:
        """Bring the table to these elements, as rules/network/elements.dl would."""
        wanted, present = {*RANGES, *elements}, self.of("element_present")
        self.owe(
            *(("delete_element", element) for element in sorted(present - wanted)),
            *(("add_element", element) for element in sorted(wanted - present)),
        )


def service(
    address: str, port: int, endpoints: list[str], protocol: str = "tcp", choice: str = "random", node_port: int = 0
) -> list[Element]:
    """The elements of one port of a Service; `endpoints` are written `10.244.1.2:8080`."""
    pairs = [endpoint.split(":") for endpoint in endpoints]
    elements: list[Element] = []
    frontends = [("services", "", f"{address} . {protocol} . {port}", f"{address} . {port}")]
    if node_port:
        frontends.append(("node_ports", "node_", f"{protocol} . {node_port}", f"{node_port}"))
    for verdicts, prefix, key, name in frontends:
        if pairs:
            elements.append((verdicts, key, f"goto {prefix}{protocol}_{choice}_{len(pairs)}"))
        elements += [
            (f"{prefix}{protocol}_endpoints", f"{name} . {index}", f"{ip} . {target}")
            for index, (ip, target) in enumerate(pairs)
        ]
    return elements
