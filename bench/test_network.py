"""What a change of one endpoint costs among many Services: in the rules, and in the kernel.

Sizes are parameters: so many Services with ten endpoints each. Timed is one endpoint that becomes ready or not; loading
happens before. The kernel's part needs root; it works in a network namespace of its own.

    python -m pytest bench/test_network.py --benchmark-columns=median,mean,rounds
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from rulekube.actuators.base import Action
from rulekube.engine import Database, Ref
from tests.actuators.machine import Machine, is_capable
from tests.actuators.test_nftables_rules import Loop
from tests.rules.network.world import Facts, database, endpoints, joined, service

SIZES = [10, 100, 1000]
ENDPOINTS = 10


def services(count: int) -> Facts:
    parts: list[Facts] = []
    for number in range(count):
        parts.append(service(f"s{number}", f"10.96.{number // 250}.{number % 250 + 1}"))
        addresses = [f"10.244.{number % 250}.{last}" for last in range(11, 11 + ENDPOINTS)]
        parts.append(endpoints(f"s{number}", addresses))
    return joined(*parts)


def flipping(db: Database) -> Callable[[], int]:
    """A call that makes the first Service's fourth endpoint unready, the next one ready again, and so on."""
    ref = Ref("endpointslice/default/s0-a", "uid-s0-a")
    ready, unready = ((ref, 3, state, state, False, "n1", "") for state in (True, False))
    steps = cycle([(unready, ready), (ready, unready)])

    def flip() -> int:
        new, old = next(steps)
        changes = db.commit(insert={"slice_endpoint": [new]}, retract={"slice_endpoint": [old]})
        return len(changes.inserted["element"]) + len(changes.retracted["element"])

    return flip


@pytest.mark.parametrize("count", SIZES)
def test_rules_follow_one_endpoint(benchmark: BenchmarkFixture, count: int) -> None:
    db = database()
    db.commit(insert=services(count))
    changed = benchmark(flipping(db))
    assert changed == 15  # the Service's chain, six or seven endpoints that move up or down, and one that comes or goes


@pytest.fixture
def machine() -> Iterator[Machine]:
    if not is_capable():
        pytest.skip("needs root, network namespaces and nftables")
    machine = Machine()
    yield machine
    machine.close()


@pytest.mark.parametrize("count", SIZES)
def test_kernel_follows_one_endpoint(benchmark: BenchmarkFixture, machine: Machine, count: int) -> None:
    loop = Loop(machine)
    try:
        assert loop.settle(services(count)) == 1
        flip = flipping(loop.db)

        def setup() -> tuple[tuple[list[Action]], dict[str, None]]:
            loop.owed()
            assert flip() == 15
            return (loop.owed(),), {}

        benchmark.pedantic(loop.observer.actuator.apply, setup=setup, rounds=100)
        assert loop.owed() == []
        assert loop.observer.of("element_present") == set(loop.db.facts("element"))
    finally:
        loop.observer.actuator.stop()
        loop.observer.actuator.clean()
