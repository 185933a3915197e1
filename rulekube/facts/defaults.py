"""API defaulting: the values Kubernetes 1.36 fills in where a client left them out."""

from __future__ import annotations

from typing import Any

from rulekube.facts.resources import Resource

RawObject = dict[str, Any]


def apply_defaults(resource: Resource, new: RawObject) -> None:
    """Fill in, in place, what `new` leaves to the server."""
