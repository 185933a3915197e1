"""Pure functions that know Kubernetes, for rules and for the writer alike.

`FUNCTIONS` is what the reconciler passes to the engine.
"""

from __future__ import annotations

import hashlib
from typing import Any

from rulekube.engine import NO_VALUE, function
from rulekube.facts import addresses

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels, nothing that looks alike


def generated_suffix(seed: str) -> str:
    """Five characters of Kubernetes' alphabet that depend on `seed` alone."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    letters = []
    for _ in range(5):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


@function(returns="symbol", arguments=("symbol", "symbol"))
def bridge_name(cluster: str, node: str) -> str:
    """The bridge that a node's pods are plugged into."""
    return addresses.bridge_name(cluster, node)


@function(returns="symbol", arguments=("symbol",))
def gateway_interface(cidr: str) -> Any:
    """The address of a node's bridge with its prefix; what is not an IPv4 range with room for it has none."""
    try:
        return addresses.gateway_interface(cidr)
    except (ValueError, IndexError):
        return NO_VALUE


FUNCTIONS = (bridge_name, gateway_interface)
