"""Content negotiation: which form of an answer a client gets, and which forms of a body are read.

    application/json;as=Table;v=v1;g=meta.k8s.io,application/json    → a Table, in JSON

Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go. Binary forms (protobuf, CBOR) are not spoken:
clients that prefer them but also accept JSON get JSON.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rulekube.errors import ApiError

MEDIA = ("application/json", "application/yaml")
_WILD = ("*/*", "application/*")
_META = "meta.k8s.io"
_TRANSFORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_KNOWN = (*MEDIA, *_WILD, "application/vnd.kubernetes.protobuf")
_LISTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


class Form(NamedTuple):
    """The form of an answer: its media type, and `shape` "Table" or "PartialObjectMetadata", "" for the object."""

    media: str = MEDIA[0]
    shape: str = ""
    version: str = "v1"


@lru_cache(maxsize=256)
def accepted(header: str, *, watch: bool = False, shapes: bool = True) -> Form:
    """The first form of an Accept header that can be given. Raises NotAcceptable."""
    if not header.strip():
        return Form()
    for clause in sorted(map(_clause, header.split(",")), key=lambda clause: -clause[2]):
        media, parameters, _ = clause
        media = MEDIA[0] if media in _WILD else media
        if media not in MEDIA or (watch and parameters.get("stream", "watch") != "watch"):
            continue
        shape = parameters.get("as", "")
        if not shape:
            return Form(media)
        if (
            shapes
            and shape in _TRANSFORMS
            and parameters.get("g") == _META
            and parameters.get("v") in ("v1", "v1beta1")
        ):
            return Form(media, shape.removesuffix("List"), parameters["v"])
    if shapes and not any(clause[0] in _KNOWN for clause in map(_clause, header.split(","))):
        raise ApiError("NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {_LISTED}", {})
    raise ApiError("NotAcceptable", f"only the following media types are accepted: {_LISTED}")


def _clause(text: str) -> tuple[str, dict[str, str], float]:
    """One clause of an Accept header: media type, parameters, quality."""
    media, *rest = (part.strip() for part in text.split(";"))
    parameters = dict(part.split("=", 1) for part in rest if "=" in part)
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return media, parameters, quality
