"""The API server: one aiohttp application over a store and its writer.

A request's way: path → target, authentication, authorisation, then the handler of its verb; whatever is raised on the
way becomes a Status in one place. `create_app` wires the parts from what it is given and starts nothing by itself;
the application's start-up begins group commit and its clean-up ends it.

Run it with `handler_cancellation=True` (AppRunner), so that the watch of a client that vanished ends.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from rulekube.api import access, authn, impersonation, negotiation, paths, status, version
from rulekube.api.access import Authorize
from rulekube.api.account_tokens import AccountTokens
from rulekube.api.authn import Authenticator, ServiceAccountTokens
from rulekube.api.committer import Committer
from rulekube.api.discovery import AGGREGATED, Aggregated, Discovery
from rulekube.api.negotiation import Form
from rulekube.api.openapi import OpenApi
from rulekube.api.paths import Target
from rulekube.api.questions import ROOT, Brain, Questions
from rulekube.api.reads import Reads
from rulekube.api.requests import HEADERS, Call, encode
from rulekube.api.reviews import Reviews
from rulekube.api.subresources import LogSource, Subresources
from rulekube.api.watch import Hub
from rulekube.api.writes import Writes
from rulekube.errors import ApiError, RuleKubeError
from rulekube.facts import resources
from rulekube.facts.admission import User
from rulekube.facts.resources import Resource
from rulekube.facts.store import Store
from rulekube.facts.writer import Writer

LARGEST_BODY = 3 << 20  # bytes, as Kubernetes; an object's own limit is the validation's
PUBLIC = ("/healthz", "/livez", "/readyz", "/version")  # open to everybody
DEPRECATED = {"endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}
ONE = ("get", "update", "patch", "delete")  # verbs that need a name; the others take none
_encode = msgspec.json.Encoder().encode
Handler = Callable[[Call], Any]


def wall_clock() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Server:
    """What one application is made of."""

    discovery: Discovery
    openapi: OpenApi
    questions: Questions
    verbs: dict[str, Handler]
    subresources: dict[str, Handler]
    reviews: Mapping[str, Handler]
    authenticators: Sequence[Authenticator]
    authorize: Authorize | None
    clock: Callable[[], int]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request; never raises but for a broken promise of our own."""
        resource = None
        try:
            target = paths.parse(request.method, request.path, watch=request.query.get("watch", "") in ("true", "1"))
            resource = _resource(target)
            return await self._serve(request, target, resource)
        except RuleKubeError as error:
            return failed(status.translated(error, resource))
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {LARGEST_BODY}"
            return failed(ApiError("RequestEntityTooLarge", message))

    async def _serve(self, request: web.Request, target: Target, resource: Resource | None) -> web.StreamResponse:
        if request.path.rstrip("/") in PUBLIC and request.method == "GET":
            return self._public(request)
        user = authn.authenticate(request, self.authenticators)
        asked = access.attributes(user, target, request.path)
        user = impersonation.effective(request, user, self.authorize, asked)
        access.check(self.authorize, asked._replace(user=user))
        if not target.plural:
            return await self._document(request)
        if resource is None:
            if self.discovery.resources(target.group, target.version) is None:
                return _nothing()
            raise status.no_such_path()
        return await self._resource(request, user, target, resource)

    async def _resource(
        self, request: web.Request, user: User, target: Target, resource: Resource
    ) -> web.StreamResponse:
        handler = self._handler(target, resource)
        form = _form(request, target)
        call = Call(request, user, target, resource, form, self.clock)
        if resource.key in DEPRECATED:
            call.warnings.append(DEPRECATED[resource.key])
        answer: web.StreamResponse = await handler(call)
        return answer

    def _handler(self, target: Target, resource: Resource) -> Handler:
        """The handler of a verb. Raises where the path is not served, or not with this verb."""
        if target.subresource:
            sub = resource.subresource(target.subresource)
            if sub is None:
                raise status.no_such_path()
            if target.verb not in sub.verbs:
                raise status.method_not_allowed()
            return self.subresources.get(sub.name, self.verbs.get(target.verb, _refuse))
        named = target.verb in ONE or (target.verb == "watch" and bool(target.name))
        if target.verb not in resource.verbs or named != bool(target.name):
            raise status.method_not_allowed()
        if resource.namespaced and not target.namespace and target.verb not in ("list", "watch", "deletecollection"):
            raise status.method_not_allowed()
        return self.reviews.get(resource.key, self.verbs[target.verb])

    def _public(self, request: web.Request) -> web.Response:
        if request.path == "/version":
            return web.json_response(version.document(), headers=HEADERS)
        return web.Response(text="ok", headers=HEADERS)

    async def _document(self, request: web.Request) -> web.StreamResponse:
        """Discovery, OpenAPI, and RuleKube's own endpoints."""
        if request.path.startswith(ROOT):
            return await self.questions.handle(request)
        parts = [part for part in request.path.split("/") if part]
        match parts:
            case []:
                return _plain(request, self.discovery.paths)
            case ["api"]:
                return _discovery(request, self.discovery.aggregated_core, self.discovery.core)
            case ["apis"]:
                return _discovery(request, self.discovery.aggregated_groups, self.discovery.groups)
            case ["api", found]:
                return _plain(request, self.discovery.resources("", found))
            case ["apis", group]:
                return _plain(request, self.discovery.group(group))
            case ["apis", group, found]:
                return _plain(request, self.discovery.resources(group, found))
            case ["openapi", "v3"]:
                return web.Response(
                    body=_encode(self.openapi.index()), content_type="text/plain", charset="utf-8", headers=HEADERS
                )
            case ["openapi", "v3", *rest]:
                return _openapi(request, self.openapi.document("/".join(rest)))
        return _nothing()


