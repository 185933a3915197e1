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
import threading
from collections.abc import Mapping, Sequence

from pyroute2 import NetlinkError

from rulekube.actuators import nftables_conntrack as conntrack
from rulekube.actuators import nftables_table as layout
from rulekube.actuators.base import Action, Facts, Report
from rulekube.actuators.network_thread import NetworkThread
from rulekube.actuators.nftables_docker import DockerUserChain
from rulekube.actuators.nftables_library import Nftables, open_nftables
from rulekube.actuators.nftables_table import Element
from rulekube.errors import ActuatorError
from rulekube.facts.addresses import bridge_prefix, table_name

logger = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
MAX_FAILURES = 8  # of single elements, before a change is given up as a whole


class NftablesActuator:
    """Owns the cluster's table. Invariant between calls: `_present` and `_chains` are what the kernel holds.

    Observes `element_present(map, key, value)`, `forward_chain(chain)` and `forward_accepted(chain)`.
    """

    name = "nftables"
    batched = True

    def __init__(self, cluster: str, namespace: str | None = None, watch_seconds: float = WATCH_SECONDS) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._table = table_name(cluster)
        self._bridges = bridge_prefix(cluster)
        self._thread = NetworkThread("nftables", namespace)
        self._watch_seconds = watch_seconds
        self._present: dict[tuple[str, str], str] = {}
        self._chains: frozenset[str] = frozenset()
        self._forwarding: Facts = {}
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None
        self._report: Report
        self._nftables: Nftables
        self._docker: DockerUserChain

    def start(self, report: Report) -> None:
        """Adopt or make the table, report what it holds, and begin to watch it."""
        self._report = report
        self._thread.call(self._open)
        self._watcher = threading.Thread(target=self._watch, name="nftables-watch", daemon=True)
        self._watcher.start()

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out every action of a commit as one transaction, and report the change."""
        self._thread.call(self._apply, actions)

    def stop(self) -> None:
        """End the watch. The table stays, and Services with it, until `clean`."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join()
        self._thread.stop()

    def clean(self) -> None:
        """Remove everything that the cluster has made in nftables; to be called after `stop`, or instead of `start`."""
        clean(self._cluster, self._namespace)

    def _open(self) -> None:
        self._nftables = open_nftables()
        self._docker = DockerUserChain(self._nftables, self._table, self._bridges)
        self._resume()
        self._report(insert={**self._element_facts(self._present), **self._observe_forwarding()}, retract={})

    def _resume(self) -> None:
        """Adopt the table in the kernel, or put an empty one in its place; then mirror it."""
        tables = {entry["table"]["name"] for entry in self._nftables.read("list tables ip")}
        listing = self._list() if self._table in tables else None
        if listing is None or layout.LAYOUT_CHAIN not in listing.chains:
            self._nftables.run(layout.create(self._table))
            listing = self._list()
        self._chains = listing.chains
        self._present = {(element.map, element.key): element.value for element in listing.elements}

    def _list(self) -> layout.Listing:
        return layout.read(self._nftables.read(f"list table ip {self._table}"))

    def _apply(self, actions: Sequence[Action]) -> None:
        unwanted = [Element(*action.values) for action in actions if action.relation == "delete_element"]
        wanted = [Element(*action.values) for action in actions if action.relation == "add_element"]
        if any(action.relation == "accept_forward" for action in actions):
            self._docker.accept()
        failures = self._carry_out(unwanted, wanted)
        self._report_forwarding()
        if failures:
            raise ActuatorError("; ".join(failures))

    def _carry_out(self, unwanted: Sequence[Element], wanted: Sequence[Element]) -> list[str]:
        """One transaction; if it is refused, halves of it, so that one bad element does not hold up the others.

        Returns what was refused and why. Gives up where more is wrong than a few elements.
        """
        try:
            self._change(unwanted, wanted)
        except ActuatorError as error:
            self._resynchronise()
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
        """Make the elements so, whatever is there: of a key that is to have another value, the old one goes."""
        new = {element for element in wanted if self._present.get(element[:2]) != element.value}
        replaced = {element[:2] for element in new}
        gone = {element for element in unwanted if self._present.get(element[:2]) == element.value}
        gone |= {Element(*key, self._present[key]) for key in replaced if key in self._present}
        chains = {name for name in map(layout.target, new) if name is not None} - self._chains
        if not new and not gone:
            return
        self._nftables.run(layout.change(self._table, gone, new, chains))
        self._chains |= chains
        for element in gone:
            del self._present[element[:2]]
        self._present.update({element[:2]: element.value for element in new})
        self._report(insert={"element_present": sorted(new)}, retract={"element_present": sorted(gone)})
        try:
            conntrack.forget(conntrack.touched(gone, self._present))
        except (NetlinkError, OSError) as error:
            logger.warning("flows of datagrams to endpoints that are gone cannot be forgotten: %s", error)

    def _watch(self) -> None:
        while not self._ended.wait(self._watch_seconds):
            try:
                self._thread.call(self._check)
            except ActuatorError as error:
                logger.warning("nftables cannot be read, the next look is in %s s: %s", self._watch_seconds, error)

    def _check(self) -> None:
        """See whether others have touched the table; listing the chains alone is cheap."""
        listed = [entry["chain"] for entry in self._nftables.read("list chains ip")]
        if frozenset(chain["name"] for chain in listed if chain["table"] == self._table) != self._chains:
            self._resynchronise()
        self._report_forwarding()

    def _resynchronise(self) -> None:
        """Read the kernel again and report where it differs from what was thought."""
        before = dict(self._present)
        self._resume()
        self._report(
            insert=self._element_facts(
                {key: value for key, value in self._present.items() if before.get(key) != value}
            ),
            retract=self._element_facts(
                {key: value for key, value in before.items() if self._present.get(key) != value}
            ),
        )

    def _report_forwarding(self) -> None:
        before = self._forwarding
        now = self._observe_forwarding()
        if before != now:
            self._report(insert=difference(now, before), retract=difference(before, now))

    def _observe_forwarding(self) -> Facts:
        self._forwarding = self._docker.observe()
        return self._forwarding

    @staticmethod
    def _element_facts(elements: Mapping[tuple[str, str], str]) -> Facts:
        return {"element_present": sorted((*key, value) for key, value in elements.items())}


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


def difference(left: Facts, right: Facts) -> Facts:
    """The facts of `left` that are not in `right`."""
    return {name: [fact for fact in facts if fact not in right.get(name, ())] for name, facts in left.items()}
