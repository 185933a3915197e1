"""Docker's door: its chain DOCKER-USER in `ip filter`, which Docker leaves to others and never empties.

Docker sets the policy of FORWARD to drop, and a drop there is final, whatever our own table accepts. So traffic of our
bridges is accepted in DOCKER-USER, by one rule for what enters by them and one for what leaves by them.
Source: Docker's manual, "Packet filtering and firewalls".
"""

from __future__ import annotations

from rulekube.actuators.base import Facts
from rulekube.actuators.nftables_library import Nftables

CHAIN = "DOCKER-USER"


class DockerUserChain:
    """Our two rules in DOCKER-USER, found again by their comment: the name of our table."""

    def __init__(self, nftables: Nftables, table: str, bridges: str) -> None:
        self._nftables = nftables
        self._comment = table
        self._bridges = bridges

    def observe(self) -> Facts:
        """`forward_chain` where Docker has made its chain, `forward_accepted` where both our rules stand in it."""
        there = self._exists()
        accepted = there and len(self._handles()) == 2
        return {"forward_chain": [(CHAIN,)] if there else [], "forward_accepted": [(CHAIN,)] if accepted else []}

    def accept(self) -> None:
        """Put our rules first."""
        if self._exists():
            rules = [
                f'insert rule ip filter {CHAIN} {interface} "{self._bridges}*" counter accept comment "{self._comment}"'
                for interface in ("iifname", "oifname")
            ]
            self._nftables.run("\n".join([*self._deletions(), *rules]))

    def remove(self) -> None:
        """Take our rules away."""
        if self._exists() and (deletions := self._deletions()):
            self._nftables.run("\n".join(deletions))

    def _exists(self) -> bool:
        chains = (entry["chain"] for entry in self._nftables.read("list chains ip"))
        return any(chain["table"] == "filter" and chain["name"] == CHAIN for chain in chains)

    def _handles(self) -> list[int]:
        listed = self._nftables.read(f"list chain ip filter {CHAIN}")
        rules = (entry["rule"] for entry in listed if "rule" in entry)
        return [rule["handle"] for rule in rules if rule.get("comment") == self._comment]

    def _deletions(self) -> list[str]:
        return [f"delete rule ip filter {CHAIN} handle {handle}" for handle in self._handles()]
