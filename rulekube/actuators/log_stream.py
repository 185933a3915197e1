"""What a runtime offers of a container's output: an iterator over bytes that can be closed from another thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from rulekube.actuators.docker_engine import API_VERSION
from rulekube.facts.timestamp import SECOND


class LogWindow(NamedTuple):
    """Which part of a log: `tail` lines, from `since` (microseconds since 1970) on, with the time before each line."""

    follow: bool = False
    tail: int | None = None
    since: int | None = None
    timestamps: bool = False


class LogStream(Protocol):
    """A container's output, standard output and error together in the order of writing."""

    def __iter__(self) -> Iterator[bytes]:
        """Pieces; ends when the container has ended, or when the stream is closed."""

    def close(self) -> None:
        """End the iteration."""


class TextStream:
    """A log that is known as a whole."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __iter__(self) -> Iterator[bytes]:
        if self._text:
            yield self._text

    def close(self) -> None:
        """Nothing is held."""


class DockerLog:
    """A container's log from a Docker Engine, over a connection of its own: a follower may be silent for long."""

    def __init__(self, url: str, identifier: str, window: LogWindow) -> None:
        self._client = docker.APIClient(url, version=API_VERSION, timeout=None)  # type: ignore[arg-type]  # no limit
        self._stream: Any = self._client.logs(
            identifier,
            stream=True,
            follow=window.follow,
            timestamps=window.timestamps,
            tail="all" if window.tail is None else window.tail,
            since=None if window.since is None else window.since / SECOND,
        )

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.suppress(DockerException, RequestException, OSError, ValueError):
            yield from self._stream

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(DockerException, OSError, AttributeError):
            self._stream.close()
        self._client.close()
