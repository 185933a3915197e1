"""Follows a Docker Engine's events and says at which container, or that at the images, to look again.

Events only say where to look; the look decides. When the stream breaks (an engine restarts) it is opened again and
everything is looked at; everything is also looked at now and then, should an event have been lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from rulekube.actuators.docker_engine import API_VERSION

RELIST_SECONDS = 30.0
RECONNECT_SECONDS = 0.5
CONTAINER_EVENTS = frozenset({"create", "start", "die", "destroy", "oom", "stop"})

log = logging.getLogger(__name__)


class DockerWatch:
    """Calls `look(id)`, `look_at_images()` and `relist()` from two threads of its own until stopped."""

    def __init__(
        self,
        url: str,
        filters: Mapping[str, Sequence[str]],
        look: Callable[[str], None],
        look_at_images: Callable[[], None],
        relist: Callable[[], None],
    ) -> None:
        self._url = url
        self._marks = {tuple(mark.split("=", 1)) for mark in filters["label"]}
        self._look = look
        self._look_at_images = look_at_images
        self._relist = relist
        self._stopping = threading.Event()
        self._client: docker.APIClient | None = None
        self._stream: Any = None
        self._threads = [
            threading.Thread(target=self._follow, name="docker-events", daemon=True),
            threading.Thread(target=self._relist_regularly, name="docker-relist", daemon=True),
        ]

    def listen(self) -> None:
        """Open the stream, so that nothing that happens from now on is missed."""
        self._client = docker.APIClient(self._url, version=API_VERSION, timeout=None)  # type: ignore[arg-type]  # None is no limit
        self._stream = self._client.events(decode=True, filters={"type": ["container", "image"]})

    def start(self) -> None:
        """Begin to act on events."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._stopping.set()
        self._close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _close(self) -> None:
        if self._stream is not None:
            try:
                self._stream.close()
            except (DockerException, OSError, AttributeError):
                log.debug("the event stream was closed already")
        if self._client is not None:
            self._client.close()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._stream is None:
                    self.listen()
                    self._relist()
                for event in self._stream:
                    self._handle(event)
            except (DockerException, RequestException, OSError, ValueError) as error:
                if not self._stopping.is_set():
                    log.warning("the Docker Engine's events broke off: %s", error)
            if not self._stopping.is_set():
                self._close()
                self._stream = None
                self._stopping.wait(RECONNECT_SECONDS)

    def _handle(self, event: Mapping[str, Any]) -> None:
        actor = event.get("Actor") or {}
        if event.get("Type") == "image":
            self._look_at_images()
        elif event.get("Action") in CONTAINER_EVENTS and self._marks <= set((actor.get("Attributes") or {}).items()):
            self._look(actor["ID"])

    def _relist_regularly(self) -> None:
        while not self._stopping.wait(RELIST_SECONDS):
            try:
                self._relist()
            except (DockerException, RequestException, OSError) as error:
                log.warning("the Docker Engine does not answer: %s", error)
