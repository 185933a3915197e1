"""What runs containers on this machine, chosen once, at start.

Docker where one answers or a private one may be started, else pretend containers; `description` says which, why, and
how to get the other. Real pods need address ranges of their own, so a machine that uses them already is refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from rulekube.actuators import docker_engine, ranges
from rulekube.actuators.docker_engine import Engine
from rulekube.cli.settings import Settings
from rulekube.errors import SetupError
from rulekube.facts import addresses


@dataclass(frozen=True)
class Carrier:
    """`runtime` is "docker", "simulated" or "none"; `why` tells users. `gateway` is the machine's address to pods.

    `cluster` is whose containers they are, "" where there are none.
    """

    runtime: str
    why: str
    engine: Engine | None = None
    gateway: str | None = None
    cluster: str = ""

    @classmethod
    def find(cls, settings: Settings) -> Carrier:
        """Look what there is. Raises SetupError where Docker was asked for and there is none, or ranges overlap."""
        ranges.refuse_overlaps(settings.ranges, [])
        if not settings.nodes:
            return cls("none", "started without nodes")
        engine, why = choose_engine(settings)
        if engine is None:
            return cls("simulated", why, cluster=settings.identity)
        try:
            ranges.refuse_overlaps(settings.ranges, ranges.in_use(settings.identity))
        except BaseException:
            engine.stop()
            raise
        return cls("docker", why, engine, addresses.gateway(settings.pod_cidr_of(1)), settings.identity)

    @property
    def description(self) -> dict[str, Any]:
        """The same for DATA/engine.json."""
        if not self.cluster:
            return {"runtime": self.runtime, "why": self.why}
        return {
            "runtime": self.runtime,
            "url": self.engine.url if self.engine else None,
            "private": bool(self.engine and self.engine.private),
            "cluster": self.cluster,
            "why": self.why,
        }

    def stop(self) -> None:
        """End an engine of our own."""
        if self.engine is not None:
            self.engine.stop()


def choose_engine(settings: Settings) -> tuple[Engine | None, str]:
    """What runs containers, and why. Raises SetupError where Docker was asked for and there is none."""
    if settings.runtime == "simulated":
        return None, "asked for; containers are pretended"
    try:
        if os.geteuid() != 0:
            raise SetupError("real pods need root, for their network; run as root to get them")
        engine = docker_engine.find(settings.data)
    except SetupError as error:
        if settings.runtime == "docker":
            raise
        return None, f"containers are pretended: {error}"
    return engine, f"Docker Engine {engine.version} at {engine.url}" + (", our own" if engine.private else "")
