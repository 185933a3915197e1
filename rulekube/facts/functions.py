"""Pure functions that know Kubernetes, for rules and for the writer alike.

`FUNCTIONS` is what the reconciler passes to the engine.
"""

from __future__ import annotations

import hashlib

from rulekube.engine import NO_VALUE, Function, function
from rulekube.facts import addresses, ip, timestamp
from rulekube.facts.node_functions import NODE_FUNCTIONS
from rulekube.facts.selection import requirements

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels, nothing that looks alike
_MILLI, _WHOLE = 10**6, 10**9  # of nano units


@function(returns="symbol", arguments=("symbol",))
def generated_suffix(seed: str) -> str:
    """Five characters of Kubernetes' alphabet that depend on `seed` alone."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    letters = []
    for _ in range(5):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


@function(returns="int", arguments=("quantity",))
def milli(amount: int) -> int:
    """Thousandths of a quantity, rounded up, as Quantity.MilliValue."""
    return -(-amount // _MILLI)


@function(returns="int", arguments=("quantity",))
def whole(amount: int) -> int:
    """Units of a quantity, rounded up, as Quantity.Value."""
    return -(-amount // _WHOLE)


@function(returns="symbol", arguments=("time",))
def format_time(micros: int) -> str:
    """A time as metav1.Time writes it: `2006-01-02T15:04:05Z`."""
    return timestamp.format_time(micros)


@function(returns="symbol", arguments=("time",))
def format_micro_time(micros: int) -> str:
    """A time as metav1.MicroTime writes it: `2006-01-02T15:04:05.000000Z`."""
    return timestamp.format_micro_time(micros)


@function(returns="time", arguments=("symbol",))
def parse_time(text: str) -> object:
    """The time an RFC 3339 text says; no value where it is none."""
    try:
        return timestamp.parse_time(text)
    except ValueError:
        return NO_VALUE


@function(returns="symbol", arguments=("symbol", "symbol"))
def bridge_name(cluster: str, node: str) -> str:
    """The bridge that a node's pods are plugged into."""
    return addresses.bridge_name(cluster, node)


@function(returns="symbol", arguments=("symbol",))
def gateway_interface(cidr: str) -> object:
    """The address of a node's bridge with its prefix; what is not an IPv4 range with room for it has none."""
    try:
        return addresses.gateway_interface(cidr)
    except (ValueError, IndexError):
        return NO_VALUE


FUNCTIONS: tuple[Function, ...] = (
    bridge_name,
    gateway_interface,
    generated_suffix,
    milli,
    whole,
    format_time,
    format_micro_time,
    parse_time,
    ip.ip_number,
    ip.ip_text,
    ip.cidr_size,
    ip.address_count,
    ip.address_in,
    ip.address_index,
    ip.prefix_length,
    ip.subnet,
    requirements,
    *NODE_FUNCTIONS,
)
