"""Leases of addresses: one pod each, kept across a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulekube.actuators.leases import AddressLeases
from rulekube.engine import Ref
from rulekube.errors import ActuatorError

from .world import World, action

ONE, TWO = Ref("pod/shop/one", "uid-1"), Ref("pod/shop/two", "uid-2")


def started(folder: Path) -> tuple[AddressLeases, World]:
    leases, world = AddressLeases(folder), World()
    leases.start(world.report)
    return leases, world


def test_a_lease_is_one_pods_alone(tmp_path: Path) -> None:
    leases, world = started(tmp_path)
    leases.apply([action("lease_address", ONE, 2)])
    leases.apply([action("lease_address", ONE, 2)])
    with pytest.raises(ActuatorError, match="address 2 is leased to pod/shop/one"):
        leases.apply([action("lease_address", TWO, 2)])
    assert world.of("address_lease") == [(ONE, 2)]


def test_a_restart_remembers_and_only_the_holder_releases(tmp_path: Path) -> None:
    leases, _ = started(tmp_path)
    leases.apply([action("lease_address", ONE, 2)])
    again, world = started(tmp_path)
    assert world.of("address_lease") == [(ONE, 2)]
    again.apply([action("release_address", TWO, 2)])
    assert world.of("address_lease") == [(ONE, 2)]
    again.apply([action("release_address", ONE, 2)])
    assert world.of("address_lease") == []
