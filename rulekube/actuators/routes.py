"""Bridges, routes and kernel switches of this machine, by netlink.

One bridge for each of the machine's nodes, with the pods' gateway as its address; a route for the Services' range, so
that the machine's own packets to a Service get as far as translation even where no default route is; a route for
each pod range that lives on another machine; `ip_forward`. Rules decide all of it and see what is there.

What belongs to the cluster is told by marks that survive a crash: bridges by the beginning of their names, routes by
their protocol number (77) and their metric, which is derived from the cluster. `clean` removes what bears them. Kernel
switches are put back to what the first of a row of crashed predecessors found.
"""

from __future__ import annotations

from collections.abc import Sequence

from rulekube.actuators.base import Action, Facts, Report
from rulekube.actuators.network_thread import NetworkThread
from rulekube.actuators.network_watch import WATCH_SECONDS, Watch, difference
from rulekube.actuators.routes_kernel import Kernel, read_sysctls, remember_sysctls, restore_sysctls, write_sysctl
from rulekube.errors import ActuatorError


class RoutesActuator:
    """Keeps the machine's bridges and routes. `_reported` is what rules were told last.

    Observes `bridge_present(name, address)`, `route_present(destination, target)` and `sysctl_value(name, value)`.
    """

    name = "routes"
    batched = True

    def __init__(self, cluster: str, namespace: str | None = None, watch_seconds: float = WATCH_SECONDS) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._thread = NetworkThread("routes", namespace)
        self._reported: Facts = {}
        self._watch = Watch("routes", lambda: self._thread.call(self._look), watch_seconds)
        self._report: Report
        self._kernel: Kernel

    def start(self, report: Report) -> None:
        """Report what the machine has, and begin to watch it."""
        self._report = report
        self._thread.call(self._open)
        self._watch.start()

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out what is owed, removals first, and report what has become of it."""
        self._thread.call(self._apply, actions)

    def stop(self) -> None:
        """End the watch. Bridges, routes and switches stay, and pods with them, until `clean`."""
        self._watch.stop()
        if self._reported:
            self._thread.call(self._kernel.close)
        self._thread.stop()

    def clean(self) -> None:
        """Remove bridges and routes and put switches back; to be called after `stop`, or instead of `start`."""
        clean(self._cluster, self._namespace)

    def _open(self) -> None:
        self._kernel = Kernel(self._cluster)
        remember_sysctls(self._cluster)
        self._reported = self._observe()
        self._report(insert=self._reported)

    def _apply(self, actions: Sequence[Action]) -> None:
        failures = []
        for action in sorted(actions, key=lambda action: ORDER.index(action.relation)):
            try:
                self._carry_out(action)
            except ActuatorError as error:
                failures.append(f"{action.relation}{action.key}: {error.reason}")
        self._look()
        if failures:
            raise ActuatorError("; ".join(failures))

    def _carry_out(self, action: Action) -> None:
        match action.relation, action.values:
            case "set_sysctl", (name, value):
                write_sysctl(name, value)
            case "create_bridge", (name, address):
                self._kernel.set_bridge(name, address)
            case "delete_bridge", (name,):
                self._kernel.delete_bridge(name)
            case "add_route", (destination, target):
                self._kernel.set_route(destination, target)
            case "delete_route", (destination, target):
                self._kernel.delete_route(destination, target)

    def _look(self) -> None:
        """Report what has changed since the last look."""
        before, now = self._reported, self._observe()
        self._reported = now
        if before != now:
            self._report(insert=difference(now, before), retract=difference(before, now))

    def _observe(self) -> Facts:
        return {
            "bridge_present": sorted(self._kernel.bridges()),
            "route_present": sorted(self._kernel.routes()),
            "sysctl_value": sorted(read_sysctls().items()),
        }


# Removals before additions, so that what takes another's place finds it free; switches first.
ORDER = ("set_sysctl", "delete_route", "delete_bridge", "create_bridge", "add_route")


def clean(cluster: str, namespace: str | None = None) -> None:
    """Remove the cluster's routes and bridges and put switches back, whoever has made them."""
    thread = NetworkThread("routes-clean", namespace)
    try:
        thread.call(_remove, cluster)
    finally:
        thread.stop()


def _remove(cluster: str) -> None:
    kernel = Kernel(cluster)
    try:
        for destination, target in kernel.routes():
            kernel.delete_route(destination, target)
        for name, _ in kernel.bridges():
            kernel.delete_bridge(name)
        restore_sysctls(cluster)
    finally:
        kernel.close()
