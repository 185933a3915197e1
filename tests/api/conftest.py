"""A whole API server over a store in memory, on loopback, without rules."""

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rulekube.api.access import Attributes
from rulekube.api.app import create_app
from rulekube.api.authn import StaticTokens
from rulekube.facts import resources
from rulekube.facts.admission import User
from rulekube.facts.store import MemoryStore
from rulekube.facts.timestamp import parse_time
from rulekube.facts.writer import Writer

NOW = parse_time("2026-01-02T03:04:05Z")
USERS = {
    "admin-token": User("admin", "admin-uid", ("system:masters",)),
    "alice-token": User("alice", "alice-uid", ("dev",)),
}


def masters_only(asked: Attributes) -> tuple[bool, str]:
    return "system:masters" in asked.user.groups, ""


@dataclass
class Server:
    """A running server and a client of it. `call` gives (status, headers, body)."""

    url: str
    session: aiohttp.ClientSession
    store: MemoryStore
    writer: Writer
    runner: web.AppRunner

    async def call(self, method: str, path: str, body: Any = None, token: str = "admin-token", **headers: str):
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        data = None if text is None else io.BytesIO(text.encode() if isinstance(text, str) else text)
        head = {"User-Agent": "tester/1.0", **({"Authorization": f"Bearer {token}"} if token else {})}
        head |= {"Content-Type": "application/json"} if body is not None else {}
        head |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, data=data, headers=head) as answer:
            shown = await answer.text()
            return answer.status, answer.headers, json.loads(shown) if shown[:1] in ("{", "[") else shown

    async def make(self, kind: str, name: str, *, namespace: str = "default", **fields: Any) -> dict[str, Any]:
        row = next(row for row in resources.TABLE if row.kind == kind)
        root = f"/apis/{row.group}/{row.version}" if row.group else f"/api/{row.version}"
        place = f"{root}/namespaces/{namespace}" if row.namespaced else root
        metadata = {"name": name, **fields.pop("metadata", {})}
        body = {"apiVersion": row.api_version, "kind": kind, "metadata": metadata, **fields}
        status, _, made = await self.call("POST", f"{place}/{row.plural}", body)
        assert status == 201, made
        return made

    async def watch(self, path: str, count: int, *, accept: str = "application/json") -> list[dict[str, Any]]:
        """The first `count` events of a watch."""
        head = {"Authorization": "Bearer admin-token", "Accept": accept}
        events: list[dict[str, Any]] = []
        async with self.session.get(self.url + path, headers=head) as answer:
            assert answer.status == 200, await answer.text()
            while len(events) < count:
                line = await asyncio.wait_for(answer.content.readline(), 10)
                assert line, f"the watch ended after {len(events)} events"
                events.append(json.loads(line))
        return events


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Options of create_app: `@pytest.mark.parametrize("server", [{…}], indirect=True)`."""
    store, uids = MemoryStore(), itertools.count(1)
    writer = Writer(store, lambda: NOW, lambda: f"00000000-0000-4000-8000-{next(uids):012}")
    for name in ("default", "kube-system"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        writer.create(resources.row("namespaces"), "", namespace)
    options = {"authenticators": [StaticTokens(USERS)], "authorize": masters_only, "clock": lambda: NOW}
    app = create_app(store, writer, **(options | getattr(request, "param", {})))
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        yield Server(f"http://{host}:{port}", session, store, writer, runner)
    await runner.cleanup()
