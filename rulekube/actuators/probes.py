"""Asks containers how they are: the actuator `probes`. When to ask, and what the answers mean, rules decide.

A probe is one question; its answer is the fact `probed(id, probe, round, success, streak, message, time)`, where
`streak` counts how many answers in a row were like it. Messages are the kubelet's (pkg/probe/{http,tcp,exec}).
"""

from __future__ import annotations

import http.client
import shlex
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from rulekube.actuators.base import Action, Report
from rulekube.actuators.ledger import Ledger
from rulekube.engine import from_json

Raw = Mapping[str, Any]
OUTPUT_LIMIT = 10 * 1024  # bytes of an answer that are kept, as the kubelet's


class Answer(NamedTuple):
    """What a probe found."""

    success: bool
    message: str


class Prober(Protocol):
    """Asks one question of one container."""

    def __call__(self, identifier: str, probe: str, check: Raw) -> Answer:
        """`probe` is readiness, liveness or startup; `check` has httpGet, tcpSocket or exec, and timeoutSeconds."""


class Execute(Protocol):
    """Runs a command in a container."""

    def __call__(self, identifier: str, command: Sequence[str], timeout: float) -> tuple[int, str]:
        """Exit code and output. Raises TimeoutError."""


class Probes:
    """The actuator `probes`; `clock` gives microseconds since 1970."""

    name = "probes"
    batched = False

    def __init__(self, prober: Prober, *, clock: Callable[[], int]) -> None:
        self._prober = prober
        self._clock = clock
        self._last: dict[str, tuple[bool, int]] = {}

    def start(self, report: Report) -> None:
        """Nothing has been asked yet."""
        self._ledger = Ledger(report)
        self._ledger.open({})

    def stop(self) -> None:
        """Nothing is held."""

    def apply(self, actions: Sequence[Action]) -> None:
        """Ask, or forget what a container that is gone has answered."""
        for action in actions:
            if action.relation == "forget_probes":
                self._forget(str(action.values[0]))
            else:
                self._probe(*action.values)

    def _probe(self, identifier: str, probe: str, number: int, check: Any) -> None:
        source = f"{identifier} {probe}"
        answer = self._prober(identifier, probe, from_json(check))
        before, streak = self._last.get(source, (answer.success, 0))
        streak = streak + 1 if before == answer.success else 1
        self._last[source] = (answer.success, streak)
        fact = (identifier, probe, number, answer.success, streak, answer.message, self._clock())
        self._ledger.replace(source, {"probed": [fact]})

    def _forget(self, identifier: str) -> None:
        for source in [source for source in self._last if source.startswith(f"{identifier} ")]:
            del self._last[source]
            self._ledger.replace(source, {})


class MachineProber:
    """Asks over the network from this machine, or by a command in the container."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    def __call__(self, identifier: str, probe: str, check: Raw) -> Answer:  # noqa: ARG002 - the kind does not matter here
        """Ask; see `Prober`."""
        timeout = float(check.get("timeoutSeconds", 1))
        if "httpGet" in check:
            return http_get(check["httpGet"], timeout)
        if "tcpSocket" in check:
            return tcp_socket(check["tcpSocket"]["host"], int(check["tcpSocket"]["port"]), timeout)
        return self._command(identifier, check["exec"]["command"], timeout)

    def _command(self, identifier: str, command: Sequence[str], timeout: float) -> Answer:
        try:
            code, output = self._execute(identifier, command, timeout)
        except TimeoutError:
            return Answer(False, f'command timed out: "{shlex.join(command)}" timed out after {timeout:g}s')
        return Answer(code == 0, output[:OUTPUT_LIMIT])


def http_get(check: Raw, timeout: float) -> Answer:
    """GET: 200 to 399 is success."""
    secure = check.get("scheme") == "HTTPS"
    host, port = check["host"], int(check["port"])
    url = f"{'https' if secure else 'http'}://{host}:{port}{check.get('path', '/')}"
    headers = {"User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in check.get("httpHeaders", [])}
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=_trusting())
        if secure
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    try:
        connection.request("GET", check.get("path") or "/", headers=headers)
        answer = connection.getresponse()
        answer.read(OUTPUT_LIMIT)
    except TimeoutError:
        return Answer(False, f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
    except (OSError, http.client.HTTPException) as error:
        return Answer(False, f'Get "{url}": {_dial(host, port, error)}')
    finally:
        connection.close()
    if 200 <= answer.status < 400:
        return Answer(True, "")
    return Answer(False, f"HTTP probe failed with statuscode: {answer.status}")


def tcp_socket(host: str, port: int, timeout: float) -> Answer:
    """Whether a connection can be opened."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        return Answer(False, _dial(host, port, error))
    return Answer(True, "")


def _dial(host: str, port: int, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"dial tcp {host}:{port}: i/o timeout"
    if isinstance(error, OSError) and error.strerror:
        return f"dial tcp {host}:{port}: connect: {error.strerror.lower()}"
    return str(error) or type(error).__name__


def _trusting() -> ssl.SSLContext:
    """A probe does not verify certificates, as the kubelet's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
