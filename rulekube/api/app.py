"""The API server: one aiohttp application over a store and its writer.

A request's way: path → target, authentication, authorisation, then the handler of its verb; whatever is raised on the
way becomes a Status in one place. `create_app` wires the parts from what it is given and starts nothing by itself;
the application's start-up begins group commit and its clean-up ends it.

Run it with `handler_cancellation=True` (AppRunner), so that the watch of a client that vanished ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from rulekube.api import access, apply, authn, impersonation, negotiation, paths, status
from rulekube.api.access import Authorize
from rulekube.api.account_tokens import AccountTokens
from rulekube.api.authn import Authenticator, ServiceAccountTokens
from rulekube.api.committer import Committer
from rulekube.api.discovery import Discovery
from rulekube.api.documents import Documents, nothing
from rulekube.api.negotiation import Form
from rulekube.api.openapi import OpenApi
from rulekube.api.paths import Target
from rulekube.api.questions import Brain, Questions
from rulekube.api.reads import Reads
from rulekube.api.requests import HEADERS, Call
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

log = logging.getLogger("rulekube.api")
LARGEST_BODY = 3 << 20  # bytes, as Kubernetes; an object's own limit is the validation's
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

    documents: Documents
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
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return failed(ApiError("InternalError", "Internal error occurred: the server's log says more"))

    async def _serve(self, request: web.Request, target: Target, resource: Resource | None) -> web.StreamResponse:
        if (public := self.documents.public(request)) is not None:
            return public
        user = authn.authenticate(request, self.authenticators)
        asked = access.attributes(user, target, request.path)
        user = impersonation.effective(request, user, self.authorize, asked)
        access.check(self.authorize, asked._replace(user=user))
        if not target.plural:
            return await self.documents.handle(request)
        if resource is None:
            if self.documents.knows(target.group, target.version):
                raise status.no_such_path()
            return nothing()
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
                raise status.not_served_yet(target.plural, target.subresource)
            if target.verb not in sub.verbs:
                raise status.method_not_allowed()
            return self.subresources.get(sub.name, self.verbs.get(target.verb, _refuse))
        named = target.verb in ONE or (target.verb == "watch" and bool(target.name))
        if target.verb not in resource.verbs or named != bool(target.name):
            raise status.method_not_allowed()
        if resource.namespaced and not target.namespace and target.verb not in ("list", "watch", "deletecollection"):
            raise status.method_not_allowed()
        return self.reviews.get(resource.key, self.verbs[target.verb])


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

    async def patch(call: Call) -> web.StreamResponse:
        return await (apply.handle(writes, call) if call.http.content_type == apply.MEDIA else writes.patch(call))

    discovery = Discovery(resources.TABLE)
    questions = Questions(brain)
    server = Server(
        Documents(discovery, OpenApi(discovery), questions),
        {
            "get": reads.get,
            "list": reads.list,
            "watch": reads.watch,
            "create": writes.create,
            "update": writes.update,
            "patch": patch,
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
        questions.stop()

    app.on_shutdown.append(end_watches)
    app.cleanup_ctx.append(commit)
    app[COMMITTER] = committer
    return app


def _account_tokens(authenticators: Sequence[Authenticator]) -> ServiceAccountTokens | None:
    """The authenticator that can also issue tokens, if there is one."""
    return next((one for one in authenticators if isinstance(one, ServiceAccountTokens)), None)


COMMITTER = web.AppKey("committer", Committer)
