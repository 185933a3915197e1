"""IP addresses and networks.

Source: k8s.io/apimachinery/pkg/util/validation/ip.go (with strict validation, which 1.36 has by default),
ValidateNonSpecialIP (pkg/apis/core/validation).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from rulekube.facts.validation.checks import Errors
from rulekube.selectors.field_error import invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_AN_ADDRESS: Final = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_NETWORK: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_SPECIAL: Final = (  # what an address may not be, and what is said of it
    ("is_unspecified", "may not be unspecified ({})"),
    ("is_loopback", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
    ("is_link_local", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
)
_LINK_LOCAL_MULTICAST: Final = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def address(path: str, text: str, kept: Sequence[str] = ()) -> Errors:
    """An IP address; one of `kept` (the old object's) passes whatever it is."""
    if text in kept:
        return
    found = sloppy(text)
    if found is None:
        yield invalid(path, text, _NOT_AN_ADDRESS)
    elif _has_leading_zeros(text):
        yield invalid(path, text, "must not have leading 0s")
    elif isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        yield invalid(path, text, "must not be an IPv4-mapped IPv6 address")


def network(path: str, text: str, kept: Sequence[str] = ()) -> Errors:
    """A network in CIDR form; one of `kept` (the old object's) passes whatever it is."""
    if text in kept:
        return
    base, slash, length = text.partition("/")
    found = sloppy(base)
    widest = 128 if isinstance(found, ipaddress.IPv6Address) else 32
    if found is None or not slash or not re.fullmatch(r"[0-9]{1,3}", length, re.ASCII) or int(length) > widest:
        yield invalid(path, text, _NOT_A_NETWORK)
        return
    if _has_leading_zeros(base):
        yield invalid(path, text, "must not have leading 0s in IP")
    elif length != str(int(length)):
        yield invalid(path, text, "must not have leading 0s in prefix length")
    elif isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        yield invalid(path, text, "must not have an IPv4-mapped IPv6 address")
    elif ipaddress.ip_network(f"{found}/{length}", strict=False).network_address != found:
        yield invalid(path, text, "must not have bits set beyond the prefix length")


def ordinary(path: str, text: str) -> Errors:
    """An address that others can reach: not unspecified, loopback or link-local."""
    found = sloppy(text)
    if found is None:
        yield invalid(path, text, "must be a valid IP address")
        return
    for kind, message in _SPECIAL:
        if getattr(found, kind):
            yield invalid(path, text, message.format(text))
    if any(found.version == net.version and found in net for net in _LINK_LOCAL_MULTICAST):
        yield invalid(path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def of_family(path: str, text: str, version: int) -> Errors:
    """An address of IPv4 or of IPv6."""
    found = sloppy(text)
    if found is None or found.version != version:
        yield invalid(path, text, f"must be a valid IPv{version} address")
    else:
        yield from address(path, text)


def sloppy(text: str) -> Address | None:
    """The address a text means, where leading zeros count for nothing."""
    try:
        return ipaddress.ip_address(
            re.sub(r"(?<![0-9.])0+(?=[0-9])|(?<=\.)0+(?=[0-9])", "", text) if ":" not in text else text
        )
    except ValueError:
        return None


def version(text: str) -> int:
    """4 or 6; 0 for what is no address."""
    found = sloppy(text)
    return found.version if found else 0


def _has_leading_zeros(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return True
    return False
