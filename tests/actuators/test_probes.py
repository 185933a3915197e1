"""Probes: the kubelet's verdicts and words, and the streaks of answers."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from rulekube.actuators import probes
from rulekube.engine import Json

from .world import World, action


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.lstrip("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Tests stay silent."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def run(identifier: str, command: Sequence[str], timeout: float) -> tuple[int, str]:
    if command[0] == "sleep":
        raise TimeoutError
    return (0, "fine") if command[0] == "true" else (1, "broken\n")


@pytest.mark.parametrize(("status", "success"), [(200, True), (302, True), (404, False), (503, False)])
def test_http_statuses_below_400_are_success(port: int, status: int, success: bool) -> None:
    answer = probes.http_get({"host": "127.0.0.1", "port": port, "path": f"/{status}"}, 5)
    assert answer == (success, "" if success else f"HTTP probe failed with statuscode: {status}")


def test_a_refused_connection_is_said_as_the_kubelet_says_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert probes.tcp_socket("127.0.0.1", port, 5) == (False, refused)
    answer = probes.http_get({"host": "127.0.0.1", "port": port, "path": "/"}, 5)
    assert answer == (False, f'Get "http://127.0.0.1:{port}/": {refused}')


def test_an_open_port_is_success(port: int) -> None:
    assert probes.tcp_socket("127.0.0.1", port, 5).success


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["true"], (True, "fine")),
        (["false"], (False, "broken\n")),
        (["sleep", "9"], (False, 'command timed out: "sleep 9" timed out after 2s')),
    ],
)
def test_commands_answer_by_exit_code(command: list[str], answer: tuple[bool, str]) -> None:
    prober = probes.MachineProber(run)
    assert prober("id", "liveness", {"exec": {"command": command}, "timeoutSeconds": 2}) == answer


def test_streaks_count_like_answers_and_are_forgotten() -> None:
    world, answers = World(), iter([True, True, False, True])
    actuator = probes.Probes(lambda *_: probes.Answer(next(answers), ""), clock=lambda: 5)
    actuator.start(world.report)
    streaks = []
    for number in range(4):
        actuator.apply([action("probe", "id", "readiness", number, Json({}))])
        ((_, _, round_, success, streak, _, time),) = world.of("probed")
        assert (round_, time) == (number, 5)
        streaks.append((success, streak))
    assert streaks == [(True, 1), (True, 2), (False, 1), (True, 1)]
    actuator.apply([action("forget_probes", "id")])
    assert world.of("probed") == []
