"""libnftables and the nft command do the same; where one is missing the other is used, and it is said."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from rulekube.actuators import nftables_library
from rulekube.actuators import nftables_table as layout
from rulekube.actuators.nftables_library import Nftables, NftablesCommand, NftablesLibrary, open_nftables
from rulekube.actuators.nftables_table import Element
from rulekube.errors import ActuatorError, SetupError
from tests.actuators.machine import CAPABLE, Machine, inside

ELEMENTS = {
    Element("services", "10.96.0.10 . tcp . 80", "goto tcp_random_1"),
    Element("tcp_endpoints", "10.96.0.10 . 80 . 0", "10.244.1.2 . 8080"),
    Element("node_udp_endpoints", "30053 . 2", "10.244.1.2 . 53"),
    Element("hairpin", "10.244.1.2 . 10.244.1.2", ""),
    Element("pod_ranges", "10.244.0.0/16", ""),
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.close()


@pytest.mark.nft
@CAPABLE
@pytest.mark.parametrize("kind", ["library", "command"])
def test_a_table_is_read_as_it_was_written(machine: Machine, kind: str) -> None:
    def work() -> layout.Listing:
        nftables: Nftables = NftablesLibrary() if kind == "library" else NftablesCommand("nft")
        for _ in range(2):
            nftables.run(layout.create("rulekube_test"))
        nftables.run(layout.chain("rulekube_test", "tcp_random_1"))
        nftables.run(layout.change("rulekube_test", (), ELEMENTS))
        with pytest.raises(ActuatorError, match="No such file or directory"):
            nftables.run("delete element ip rulekube_test hairpin { 10.9.9.9 . 10.9.9.9 }")
        with pytest.raises(ActuatorError, match="No such file or directory"):
            nftables.read("list table ip rulekube_none")
        listing = layout.read(nftables.read("list table ip rulekube_test"))
        nftables.run(layout.change("rulekube_test", ELEMENTS, ()))
        assert layout.read(nftables.read("list table ip rulekube_test")).elements == set()
        nftables.run(layout.delete("rulekube_test"))
        assert nftables.read("list tables ip") == []
        return listing

    listing = inside(machine.namespace, work)
    assert listing.elements == ELEMENTS
    assert {layout.LAYOUT_CHAIN, "tcp_random_1", "unserved"} <= listing.chains


def test_the_command_stands_in_where_the_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(nftables_library, "LIBRARY", "libnftables.so.none")
    monkeypatch.setattr(nftables_library.shutil, "which", lambda name: f"/somewhere/{name}")
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_nftables(), NftablesCommand)
    assert "apt-get install libnftables1" in caplog.text


def test_a_machine_with_neither_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nftables_library, "LIBRARY", "libnftables.so.none")
    monkeypatch.setattr(nftables_library.shutil, "which", lambda name: None)
    with pytest.raises(SetupError, match="apt-get install libnftables1"):
        open_nftables()


def test_a_chain_that_no_rule_may_ask_for_is_refused() -> None:
    for name in ("prerouting", "tcp_random_0", "icmp_random_1", "tcp_random_1 accept"):
        with pytest.raises(ActuatorError, match="no such chain"):
            layout.chain("rulekube_test", name)
