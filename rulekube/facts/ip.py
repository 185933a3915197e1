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
