"""Families of patches."""

from __future__ import annotations

import copy
from typing import Any, Final

from rulekube.conformance.family import Answers, RawRow
from rulekube.facts.json_patch import JsonPatchError, apply_json_patch
from rulekube.facts.merge import merge_patch
from rulekube.facts.merge_diff import MergePatchError, check_merge_patch, create_merge_patch
from rulekube.facts.schema import type_of
from rulekube.facts.strategic_merge import StrategicMergeError, strategic_merge

_API_VERSION: Final = {"Pod": "v1", "Service": "v1", "Deployment": "apps/v1"}


def strategic(row: RawRow, _: RawRow) -> Answers:
    """A strategic merge patch of an object."""
    kind = type_of(_API_VERSION[row["kind"]], row["kind"])
    assert kind is not None
    try:
        return {"err": None, "result": strategic_merge(kind, copy.deepcopy(row["original"]), row["patch"])}
    except StrategicMergeError as error:
        return _answers(row, "err", str(error))


def json_patch(row: RawRow, _: RawRow) -> Answers:
    """RFC 6902."""
    try:
        return {"err": None, "result": apply_json_patch(copy.deepcopy(row["doc"]), row["patch"])}
    except JsonPatchError as error:
        return {"decodeErr" if "decodeErr" in row else "err": str(error)}


def merge(row: RawRow, _: RawRow) -> Answers:
    """RFC 7386, and the patch that makes one document of another."""
    answers: dict[str, Any] = {"err": None}
    try:
        check_merge_patch(row["doc"], row["patch"])
        answers["result"] = merge_patch(row["doc"], row["patch"])
    except MergePatchError as error:
        answers["err"] = str(error)
    try:
        answers["createMergePatch"] = create_merge_patch(row["doc"], row["patch"])
    except MergePatchError as error:
        answers["createMergePatchErr"] = str(error)
    return answers


def _answers(row: RawRow, field: str, text: str) -> Answers:
    """An error; recorded rows also name a null result."""
    return {field: text, **({"result": None} if "result" in row else {})}
