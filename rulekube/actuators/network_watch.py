"""Looks again and again at what others may change too, and tells what is different from the last time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from rulekube.actuators.base import Facts
from rulekube.errors import ActuatorError

logger = logging.getLogger(__name__)

WATCH_SECONDS = 5.0


class Watch:
    """A thread that calls `look` every so many seconds, until it is stopped. A look that fails is logged."""

    def __init__(self, name: str, look: Callable[[], None], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-watch", daemon=True)

    def start(self) -> None:
        """Begin; the first look comes after the first pause."""
        self._thread.start()

    def stop(self) -> None:
        """Let a look that is under way end, and make no more. May be called before `start`, and again."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._look()
            except ActuatorError as error:
                logger.warning("%s failed, trying again in %s s: %s", self._thread.name, self._seconds, error)


def difference(left: Facts, right: Facts) -> Facts:
    """The facts of `left` that are not in `right`."""
    return {name: [fact for fact in facts if fact not in right.get(name, ())] for name, facts in left.items()}
