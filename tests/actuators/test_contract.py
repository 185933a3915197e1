"""One contract for every runtime of containers: the same actions make the same facts.

Each case says what a run is to do twice: as a command for real containers, and as a behaviour for pretend ones.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rulekube.actuators.base import Fact
from rulekube.actuators.simulated import BEHAVIOUR
from rulekube.engine import Json, Ref
from rulekube.errors import ActuatorError

from .conftest import WORKER, Runtime
from .world import World, action

POD = Ref("pod/shop/cart", "8a1c6d52-0000-4000-8000-000000000001")


def run_sandbox(runtime: Runtime, pod: Ref = POD, address: str = "10.250.0.2") -> str:
    network = {"mode": "pod", "bridge": runtime.bridge, "address": address, "prefix": 24, "gateway": "10.250.0.1"}
    config = Json({"hostname": "cart", "network": network})
    runtime.actuator.apply([action("run_sandbox", pod, config)])
    (sandbox,) = [fact for fact in runtime.world.of("sandbox") if fact[1] is pod]
    return str(sandbox[0])


def run(runtime: Runtime, args: list[str], behaviour: dict[str, Any], attempt: int = 0, **config: Any) -> str:
    """Run container `main` of the pod, in its sandbox; its id."""
    runtime.actuator.apply([action("pull_image", WORKER, 0)] if not runtime.real else [])
    settings = {
        "sandbox": run_sandbox(runtime),
        "image": WORKER,
        "args": args,
        "annotations": {BEHAVIOUR: json.dumps({"main": behaviour})},
        **config,
    }
    runtime.actuator.apply([action("run_container", POD, "main", attempt, Json(settings))])
    (instance,) = [fact for fact in runtime.world.of("instance") if fact[3] == attempt]
    return str(instance[0])


def exit_of(world: World, identifier: str) -> Fact:
    def found() -> list[Fact]:
        return [fact for fact in world.of("instance_exited") if fact[0] == identifier]

    facts: list[Fact] = world.wait(found, f"{identifier} exits")
    return facts[0]


def state_of(runtime: Runtime, identifier: str) -> list[str]:
    return [state for instance, state in runtime.world.of("instance_state") if instance == identifier]


def test_a_sandbox_is_ready_and_keeps_its_address(runtime: Runtime) -> None:
    identifier = run_sandbox(runtime)
    ((_, pod, state, address, created),) = runtime.world.of("sandbox")
    assert (pod, state, address) == (POD, "ready", "10.250.0.2")
    assert identifier
    assert created > 1_700_000_000_000_000


def test_the_same_action_twice_makes_one_of_each(runtime: Runtime) -> None:
    first = run(runtime, ["wait"], {})
    assert run(runtime, ["wait"], {}) == first
    assert len(runtime.world.of("sandbox")) == 1
    assert len(runtime.world.of("instance")) == 1


def test_a_running_container_shows_what_it_was_made_from(runtime: Runtime) -> None:
    identifier = run(runtime, ["wait"], {}, attempt=3, backoff=2)
    assert state_of(runtime, identifier) == ["running"]
    assert runtime.world.of("instance") == [(identifier, POD, "main", 3)]
    assert runtime.world.of("instance_backoff") == [(identifier, 2)]
    ((_, image, image_id),) = runtime.world.of("instance_image")
    assert image == WORKER
    assert image_id.startswith("sha256:")
    ((_, started),) = runtime.world.of("instance_started")
    assert started > 1_700_000_000_000_000
    assert runtime.world.of("instance_exited") == []
    (sandbox,) = runtime.world.of("sandbox")
    assert runtime.world.of("instance_sandbox") == [(identifier, sandbox[0])]


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (3, "Error")])
def test_a_run_that_ends_shows_its_exit_code(runtime: Runtime, code: int, reason: str) -> None:
    identifier = run(runtime, ["exit", str(code)], {"exitCode": code})
    _, shown, why, _, finished = exit_of(runtime.world, identifier)
    assert (shown, why) == (code, reason)
    ((_, started),) = runtime.world.of("instance_started")
    assert finished >= started
    assert state_of(runtime, identifier) == ["exited"]


def test_a_program_that_cannot_start_is_a_run_that_ended(runtime: Runtime) -> None:
    identifier = run(runtime, [], {"startError": "no such file"}, command=["/missing"])
    _, code, reason, message, ended = exit_of(runtime.world, identifier)
    assert (code, reason) == (128, "StartError")
    assert runtime.world.of("instance_started") == [(identifier, ended)]  # it never ran, so it ran for no time
    assert "no such file" in message


def test_the_polite_signal_ends_a_run_and_is_shown(runtime: Runtime) -> None:
    identifier = run(runtime, ["wait"], {})
    runtime.actuator.apply([action("signal_container", identifier, "TERM")])
    assert exit_of(runtime.world, identifier)[1:3] == (143, "Error")
    ((signalled, signal, _),) = runtime.world.of("signalled")
    assert (signalled, signal) == (identifier, "TERM")


def test_a_stubborn_run_needs_the_hard_signal(runtime: Runtime) -> None:
    identifier = run(runtime, ["stubborn"], {"ignoresTerm": True})
    runtime.actuator.apply([action("signal_container", identifier, "TERM")])
    assert state_of(runtime, identifier) == ["running"]
    runtime.actuator.apply([action("signal_container", identifier, "KILL")])
    assert exit_of(runtime.world, identifier)[1:3] == (137, "Error")


def test_signalling_what_has_ended_or_gone_is_no_error(runtime: Runtime) -> None:
    identifier = run(runtime, ["exit", "0"], {"exitCode": 0})
    exit_of(runtime.world, identifier)
    runtime.actuator.apply([action("signal_container", identifier, "TERM")])
    runtime.actuator.apply([action("remove_container", identifier)])
    runtime.actuator.apply([action("signal_container", identifier, "TERM")])
    runtime.actuator.apply([action("remove_container", identifier)])
    assert runtime.world.of("instance") == []


def test_removing_leaves_no_fact(runtime: Runtime) -> None:
    identifier = run(runtime, ["wait"], {})
    sandbox = run_sandbox(runtime)
    runtime.actuator.apply([action("remove_container", identifier)])
    runtime.actuator.apply([action("remove_sandbox", sandbox)])
    left = {
        name: facts for name, facts in runtime.world.facts.items() if facts and name not in ("image", "pull_failed")
    }
    assert left == {}


def test_attempts_stand_side_by_side(runtime: Runtime) -> None:
    first = run(runtime, ["exit", "1"], {"exitCode": 1})
    exit_of(runtime.world, first)
    second = run(runtime, ["wait"], {}, attempt=1, backoff=1)
    assert [(fact[0], fact[3]) for fact in sorted(runtime.world.of("instance"), key=lambda fact: fact[3])] == [
        (first, 0),
        (second, 1),
    ]


def test_an_image_of_nowhere_fails_as_a_fact(runtime: Runtime) -> None:
    image = "registry.invalid/none:1"
    runtime.actuator.apply([action("pull_image", image, 4)])
    ((failed, attempt, message, time),) = runtime.world.of("pull_failed")
    assert (failed, attempt) == (image, 4)
    assert message
    assert time > 1_700_000_000_000_000
    assert not [name for name, _ in runtime.world.of("image") if name == image]


def test_a_container_of_an_absent_image_is_refused(runtime: Runtime) -> None:
    config = Json({"sandbox": run_sandbox(runtime), "image": "rulekube/absent:1"})
    with pytest.raises(ActuatorError, match="No such image: rulekube/absent:1"):
        runtime.actuator.apply([action("run_container", POD, "main", 0, config)])


def test_a_second_start_reports_the_whole_state(runtime: Runtime) -> None:
    identifier = run(runtime, ["wait"], {}, attempt=2)
    before = {name: facts for name, facts in runtime.world.facts.items() if facts}
    runtime.actuator.stop()
    world = World()
    if runtime.real:
        from rulekube.actuators.docker_containers import DockerContainers

        assert isinstance(runtime.actuator, DockerContainers)
        old = runtime.actuator
        runtime.actuator = DockerContainers(old._url, old._owner, pull=False, clock=old._clock)
        old.client = runtime.actuator.client  # what the fixture cleans up with
    runtime.actuator.start(world.report)
    assert {name: facts for name, facts in world.facts.items() if facts} == before
    assert world.reports == 1
    assert world.of("instance") == [(identifier, POD, "main", 2)]
    if runtime.real:
        runtime.actuator.stop()
