"""The rules and the kernel together: after any sequence of changes the kernel holds what the rules want, no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulekube.actuators import nftables_table as layout
from rulekube.actuators.base import Action
from rulekube.actuators.nftables import NftablesActuator, clean
from rulekube.actuators.nftables_library import open_nftables
from rulekube.engine import Database
from rulekube.facts.addresses import table_name
from tests.actuators.machine import MARKS, Machine, inside
from tests.actuators.network_harness import Observer
from tests.rules.network.world import Facts, database, endpoints, joined, pod, service

pytestmark = MARKS

CLUSTER = "test"
RELATIONS = ("add_element", "delete_element", "accept_forward")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    machine = Machine()
    yield machine
    machine.close()


class Loop:
    """The smallest reconciler: facts in, owed actions to the actuator, its reports back in."""

    def __init__(self, machine: Machine) -> None:
        self.db: Database = database()
        self.observer = Observer(NftablesActuator(CLUSTER, machine.path, watch_seconds=60))
        self.observer.start()
        self._observed: set[tuple[str, tuple[object, ...]]] = set()
        self._facts: Facts = {}

    def settle(self, facts: Facts) -> int:
        """Replace the world's facts; then act until nothing is owed. Returns how many batches that took."""
        self.db.commit(insert=without(facts, self._facts), retract=without(self._facts, facts))
        self._facts = facts
        batches = 0
        while actions := self.owed():
            assert batches < 3, actions
            self.observer.actuator.apply(actions)
            batches += 1
        return batches

    def owed(self) -> list[Action]:
        seen = set(self.observer.facts)
        self.db.commit(insert=by_relation(seen - self._observed), retract=by_relation(self._observed - seen))
        self._observed = seen
        return [Action(name, fact[:2], fact, 1) for name in RELATIONS for fact in self.db.facts(name)]


def without(left: Facts, right: Facts) -> Facts:
    return {name: list(set(facts) - set(right.get(name, ()))) for name, facts in left.items()}


def by_relation(facts: set[tuple[str, tuple[object, ...]]]) -> Facts:
    return joined(*({name: [fact]} for name, fact in sorted(facts, key=repr)))


def in_kernel(machine: Machine) -> list[layout.Element]:
    listing = inside(machine.namespace, lambda: open_nftables().read(f"list table ip {table_name(CLUSTER)}"))
    return sorted(layout.read(listing).elements)


ADDRESSES = st.sets(st.integers(2, 9), max_size=6).map(lambda numbers: [f"10.244.1.{n}" for n in sorted(numbers)])
SERVICE = st.tuples(
    ADDRESSES, st.sampled_from(["None", "ClientIP"]), st.booleans(), st.sampled_from(["TCP", "UDP", "SCTP"])
)
WORLD = st.dictionaries(st.integers(1, 3), SERVICE, max_size=3)


def facts_of(world: dict[int, tuple[list[str], str, bool, str]]) -> Facts:
    parts: list[Facts] = []
    for number, (addresses, affinity, on_node, protocol) in sorted(world.items()):
        ports = [("a", 80, protocol, 30000 + number if on_node else 0), ("b", 81, "TCP", 0)]
        parts.append(service(f"s{number}", f"10.96.0.{number}", ports, affinity))
        parts.append(endpoints(f"s{number}", addresses, [("a", 8080, protocol), ("b", 8081, "TCP")]))
        parts += [pod(f"p{number}-{address}", "n1", address) for address in addresses]
    return joined(*parts)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds=st.lists(WORLD, min_size=1, max_size=6), restart_after=st.integers(0, 6))
def test_the_kernel_holds_what_the_rules_want(
    machine: Machine, worlds: list[dict[int, tuple[list[str], str, bool, str]]], restart_after: int
) -> None:
    loop = Loop(machine)
    try:
        for number, world in enumerate(worlds):
            if number == restart_after:
                loop.observer.actuator.stop()
                loop = Loop(machine)
            loop.settle(facts_of(world))
            assert in_kernel(machine) == sorted(layout.Element(*fact) for fact in loop.db.facts("element"))
            assert {tuple(fact) for fact in in_kernel(machine)} == loop.observer.of("element_present")
    finally:
        loop.observer.actuator.stop()
        clean(CLUSTER, machine.path)


def test_one_change_is_one_batch(machine: Machine) -> None:
    loop = Loop(machine)
    try:
        assert loop.settle(facts_of({1: (["10.244.1.2", "10.244.1.3"], "None", True, "TCP")})) == 1
        assert loop.settle(facts_of({1: (["10.244.1.3"], "ClientIP", False, "UDP")})) == 1
        assert loop.settle(facts_of({})) == 1
        assert [element.map for element in in_kernel(machine)] == ["pod_ranges", "service_ranges"]
    finally:
        loop.observer.actuator.stop()
        clean(CLUSTER, machine.path)
