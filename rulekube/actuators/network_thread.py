"""A thread that lives in one network namespace.

Netlink sockets belong to the namespace of the thread that opens them, libnftables' included, and `/proc/sys/net` shows
the reading thread's. So whatever touches the kernel's network runs in one such thread per actuator: in order, one call
at a time, and in a namespace of its own where the caller names one (a pretend machine of a test or of a lab).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pyroute2 import netns

P = ParamSpec("P")
T = TypeVar("T")


class NetworkThread:
    """Runs calls one after another in a thread of its own.

    `namespace` is a path such as `/run/netns/x`; None is the namespace of the process.
    """

    def __init__(self, name: str, namespace: str | None = None) -> None:
        self._executor = ThreadPoolExecutor(1, name, _enter, (namespace,))

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the thread and return its result, or raise what it raised."""
        return self._executor.submit(function, *args, **kwargs).result()

    def stop(self) -> None:
        """End the thread after what is under way."""
        self._executor.shutdown(wait=True)


def _enter(namespace: str | None) -> None:
    if namespace is not None:
        netns.setns(namespace, flags=0)
