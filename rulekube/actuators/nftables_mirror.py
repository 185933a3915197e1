"""The table in the kernel and its mirror here, which is what the kernel holds between two calls.

So a change can be told from what is already so, an order that comes twice is carried out once, and a key that is to
have another value loses the old one in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rulekube.actuators import nftables_table as layout
from rulekube.actuators.nftables_library import Nftables
from rulekube.actuators.nftables_table import Element


class Change(NamedTuple):
    """What a transaction has done."""

    new: frozenset[Element]
    gone: frozenset[Element]


class TableMirror:
    """One cluster's table. `present` maps (map, key) to value."""

    def __init__(self, nftables: Nftables, table: str) -> None:
        self._nftables = nftables
        self._table = table
        self._chains: frozenset[str] = frozenset()
        self.present: dict[tuple[str, str], str] = {}

    def resume(self) -> Change:
        """Adopt the table in the kernel, or put an empty one in its place; says how it differs from the mirror."""
        tables = {entry["table"]["name"] for entry in self._nftables.read("list tables ip")}
        listing = self._list() if self._table in tables else None
        if listing is None or layout.LAYOUT_CHAIN not in listing.chains:
            self._nftables.run(layout.create(self._table))
            listing = self._list()
        before = {Element(*key, value) for key, value in self.present.items()}
        self._chains = listing.chains
        self.present = {(element.map, element.key): element.value for element in listing.elements}
        return Change(frozenset(listing.elements - before), frozenset(before - listing.elements))

    def is_standing(self) -> bool:
        """Whether the kernel still has its chains: a cheap look that notices a table flushed or replaced."""
        listed = [entry["chain"] for entry in self._nftables.read("list chains ip")]
        return frozenset(chain["name"] for chain in listed if chain["table"] == self._table) == self._chains

    def change(self, unwanted: Iterable[Element], wanted: Iterable[Element]) -> Change:
        """Make the elements so, in one transaction. On ActuatorError none has changed.

        Chains that elements are the first to go to are made in a transaction of their own before: a packet under way
        follows the rules as they were when it came but finds the elements of the moment, and would find such a chain
        empty.
        """
        new = frozenset(element for element in wanted if self.present.get(element[:2]) != element.value)
        gone = {element for element in unwanted if self.present.get(element[:2]) == element.value}
        gone |= {Element(*key, self.present[key]) for key in {element[:2] for element in new} if key in self.present}
        chains = {name for name in map(layout.target, new) if name is not None} - self._chains
        if chains:
            self._nftables.run("\n".join(layout.chain(self._table, name) for name in sorted(chains)))
            self._chains |= chains
        if new or gone:
            self._nftables.run(layout.change(self._table, gone, new))
            for element in gone:
                del self.present[element[:2]]
            self.present.update({element[:2]: element.value for element in new})
        return Change(new, frozenset(gone))

    def _list(self) -> layout.Listing:
        return layout.read(self._nftables.read(f"list table ip {self._table}"))
