"""PATCH: from the Content-Type and the body of a request to a function from the present object to the wanted one.

Source: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rulekube.api import bodies, go_json
from rulekube.api.requests import Call
from rulekube.api.status import bad_request
from rulekube.errors import ApiError
from rulekube.facts.json_patch import JsonPatchError, apply_json_patch
from rulekube.facts.merge import merge_patch
from rulekube.facts.metadata import clone
from rulekube.facts.schema import type_of
from rulekube.facts.strategic_merge import StrategicMergeError, strategic_merge

RawObject = dict[str, Any]
Apply = Callable[[RawObject], RawObject]
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


def patcher(call: Call, body: bytes, kind: tuple[str, str], validation: str) -> Apply:
    """What the patch of a request makes of an object of `kind`. Raises ApiError for what is no patch."""
    media = call.http.content_type
    if media == JSON_PATCH:
        apply = _json_patch(_parse(body))
    elif media == MERGE_PATCH:
        apply = _merge(_parse_object(body))
    elif media == STRATEGIC:
        apply = _strategic(_parse_object(body), kind)
    else:
        raise ApiError("UnsupportedMediaType", "415: Unsupported Media Type", {})

    def change(live: RawObject) -> RawObject:
        patched = apply(live)
        try:
            return bodies.typed(call, patched, kind, validation, [])
        except ApiError as error:
            raise _invalid_result(error, patched, validation) from error

    return change


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(go_json.complaint(body)) from error


def _parse_object(body: bytes) -> RawObject:
    patch = _parse(body)
    if not isinstance(patch, dict):
        raise bad_request(
            f"json: cannot unmarshal {go_json.kind_of(patch)} into Go value of type map[string]interface {{}}"
        )
    return patch


def _json_patch(patch: Any) -> Apply:
    def apply(live: RawObject) -> RawObject:
        try:
            patched = apply_json_patch(clone(live), patch)
        except JsonPatchError as error:
            message = "the server rejected our request due to an error in our request"
            raise ApiError("Invalid", message, {}) from error
        return patched if isinstance(patched, dict) else {}

    return apply


def _merge(patch: RawObject) -> Apply:
    return lambda live: dict(merge_patch(live, patch))


def _strategic(patch: RawObject, kind: tuple[str, str]) -> Apply:
    schema = type_of(*kind)
    if schema is None:
        raise ApiError("UnsupportedMediaType", "415: Unsupported Media Type", {})

    def apply(live: RawObject) -> RawObject:
        try:
            return strategic_merge(schema, clone(live), patch)
        except StrategicMergeError as error:
            raise bad_request(str(error)) from error

    return apply


def _invalid_result(error: ApiError, patched: RawObject, validation: str) -> ApiError:
    """What Kubernetes says where the patch is sound but its result does not fit the type."""
    text = error.message.split(" cannot be handled as a ", 1)[-1].split(": ", 1)[-1]
    if "strict decoding error" in text and validation == "Strict":
        return bad_request(text)
    ordered = {key: patched[key] for key in ("apiVersion", "kind", "metadata") if key in patched} | patched
    quoted = json.dumps(json.dumps(ordered, separators=(",", ":"), ensure_ascii=False), ensure_ascii=False)
    message = f"Invalid value: {quoted}: {text}"
    causes = [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]
    return ApiError("Invalid", f' "" is invalid: patch: {message}', {"causes": causes})
