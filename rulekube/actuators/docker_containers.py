"""Pods on a Docker Engine: carries out the actions `by containers` and reports what runs.

A pod is a sandbox (the pause container, which holds the network and IPC namespaces) and its members, one Docker
container for each run. Docker's own restart policy stays off: a run that ended is a fact, and the next one is an action
with the next attempt. Every effect ends in looking again at the container it touched; Docker's events and a
periodic relist catch what others do. All of it is keyed by names and labels, so nothing is remembered here
that a restarted agent would miss, signals apart.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from rulekube.actuators import docker_config, docker_facts, images, veth
from rulekube.actuators import docker_labels as labels
from rulekube.actuators.base import Action, Report
from rulekube.actuators.docker_engine import API_VERSION
from rulekube.actuators.docker_watch import DockerWatch
from rulekube.actuators.ledger import Ledger
from rulekube.actuators.log_stream import DockerLog, LogStream, LogWindow
from rulekube.engine import Ref, from_json
from rulekube.errors import ActuatorError, SetupError

Raw = Mapping[str, Any]
POOL_SIZE = 16
TIMEOUT = 120  # seconds for one request to the engine


def killed_at_its_limit(raw: Mapping[str, Any]) -> bool:
    """Whether a container with a memory limit was killed, and the engine does not say by whom."""
    state = raw["State"]
    ended = state["Status"] == "exited" and state["ExitCode"] == 137
    return bool(ended and raw["HostConfig"]["Memory"] and not state["OOMKilled"])


OOM_SECONDS = 1  # how long to listen for it


class DockerContainers:
    """The actuator `containers` over a Docker Engine. `clock` gives microseconds since 1970."""

    name = "containers"
    batched = False

    def __init__(self, url: str, owner: labels.Owner, *, pull: bool, clock: Callable[[], int]) -> None:
        self.client = docker.APIClient(url, version=API_VERSION, timeout=TIMEOUT, max_pool_size=POOL_SIZE)
        self._url = url
        self._owner = owner
        self._pull = pull
        self._clock = clock
        self._looking = threading.Lock()
        self._loading = threading.Lock()
        self._signals: dict[str, list[tuple[str, str, int]]] = {}
        self._failures: dict[str, tuple[Any, ...]] = {}

    # -- observing ---------------------------------------------------------------------------------------------------

    def start(self, report: Report) -> None:
        """Report all containers of this node and all images, then follow the engine's events."""
        self._ledger = Ledger(report)
        self._watch = DockerWatch(self._url, self._owner.filters(), self._look, self._look_at_images, self._relist)
        self._watch.listen()
        observations = {identifier: self._observe(identifier) for identifier in self._listed()}
        self._ledger.open({**observations, "images": self._images()})
        self._watch.start()

    def stop(self) -> None:
        """End observing. Containers keep running."""
        self._watch.stop()
        self.client.close()

    def _relist(self) -> None:
        for identifier in sorted({*self._listed(), *self._ledger.sources()} - {"images"} - set(self._failures)):
            self._look(identifier)
        self._look_at_images()

    def _listed(self) -> list[str]:
        return [raw["Id"] for raw in self.client.containers(all=True, filters=self._owner.filters())]

    def _look(self, identifier: str) -> None:
        """Report what one container shows now; looks are serialised, so that none overtakes a later one."""
        with self._looking:
            self._ledger.replace(identifier, self._observe(identifier))

    def _observe(self, identifier: str) -> docker_facts.Observed:
        try:
            raw = self.client.inspect_container(identifier)
            if identifier not in self._signals and killed_at_its_limit(raw):
                raw["State"]["OOMKilled"] = self._ran_out_of_memory(identifier)
            tail = self._log_tail(identifier) if docker_facts.wants_log_tail(raw) else ""
        except NotFound:
            self._signals.pop(identifier, None)
            return {}
        facts = docker_facts.container_facts(raw, tail)
        if identifier in self._signals:
            facts["signalled"] = list(self._signals[identifier])
        return facts

    def _log_tail(self, identifier: str) -> str:
        output: bytes = self.client.logs(identifier, tail=80)
        return output[-2048:].decode(errors="replace")

    def _images(self) -> docker_facts.Observed:
        return docker_facts.image_facts(self.client.images())

    def _ran_out_of_memory(self, identifier: str) -> bool:
        """Whether the kernel's out-of-memory killer ended it: the engine may hear of that only after the end."""
        until = self._clock() // 1_000_000 + OOM_SECONDS
        filters = {"container": identifier, "event": "oom"}
        return any(True for _ in self.client.events(since=1, until=until, filters=filters, decode=True))

    def _look_at_images(self) -> None:
        with self._looking:
            self._ledger.replace("images", self._images())

    # -- acting ------------------------------------------------------------------------------------------------------

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out each action; see `rules/node/actions.dl`."""
        for action in actions:
            try:
                _EFFECTS[action.relation](self, *action.values)
            except (DockerException, RequestException) as error:
                raise ActuatorError(_explanation(error)) from error

    def run_sandbox(self, pod: Ref, config: Any) -> None:
        """Create, start and plug the pod's sandbox, as far as each is not done."""
        settings: Raw = from_json(config)
        arguments = docker_config.sandbox(self.client, self._owner, pod, settings, self._pause())
        identifier = self._create(arguments)
        try:
            self.client.start(identifier)
            self._plug(identifier, settings["network"])
        finally:
            self._look(identifier)

    def _pause(self) -> str:
        with self._loading:
            try:
                return images.load_pause(self.client)
            except SetupError as error:
                raise ActuatorError(str(error)) from error

    def _plug(self, identifier: str, network: Raw) -> None:
        if network["mode"] == "host":
            return
        raw = self.client.inspect_container(identifier)
        address = veth.Plug(network["bridge"], network["address"], network["prefix"], network["gateway"])
        veth.plug(raw["State"]["Pid"], veth.link_name(identifier), address)
        hosts = f"127.0.0.1\tlocalhost\n{network['address']}\t{raw['Config']['Hostname']}\n"
        with open(raw["HostsPath"], "w") as file:  # shared by the members; Docker knows no address of ours
            file.write("# Managed by RuleKube.\n" + hosts)

    def run_container(self, pod: Ref, container: str, attempt: int, config: Any) -> None:
        """Create and start one run of a container. A program that cannot be started is a run that has ended."""
        settings: Raw = from_json(config)
        _make_message_file(settings)
        arguments = docker_config.container(self.client, self._owner, pod, container, attempt, settings)
        identifier = self._create(arguments)
        try:
            self.client.start(identifier)
        except APIError as error:
            if self.client.inspect_container(identifier)["State"]["ExitCode"] == 0:
                raise ActuatorError(_explanation(error)) from error
        finally:
            self._look(identifier)

    def _create(self, arguments: dict[str, Any]) -> str:
        """The id of the container of this name, created where there is none."""
        try:
            identifier: str = self.client.create_container(**arguments)["Id"]
        except APIError as error:
            if error.status_code != 409:
                raise
            identifier = self.client.inspect_container(arguments["name"])["Id"]
        return identifier

    def signal_container(self, identifier: str, signal: str) -> None:
        """Ask a run to end: TERM means the image's own stop signal."""
        try:
            own = self.client.inspect_container(identifier)["Config"].get("StopSignal") if signal == "TERM" else None
            self.client.kill(identifier, own or signal)
            self._signals.setdefault(identifier, []).append((identifier, signal, self._clock()))
        except APIError as error:
            if error.status_code not in (404, 409):  # gone, or not running: it has ended
                raise
        self._look(identifier)

    def remove_container(self, identifier: str) -> None:
        """Remove a container, with its output; one that runs is killed."""
        try:
            self.client.remove_container(identifier, force=True, v=True)
        except APIError as error:
            if error.status_code not in (404, 409):  # gone, or on its way
                raise
            if error.status_code == 409:
                self._await_removal(identifier)
        self._look(identifier)

    def _await_removal(self, identifier: str) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end and self._observe(identifier):
            time.sleep(0.02)

    def pull_image(self, image: str, attempt: int) -> None:
        """Fetch an image; a failure is a fact, for the rules to try again later."""
        try:
            if not self._pull:
                raise ActuatorError("pulling is off on this node, and the image is not present on it")
            name, _, tag = image.partition("@") if "@" in image else image.rpartition(":")
            self.client.pull(name, tag=tag)
            self.client.inspect_image(image)  # type: ignore[no-untyped-call]
        except (ActuatorError, ImageNotFound, APIError, RequestException) as error:
            fact = (image, attempt, _explanation(error), self._clock())
            self._failures[f"pull {image}"] = fact
            self._ledger.replace(f"pull {image}", {"pull_failed": [fact]})
            return
        self._failures.pop(f"pull {image}", None)
        self._ledger.replace(f"pull {image}", {})
        self._look_at_images()

    # -- for probes, logs and the node's agent -----------------------------------------------------------------------

    def log(self, identifier: str, window: LogWindow) -> LogStream:
        """What a container wrote."""
        return DockerLog(self._url, identifier, window)

    def answers(self) -> bool:
        """Whether the engine does."""
        try:
            return bool(self.client.ping())
        except (DockerException, RequestException):
            return False

    def version(self) -> str:
        """As a Node's containerRuntimeVersion."""
        return f"docker://{self.client.version()['Version']}"

    def clear(self) -> None:
        """Remove all containers of this node; call it after `stop`."""
        client = docker.APIClient(self._url, version=API_VERSION, timeout=TIMEOUT, max_pool_size=POOL_SIZE)
        try:
            found = client.containers(all=True, filters=self._owner.filters())
            for raw in sorted(found, key=lambda raw: labels.CONTAINER not in raw["Labels"]):  # sandboxes last
                with contextlib.suppress(NotFound):
                    client.remove_container(raw["Id"], force=True, v=True)
        except (DockerException, RequestException) as error:
            raise ActuatorError(_explanation(error)) from error
        finally:
            client.close()

    def execute(self, identifier: str, command: Sequence[str], timeout: float) -> tuple[int, str]:
        """Run a command in a container: its exit code and output. Raises TimeoutError after `timeout` seconds."""
        created = self.client.exec_create(identifier, list(command))["Id"]
        stream: Any = self.client.exec_start(created, socket=True)
        connection, end, output = stream._sock, time.monotonic() + timeout, b""
        connection.settimeout(0.1)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    output += (part := connection.recv(65536))
                    if not part:
                        break
                if not self.client.exec_inspect(created)["Running"]:
                    break  # the end of the stream may be late, or never come
                if time.monotonic() > end:
                    raise TimeoutError
        finally:
            for part_of_it in (stream._response, stream, connection):  # closing one leaves the others open
                with contextlib.suppress(OSError, ValueError):
                    part_of_it.close()
        code = self.client.exec_inspect(created)["ExitCode"]
        return int(code if code is not None else -1), _without_frames(output).decode(errors="replace")


_EFFECTS: Mapping[str, Callable[..., None]] = {
    "run_sandbox": DockerContainers.run_sandbox,
    "remove_sandbox": DockerContainers.remove_container,
    "run_container": DockerContainers.run_container,
    "signal_container": DockerContainers.signal_container,
    "remove_container": DockerContainers.remove_container,
    "pull_image": DockerContainers.pull_image,
}


def _without_frames(output: bytes) -> bytes:
    """What a command wrote, without the 8-byte headers that tell standard output from standard error."""
    text, position = b"", 0
    while position + 8 <= len(output):
        size = int.from_bytes(output[position + 4 : position + 8], "big")
        text += output[position + 8 : position + 8 + size]
        position += 8 + size
    return text


def _make_message_file(config: Raw) -> None:
    """The file a container may write its last words to; Docker would make a folder of a missing one."""
    source = (config.get("terminationMessage") or {}).get("source")
    if source:
        path = Path(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o666)


def _explanation(error: Exception) -> str:
    """The engine's own words."""
    if isinstance(error, APIError) and error.explanation:
        explanation = error.explanation
        return str(explanation.get("message", explanation) if isinstance(explanation, dict) else explanation)
    return str(error)
