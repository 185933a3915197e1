"""RuleKube's own endpoints: queries, proofs, and a user's own rule packs, live.

    POST   /rulekube/query       {"query": "pod_node(P, N)"}   -> {"columns": […], "rows": [[…]]}
    POST   /rulekube/query?watch=true  {"query": "…"}          -> lines of JSON, see `standing`
    POST   /rulekube/why         {"fact": "bound(P, N)"}       -> {"proof": {…} | null}
    POST   /rulekube/why-not     {"fact": "fits(P, N)"}        -> {"holds": …, "causes": […], "repairs": […], …}
    GET    /rulekube/packs                                     -> {"packs": [name, …], "errors": {name: why}}
    PUT    /rulekube/packs/NAME  {"text": "…"}                 -> {"name": …, …}
    DELETE /rulekube/packs/NAME
    POST   /rulekube/diff/NAME   {"text": "…"}                 -> {"relations": […]}

They are paths, not resources, and authorisation guards them as such.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from rulekube.api import standing, status
from rulekube.errors import ApiError, RuleError, RuleKubeError

RawObject = dict[str, Any]
ROOT = "/rulekube/"


class Brain(Protocol):
    """Whoever holds the rules (the reconciler). Each may also be a coroutine function. RuleError goes back as 422."""

    def query(self, text: str) -> Any:
        """{"columns": […], "rows": [[…]]}, JSON throughout."""
        ...

    def stand(self, text: str) -> standing.Standing:
        """A question that stays. Raises RuleError."""
        ...

    def why(self, text: str, without: Sequence[str]) -> Any:
        """A proof tree as JSON, None where the fact does not hold; as if the facts `without` were not there."""
        ...

    def why_not(self, text: str, options: RawObject) -> Any:
        """Why a fact does not hold, as JSON. Options: with, without (lists of facts), depth, ways (numbers)."""
        ...

    def load_pack(self, name: str, text: str) -> Any:
        """Add or replace a user's pack; what there is to say of it, as JSON."""
        ...

    def diff_pack(self, name: str, text: str) -> Any:
        """What loading it would change, as JSON; nothing is loaded."""
        ...

    def unload_pack(self, name: str) -> Any:
        """Take a pack away. Raises KeyError where there is none."""
        ...

    def packs(self) -> Any:
        """The names of the packs in force."""
        ...

    def idle(self) -> Any:
        """The packs that are kept and not in force: name → why, as JSON."""
        ...


class Questions:
    """The handlers."""

    def __init__(self, brain: Brain | None) -> None:
        self._brain = brain
        self._ending = asyncio.Event()

    def stop(self) -> None:
        """End the standing questions: the server goes."""
        self._ending.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request below /rulekube/."""
        if self._brain is None:
            raise status.no_such_path()
        parts = request.path.removeprefix(ROOT).strip("/").split("/")
        body = await _body(request)
        try:
            if parts == ["query"] and request.query.get("watch") in ("true", "1"):
                return await standing.stream(request, self._brain.stand(_text(body, "query")), self._ending)
            answer = await self._answer(self._brain, request.method, parts, body)
        except KeyError as error:
            raise ApiError(
                "NotFound", f"there is no policy {error.args[0]!r}; `rulekube policy list` shows all", {}
            ) from error
        except RuleError as error:
            raise ApiError("Invalid", str(error), {}) from error
        except RuleKubeError as error:
            raise status.bad_request(str(error)) from error
        return web.json_response(answer)

    async def _answer(self, brain: Brain, method: str, parts: list[str], body: RawObject) -> RawObject:
        match method, parts:
            case "POST", ["query"]:
                answer: RawObject = await _settled(brain.query(_text(body, "query")))
                return answer
            case "POST", ["why"]:
                return {"proof": await _settled(brain.why(_text(body, "fact"), _texts(body, "without")))}
            case "POST", ["why-not"]:
                explained: RawObject = await _settled(brain.why_not(_text(body, "fact"), _options(body)))
                return explained
            case "POST", ["diff", name]:
                changed: RawObject = await _settled(brain.diff_pack(name, _text(body, "text")))
                return changed
            case "GET", ["packs"]:
                return {"packs": list(await _settled(brain.packs())), "errors": await _settled(brain.idle())}
            case "PUT", ["packs", name]:
                return {"name": name, **(await _settled(brain.load_pack(name, _text(body, "text"))) or {})}
            case "DELETE", ["packs", name]:
                return {"name": name, **(await _settled(brain.unload_pack(name)) or {})}
        raise status.no_such_path()


async def _settled(value: Any) -> Any:
    """The value itself, or what a coroutine comes to."""
    if inspect.isawaitable(value) or asyncio.isfuture(value):
        return await value
    return value


async def _body(request: web.Request) -> RawObject:
    data = await request.read()
    try:
        body = json.loads(data) if data else {}
    except ValueError as error:
        raise status.bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise status.bad_request("the body must be a JSON object")
    return body


def _text(body: RawObject, field: str) -> str:
    text = body.get(field)
    if not isinstance(text, str) or not text.strip():
        raise status.bad_request(f'the body must be {{"{field}": "…"}}')
    return text


def _texts(body: RawObject, field: str) -> list[str]:
    texts = body.get(field, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise status.bad_request(f'"{field}" must be a list of texts')
    return texts


def _options(body: RawObject) -> RawObject:
    """How to explain: facts assumed and left out, and how much to say."""
    numbers: RawObject = {field: body[field] for field in ("depth", "ways") if field in body}
    if not all(type(number) is int and 0 < number <= 10_000 for number in numbers.values()):
        raise status.bad_request('"depth" and "ways" must be whole numbers from 1 to 10000')
    return {"with": _texts(body, "with"), "without": _texts(body, "without"), **numbers}
