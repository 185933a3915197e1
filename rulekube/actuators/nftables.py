"""Services in the kernel: one nftables table per cluster, changed by elements.

The rules want elements and see those that are there; the difference arrives here as `add_element` and `delete_element`,
all of a commit at once, and goes to the kernel as one transaction: a connection opened meanwhile meets the Service
as it was or as it is. What the transaction did is reported before `apply` returns.

At start a table that a crashed predecessor left is adopted as it stands (its connections go on), unless it has another
layout; then an empty one takes its place. A thread looks every few seconds whether the table still stands, because
`nft flush ruleset` by an administrator would take it along; then it is made anew and the rules fill it again.

Where Docker has set the policy of forwarding to drop, its chain DOCKER-USER gets two rules that accept what
enters or leaves our bridges.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from pyroute2 import NetlinkError

from rulekube.actuators import nftables_conntrack as conntrack
from rulekube.actuators import nftables_table as layout
from rulekube.actuators.base import Action, Facts, Report
from rulekube.actuators.network_thread import NetworkThread
from rulekube.actuators.network_watch import WATCH_SECONDS, Watch, difference
from rulekube.actuators.nftables_docker import DockerUserChain
from rulekube.actuators.nftables_library import open_nftables
from rulekube.actuators.nftables_mirror import Change, TableMirror
from rulekube.actuators.nftables_table import Element
from rulekube.errors import ActuatorError
from rulekube.facts.addresses import bridge_prefix, table_name

logger = logging.getLogger(__name__)

MAX_FAILURES = 8  # of single elements, before a change is given up as a whole


class NftablesActuator:
    """Keeps the cluster's table.

    Observes `element_present(map, key, value)`, `forward_chain(chain)` and `forward_accepted(chain)`.
    """

    name = "nftables"
    batched = True

    def __init__(self, cluster: str, namespace: str | None = None, watch_seconds: float = WATCH_SECONDS) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._thread = NetworkThread("nftables", namespace)
        self._watch = Watch("nftables", lambda: self._thread.call(self._look), watch_seconds)
        self._forwarding: Facts = {}
        self._report: Report
        self._mirror: TableMirror
        self._docker: DockerUserChain

    def start(self, report: Report) -> None:
        """Adopt or make the table, report what it holds, and begin to watch it."""
        self._report = report
        self._thread.call(self._open)
        self._watch.start()

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out every action of a commit as one transaction, and report the change."""
        self._thread.call(self._apply, actions)

    def stop(self) -> None:
        """End the watch. The table stays, and Services with it, until `clean`."""
        self._watch.stop()
        self._thread.stop()

    def clean(self) -> None:
        """Remove everything that the cluster has made in nftables; to be called after `stop`, or instead of `start`."""
        clean(self._cluster, self._namespace)

    def _open(self) -> None:
        nftables = open_nftables()
        self._mirror = TableMirror(nftables, table_name(self._cluster))
        self._docker = DockerUserChain(nftables, table_name(self._cluster), bridge_prefix(self._cluster))
        change = self._mirror.resume()
        self._forwarding = self._docker.observe()
        self._report(insert={**element_facts(change.new), **self._forwarding})

    def _look(self) -> None:
        """See whether others have touched what is ours."""
        if not self._mirror.is_standing():
            self._tell(self._mirror.resume())
        self._tell_forwarding()

    def _apply(self, actions: Sequence[Action]) -> None:
        unwanted = [Element(*action.values) for action in actions if action.relation == "delete_element"]
        wanted = [Element(*action.values) for action in actions if action.relation == "add_element"]
        if any(action.relation == "accept_forward" for action in actions):
            self._docker.accept()
        failures = self._carry_out(unwanted, wanted)
        self._tell_forwarding()
        if failures:
            raise ActuatorError("; ".join(failures))

    def _carry_out(self, unwanted: Sequence[Element], wanted: Sequence[Element]) -> list[str]:
        """One transaction; if it is refused, halves of it, so that one bad element does not hold up the others.

        Returns what was refused and why. Gives up where more is wrong than a few elements.
        """
        try:
            self._change(unwanted, wanted)
        except ActuatorError as error:
            self._tell(self._mirror.resume())
            if len(unwanted) + len(wanted) == 1:
                return [f"{(*unwanted, *wanted)[0]}: {error.reason}"]
        else:
            return []
        failures: list[str] = []
        for part in halves(unwanted, wanted):
            failures += self._carry_out(*part)
            if len(failures) > MAX_FAILURES:
                raise ActuatorError("; ".join(failures))
        return failures

    def _change(self, unwanted: Sequence[Element], wanted: Sequence[Element]) -> None:
        change = self._mirror.change(unwanted, wanted)
        self._tell(change)
        try:
            conntrack.forget(conntrack.touched(change.gone, self._mirror.present))
        except (NetlinkError, OSError) as error:
            logger.warning("flows of datagrams to endpoints that are gone cannot be forgotten: %s", error)

    def _tell(self, change: Change) -> None:
        if change.new or change.gone:
            self._report(insert=element_facts(change.new), retract=element_facts(change.gone))

    def _tell_forwarding(self) -> None:
        before, self._forwarding = self._forwarding, self._docker.observe()
        if before != self._forwarding:
            insert, retract = difference(self._forwarding, before), difference(before, self._forwarding)
            self._report(insert=insert, retract=retract)


def element_facts(elements: Iterable[Element]) -> Facts:
    """Elements as facts, in order."""
    return {"element_present": [tuple(element) for element in sorted(elements)]}


def clean(cluster: str, namespace: str | None = None) -> None:
    """Remove the cluster's table and its rules in Docker's chain, whoever has made them."""
    thread = NetworkThread("nftables-clean", namespace)
    try:
        thread.call(_remove, table_name(cluster), bridge_prefix(cluster))
    finally:
        thread.stop()


def _remove(table: str, bridges: str) -> None:
    nftables = open_nftables()
    nftables.run(layout.delete(table))
    DockerUserChain(nftables, table, bridges).remove()


def halves(unwanted: Sequence[Element], wanted: Sequence[Element]) -> list[tuple[Sequence[Element], Sequence[Element]]]:
    """Two smaller changes in place of a large one: what goes and what comes, else the first and the second half."""
    if unwanted and wanted:
        return [(unwanted, ()), ((), wanted)]
    middle = (len(unwanted) + len(wanted)) // 2
    if unwanted:
        return [(unwanted[:middle], ()), (unwanted[middle:], ())]
    return [((), wanted[:middle]), ((), wanted[middle:])]
