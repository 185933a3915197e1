"""The token subresource of service accounts: `kubectl create token`, and what pods' projected volumes ask for.

Source: authentication.k8s.io/v1 TokenRequest; k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage/token.go.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from rulekube.api import bodies
from rulekube.api.authn import ServiceAccountTokens
from rulekube.api.reads import Reads
from rulekube.api.requests import Call, respond
from rulekube.api.writes import caller, plain, write_options
from rulekube.errors import ApiError
from rulekube.facts import managed_fields
from rulekube.facts.timestamp import SECOND, format_time

RawObject = dict[str, Any]
_KIND = ("authentication.k8s.io/v1", "TokenRequest")
_DEFAULT_SECONDS, _LEAST_SECONDS, _MOST_SECONDS = 3600, 600, 1 << 32


class AccountTokens:
    """The handler; without a key there are no tokens to be had."""

    def __init__(self, reads: Reads, tokens: ServiceAccountTokens | None) -> None:
        self._reads = reads
        self._tokens = tokens

    async def token(self, call: Call) -> web.StreamResponse:
        """Issue a token for the account."""
        if self._tokens is None:
            raise ApiError("InternalError", "this server has no key to sign service account tokens with")
        account = self._reads.present(call)
        chosen = write_options(call, "CreateOptions")
        wanted = bodies.read_object(call, await bodies.read(call), chosen.validation, _KIND)
        spec = wanted.get("spec", {})
        seconds = spec.get("expirationSeconds", _DEFAULT_SECONDS)
        if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
            raise _bad_lifetime(seconds)
        metadata, now = account["metadata"], call.now
        audiences = spec.get("audiences") or [self._tokens.issuer]
        token = self._tokens.issue(
            metadata["namespace"],
            metadata["name"],
            metadata["uid"],
            now=now // SECOND,
            seconds=seconds,
            audiences=audiences,
        )
        sent = {**wanted, "spec": {"expirationSeconds": seconds, **spec}}
        entries = managed_fields.updated(
            None, sent, manager=caller(call, chosen).manager, time=format_time(now), subresource="token"
        )
        names = {key: metadata[key] for key in ("name", "namespace", "uid", "creationTimestamp")}
        answer = {
            "kind": _KIND[1],
            "apiVersion": _KIND[0],
            "metadata": {**names, "managedFields": entries},
            "spec": {"audiences": audiences, "boundObjectRef": None, **sent["spec"]},
            "status": {"token": token, "expirationTimestamp": format_time(now + seconds * SECOND)},
        }
        return respond(plain(call), answer, 201)


def _bad_lifetime(seconds: int) -> ApiError:
    bound = "may not specify a duration less than 10 minutes"
    if seconds > _MOST_SECONDS:
        bound = "may not specify a duration larger than 2^32 seconds"
    message = f"Invalid value: {seconds}: {bound}"
    details: dict[str, object] = {
        "group": "authentication.k8s.io",
        "kind": "TokenRequest",
        "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.expirationSeconds"}],
    }
    return ApiError(
        "Invalid", f'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: {message}', details
    )
