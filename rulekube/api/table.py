"""Server-side tables: objects as rows of cells, for clients that ask for `as=Table`.

Source: metav1.Table; k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from rulekube.api.columns import COLUMNS, DEFAULT
from rulekube.api.status import bad_request

RawObject = dict[str, Any]
_META_GROUP = "meta.k8s.io"
_INCLUDES = ("", "Metadata", "Object", "None")
_ENDED = {  # conditions of a row, by kind and phase
    ("Pod", "Succeeded"): "The pod has completed successfully.",
    ("Pod", "Failed"): "The pod failed.",
}


def check_include(include: str) -> None:
    """Refuse an includeObject that is none."""
    if include not in _INCLUDES:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )


@cache
def definitions(kind: str) -> list[RawObject]:
    """The column definitions of a kind."""
    return [column.definition() for column in COLUMNS.get(kind, DEFAULT)]


def table(
    kind: str,
    objects: Iterable[RawObject],
    metadata: RawObject,
    *,
    now: int,
    version: str = "v1",
    include: str = "",
    columns: bool = True,
) -> RawObject:
    """A Table of objects of one kind; `metadata` is the list's; `columns` False leaves the definitions out."""
    return {
        "kind": "Table",
        "apiVersion": f"{_META_GROUP}/{version}",
        "metadata": metadata,
        "columnDefinitions": definitions(kind) if columns else None,
        "rows": [_row(kind, obj, now, version, include) for obj in objects],
    }


def _row(kind: str, obj: RawObject, now: int, version: str, include: str) -> RawObject:
    row: RawObject = {"cells": [column.cell(obj, now) for column in COLUMNS.get(kind, DEFAULT)]}
    phase = (obj.get("status") or {}).get("phase", "")
    if message := _ENDED.get((kind, phase)):
        row["conditions"] = [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
    if include == "Object":
        row["object"] = obj
    else:
        row["object"] = None if include == "None" else partial(obj, version)
    return row


def bookmark_row(obj: RawObject, version: str) -> RawObject:
    """The row that stands for a bookmark in a watch of tables: no cells, but the revision."""
    return {"cells": [], "object": partial(obj, version)}


def partial(obj: RawObject, version: str = "v1") -> RawObject:
    """Only an object's metadata (PartialObjectMetadata)."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"{_META_GROUP}/{version}", "metadata": obj["metadata"]}


def list_metadata(obj: RawObject) -> RawObject:
    """The metadata of a Table that shows one object."""
    return {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