async def _refuse(_call: Call) -> web.StreamResponse:
    raise status.method_not_allowed()


def _resource(target: Target) -> Resource | None:
    """The row of the table that a path means, None where its group, version or resource is not served."""
    if not target.plural:
        return None
    row = resources.by_plural(target.group, target.plural)
    return row if row is not None and row.version == target.version else None


def _form(request: web.Request, target: Target) -> Form:
    accept = request.headers.get("Accept", "")
    if target.subresource == "log":
        return Form()
    return negotiation.accepted(accept, watch=target.verb == "watch")


def failed(error: ApiError) -> web.Response:
    """The answer to a request that failed."""
    headers = dict(HEADERS)
    if error.reason == "Forbidden":
        headers["X-Content-Type-Options"] = "nosniff"
    return web.Response(
        body=_encode(status.failure(error)),
        status=status.code_of(error),
        content_type="application/json",
        headers=headers,
    )


def _nothing() -> web.Response:
    """A path that no part of the server knows."""
    return web.Response(
        text="404 page not found\n", status=404, headers={**HEADERS, "X-Content-Type-Options": "nosniff"}
    )


def _plain(request: web.Request, document: dict[str, Any] | None) -> web.Response:
    if document is None:
        return _nothing()
    form = negotiation.accepted(request.headers.get("Accept", ""), shapes=False)
    return web.Response(body=encode(document, form.media), content_type=form.media, headers=HEADERS)


def _discovery(request: web.Request, aggregated: Aggregated, legacy: dict[str, Any]) -> web.Response:
    if not Aggregated.wanted(request.headers.get("Accept", "")):
        return _plain(request, legacy)
    headers = {**HEADERS, "ETag": aggregated.etag, "Vary": "Accept"}
    if aggregated.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=aggregated.body, headers={**headers, "Content-Type": AGGREGATED})


def _openapi(request: web.Request, document: tuple[bytes, str] | None) -> web.Response:
    if document is None:
        return web.Response(status=404, headers=HEADERS)
    body, digest = document
    kept = "public, immutable" if request.query.get("hash") else "no-cache, private"
    headers = {"Cache-Control": kept, "ETag": f'"{digest}"', "Vary": "Accept"}
    if digest in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


def create_app(
    store: Store,
    writer: Writer,
    *,
    brain: Brain | None = None,
    authenticators: Sequence[Authenticator] = (),
    authorize: Authorize | None = None,
    log_source: LogSource | None = None,
    clock: Callable[[], int] = wall_clock,
) -> web.Application:
    """The application. Without `authorize` everybody may do everything; without `brain` and `log_source` there are
    no queries and no logs."""
    committer = Committer(store)
    hub = Hub(store, committer)
    reads, writes = Reads(store, committer, hub), Writes(store, writer, committer)
    special = Subresources(reads, writes, log_source)
    discovery = Discovery(resources.TABLE)
    server = Server(
        discovery,
        OpenApi(discovery),
        Questions(brain),
        {
            "get": reads.get,
            "list": reads.list,
            "watch": reads.watch,
            "create": writes.create,
            "update": writes.update,
            "patch": writes.patch,
            "delete": writes.delete,
            "deletecollection": writes.delete_collection,
        },
        {
            "scale": special.scale,
            "binding": special.binding,
            "eviction": special.eviction,
            "log": special.log,
            "token": AccountTokens(reads, _account_tokens(authenticators)).token,
        },
        Reviews(authorize).handlers,
        authenticators,
        authorize,
        clock,
    )
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", server.handle)

    async def commit(_app: web.Application) -> AsyncIterator[None]:
        await committer.start()
        hub.start()
        yield
        await committer.stop()

    async def end_watches(_app: web.Application) -> None:
        hub.stop()

    app.on_shutdown.append(end_watches)
    app.cleanup_ctx.append(commit)
    app[COMMITTER] = committer
    return app


def _account_tokens(authenticators: Sequence[Authenticator]) -> ServiceAccountTokens | None:
    """The authenticator that can also issue tokens, if there is one."""
    return next((one for one in authenticators if isinstance(one, ServiceAccountTokens)), None)


COMMITTER = web.AppKey("committer", Committer)
