"""Plugging pods into a bridge."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rulekube.actuators.veth import Plug, plug
from tests.actuators.machine import MARKS, Machine, Server, ask, inside

pytestmark = MARKS

WHERE = Plug("rktest-n1", "10.244.1.9", 24, "10.244.1.1")


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.bridge(WHERE.bridge, "10.244.1.1/24")
    yield machine
    machine.close()


@contextmanager
def sandbox(machine: Machine, name: str) -> Iterator[str]:
    """A process in a network namespace of its own, plugged in; the namespace's name."""
    namespace = f"{machine.namespace}-{name}"
    process = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    try:
        end = time.monotonic() + 5
        while os.readlink(f"/proc/{process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            assert time.monotonic() < end
            time.sleep(0.005)
        subprocess.run(["ip", "netns", "attach", namespace, str(process.pid)], check=True)
        inside(machine.namespace, lambda: plug(process.pid, f"rkv{name}", WHERE))
        yield namespace
    finally:
        process.kill()
        process.wait()
        subprocess.run(["ip", "netns", "del", namespace], check=False)


def test_another_pod_answers_at_once_at_the_address_of_one_that_is_gone(machine: Machine) -> None:
    peer = machine.pod("peer", WHERE.bridge, "10.244.1.2")
    for name in ("first", "second"):
        with sandbox(machine, name) as namespace:
            server = Server(name, namespace, 8080)
            try:
                assert ask(machine.namespace, WHERE.address, 8080, timeout=3.0) == [f"{name} 10.244.1.1"]
                assert ask(peer, WHERE.address, 8080, timeout=3.0) == [f"{name} 10.244.1.2"]
            finally:
                server.close()


def test_a_pod_reaches_itself_by_a_hairpin(machine: Machine) -> None:
    with sandbox(machine, "first"):
        command = ["ip", "-n", machine.namespace, "-details", "link", "show", "rkvfirst"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "hairpin on" in shown
