"""Which address ranges this machine uses already, and whether a cluster's own would get in their way.

A cluster whose pods or Services had addresses of another link would answer for others, or never be reached. So what is
there is looked at once, before anything is made; the cluster's own bridges and routes, left by a crash, do not count.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pyroute2 import IPRoute

from rulekube.actuators.network_thread import NetworkThread
from rulekube.actuators.routes_kernel import PROTOCOL, metric
from rulekube.errors import SetupError
from rulekube.facts.addresses import bridge_prefix

Range = ipaddress.IPv4Network
MAIN_TABLE = 254
ANOTHER_CLUSTER = re.compile(r"rk[0-9a-f]{5}-")  # how links of any RuleKube cluster are called
PROPOSALS = {"--pod-cidr": range(244, 256), "--service-cidr": range(96, 128)}  # second bytes of 10.N.0.0/16


class Used(NamedTuple):
    """A range in use: `link` is the device it lies behind, `kind` is "link" for its own address, else "route"."""

    range: Range
    link: str
    kind: str


def in_use(cluster: str, namespace: str | None = None) -> list[Used]:
    """What the machine's addresses and routes cover, but for the default route and what is the cluster's own."""
    thread = NetworkThread("ranges", namespace)
    try:
        return thread.call(_read, cluster)
    finally:
        thread.stop()


def _read(cluster: str) -> list[Used]:
    with IPRoute() as kernel:
        links = {message["index"]: str(message.get("ifname")) for message in kernel.get_links()}
        found = {*_addresses(kernel, links), *_routes(kernel, links, metric(cluster))}
    return sorted(one for one in found if not one.link.startswith(bridge_prefix(cluster)))


def _addresses(kernel: IPRoute, links: Mapping[int, str]) -> Iterator[Used]:
    for message in kernel.get_addr(family=2):
        covered = Range(f"{message.get('address')}/{message['prefixlen']}", strict=False)
        yield Used(covered, links.get(message["index"], ""), "link")


def _routes(kernel: IPRoute, links: Mapping[int, str], own: int) -> Iterator[Used]:
    for message in kernel.get_routes(family=2, table=MAIN_TABLE):
        is_own = message["proto"] == PROTOCOL and message.get("priority") == own
        if message["dst_len"] > 0 and not is_own:
            covered = Range(f"{message.get('dst')}/{message['dst_len']}")
            yield Used(covered, links.get(message.get("oif"), ""), "route")


def refuse_overlaps(wanted: Mapping[str, str], used: Sequence[Used]) -> None:
    """Raise SetupError where a range of `wanted` (flag → CIDR) overlaps another of them or one in use.

    The message names the link and the flags to give instead.
    """
    ranges = {flag: Range(text) for flag, text in wanted.items()}
    clashes = {flag: one for flag, ours in ranges.items() for one in reversed(used) if one.range.overlaps(ours)}
    if clashes:
        told = "; ".join(_clash(flag, ranges[flag], one) for flag, one in clashes.items())
        raise SetupError(f"{told}. {_way_out(ranges, list(clashes), used)}")
    (first, one), (second, other) = ranges.items()
    if one.overlaps(other):
        raise SetupError(f"{first} {one} and {second} {other} overlap. {_way_out(ranges, [first], used)}")


def _clash(flag: str, ours: Range, one: Used) -> str:
    whose = ", of another RuleKube cluster," if ANOTHER_CLUSTER.match(one.link) else ""
    link = f"link {one.link}{whose}"
    where = f"{link} has" if one.kind == "link" else f"a route{f' by {link}' if one.link else ''} leads to"
    return f"{flag} {ours} cannot be used: {where} {one.range}"


def _way_out(ranges: Mapping[str, Range], flags: Sequence[str], used: Sequence[Used]) -> str:
    """The flags to give, with ranges that are free as far as can be seen."""
    busy = [one.range for one in used] + [ours for flag, ours in ranges.items() if flag not in flags]
    chosen = [f"{flag} {free}" for flag in flags if (free := _free(PROPOSALS[flag], busy))]
    if len(chosen) < len(flags):
        return f"Choose others with {' and '.join(flags)}"
    return f"Start with {' '.join(chosen)}"


def _free(seconds: range, busy: Sequence[Range]) -> Range | None:
    proposals = (Range(f"10.{second}.0.0/16") for second in seconds)
    return next((one for one in proposals if not any(one.overlaps(other) for other in busy)), None)
