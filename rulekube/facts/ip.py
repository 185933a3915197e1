"""Addresses as numbers, for rules that reckon with them: IPv4 below 2**32, IPv6 above."""

from __future__ import annotations

import ipaddress

from rulekube.engine import NO_VALUE, function


@function(returns="int", arguments=("symbol",))
def ip_number(text: str) -> object:
    """The number of an address: `10.96.0.1` → 174063617; no value where the text is not an address."""
    try:
        return int(ipaddress.ip_address(text))
    except ValueError:
        return NO_VALUE


@function(returns="symbol", arguments=("int",))
def ip_text(number: int) -> object:
    """The address of a number: 174063617 → `10.96.0.1`; no value where there is none."""
    try:
        return str(ipaddress.ip_address(number))
    except ValueError:
        return NO_VALUE


@function(returns="int", arguments=("symbol",))
def cidr_size(text: str) -> object:
    """How many addresses a range has: `10.96.0.0/16` → 65536; no value where the text is not a range."""
    try:
        return ipaddress.ip_network(text, strict=False).num_addresses
    except ValueError:
        return NO_VALUE


@function(returns="int", arguments=("symbol",))
def address_count(cidr: str) -> object:
    """The same as `cidr_size`, for rules that speak of a node's pod range."""
    return cidr_size(cidr)


@function(returns="symbol", arguments=("symbol", "int"))
def address_in(cidr: str, index: int) -> object:
    """The address number `index` of a range: `10.244.1.0/24`, 2 → `10.244.1.2`; no value outside of it."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
        return str(network[index]) if 0 <= index < network.num_addresses else NO_VALUE
    except ValueError:
        return NO_VALUE


@function(returns="int", arguments=("symbol", "symbol"))
def address_index(cidr: str, address: str) -> object:
    """Which address of a range it is: `10.244.1.0/24`, `10.244.1.2` → 2; no value outside of it."""
    try:
        network, found = ipaddress.ip_network(cidr, strict=False), ipaddress.ip_address(address)
    except ValueError:
        return NO_VALUE
    return int(found) - int(network.network_address) if found in network else NO_VALUE


@function(returns="int", arguments=("symbol",))
def prefix_length(cidr: str) -> object:
    """The length of a range's prefix: `10.244.1.0/24` → 24."""
    try:
        return ipaddress.ip_network(cidr, strict=False).prefixlen
    except ValueError:
        return NO_VALUE


@function(returns="symbol", arguments=("symbol", "int", "int"))
def subnet(cidr: str, prefix: int, index: int) -> object:
    """The range number `index` of those with `prefix` bits within a range: `10.244.0.0/16`, 24, 1 → `10.244.1.0/24`."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
        if not network.prefixlen <= prefix <= network.max_prefixlen or not 0 <= index < 1 << prefix - network.prefixlen:
            return NO_VALUE
        start = int(network.network_address) + (index << network.max_prefixlen - prefix)
        return f"{type(network.network_address)(start)}/{prefix}"
    except ValueError:
        return NO_VALUE
