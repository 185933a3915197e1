"""Requests as the facts that admission and authorisation rules read, and their conclusions as answers.

The relations are those of `rules/admission/contract.dl` and `rules/auth/contract.dl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rulekube.engine import Changes, from_json, to_json
from rulekube.engine.values import fact_key
from rulekube.facts.admission import Denial, Invalid, Request, Verdict

Fact = tuple[Any, ...]
FactLists = dict[str, list[Fact]]
ATTEMPT = ("user", "verb", "group", "resource", "subresource", "namespace", "name", "path")


def request_facts(request: Request) -> FactLists:
    """The write to be judged."""
    user = {"username": request.user.name, "uid": request.user.uid, "groups": list(request.user.groups)}
    fact = (
        request.operation,
        request.resource.qualified,
        request.subresource,
        request.namespace,
        request.name,
        to_json(request.object),
        to_json(request.old),
        to_json(user),
    )
    return {"request": [fact], "dry_run": [()] if request.dry_run else []}


def verdict(changes: Changes) -> Verdict:
    """What the admission rules concluded, in a stable order."""
    said = {name: sorted(changes.inserted[name], key=fact_key) for name in ("deny", "set_field", "warn", "invalid")}
    return Verdict(
        [Denial(reason, message, from_json(details)) for reason, message, details in said["deny"]],
        [(path, from_json(value)) for path, value in said["set_field"]],
        [text for (text,) in said["warn"]],
        [Invalid(field, kind, from_json(value), text) for field, kind, value, text in said["invalid"]],
    )


def attempt_facts(attempt: Mapping[str, str], groups: Sequence[str]) -> FactLists:
    """The request to be let in: the columns of `attempt`, "" where one is missing, and the user's groups."""
    return {
        "attempt": [tuple(attempt.get(column, "") for column in ATTEMPT)],
        "attempt_group": [(group,) for group in groups],
    }


def allowed(changes: Changes) -> str | None:
    """The role that lets it in, None where none does."""
    return min((role for (role,) in changes.inserted["allowed"]), default=None)


def samples() -> list[FactLists]:
    """One attempt and one request, such as come all the time: no policy may fail on them."""
    attempt = {"user": "sample", "verb": "create", "resource": "pods", "namespace": "default"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "sample", "namespace": "default"},
        "spec": {"containers": [{"name": "sample", "image": "sample"}]},
    }
    write = ("CREATE", "pods", "", "default", "sample", to_json(pod), None, to_json({"username": "sample"}))
    return [attempt_facts(attempt, ["system:authenticated"]), {"request": [write], "dry_run": [()]}]
