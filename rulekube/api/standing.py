"""A standing question over HTTP: the present answers as the first line of JSON, and a line for each change.

    {"columns": ["P"], "rows": [["pod/shop/cart"]]}
    {"came": [["pod/shop/web"]], "went": [["pod/shop/cart"]]}
    {"error": "…"}                                     the last line, where a change of the rules ended the question

The engine keeps the answers up to date; this waits for commits, and drops the question when the client goes.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aiohttp import web

from rulekube.api.requests import HEADERS, encode

_JSON = "application/json"


class Standing(Protocol):
    """A standing question as the brain hands it out."""

    def answers(self) -> dict[str, Any]:
        """The present answers."""
        ...

    async def next(self) -> dict[str, Any] | None:
        """Wait for a change; None once the question has ended and that was said."""
        ...

    def close(self) -> None:
        """Stop asking."""
        ...


async def stream(request: web.Request, standing: Standing, ending: asyncio.Event) -> web.StreamResponse:
    """Answer a request by a standing question until the client goes, the question ends or the server does."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": _JSON})
    end = asyncio.ensure_future(ending.wait())
    try:
        await response.prepare(request)
        line: dict[str, Any] | None = standing.answers()
        while line is not None:
            await response.write(encode(line, _JSON).rstrip(b"\n") + b"\n")
            change = asyncio.ensure_future(standing.next())
            try:
                await asyncio.wait((change, end), return_when=asyncio.FIRST_COMPLETED)
                line = change.result() if change.done() else None
            finally:
                change.cancel()
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client is gone
    finally:
        end.cancel()
        standing.close()
    return response
