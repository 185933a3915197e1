"""The reconciler as the API sees it: questions answered in JSON, and a user's policies kept through restarts.

A policy is a file `DATA/policies/NAME.dl`. It is checked, kept, and only then acknowledged; one that no longer fits at
start-up is left out, said in the log, and stays in its file.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rulekube import rules
from rulekube.api.access import Attributes
from rulekube.engine import Ref, difference, from_json
from rulekube.errors import ApiError, RuleError
from rulekube.facts import judgement
from rulekube.reconciler import Reconciler

log = logging.getLogger("rulekube.policies")
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


class ClusterBrain:
    """Implements the API's `Brain` and `Authorize` over one reconciler."""

    def __init__(self, reconciler: Reconciler, folder: Path) -> None:
        self._reconciler, self._folder = reconciler, folder
        self._left_out: dict[str, str] = {}  # policies that did not fit when they were loaded at the start: why
        for path in rules.paths(rules.QUESTIONS):
            reconciler.db.define(str(path), path.read_text())

    def authorize(self, asked: Attributes) -> tuple[bool, str]:
        """Whether the rules let a request in. RuleKube's own reasons are the roles' names."""
        attempt = {
            "user": asked.user.name,
            **{column: getattr(asked, column) for column in judgement.ATTEMPT if column != "user"},
        }
        role = self._reconciler.authorize(attempt, asked.user.groups)
        return role is not None, role or ""

    def query(self, text: str) -> dict[str, Any]:
        """The answers to a question, as JSON."""
        rows = self._reconciler.query(text)
        return {"columns": list(rows.columns), "rows": [[plain(value) for value in row] for row in rows]}

    def stand(self, text: str) -> StandingQuestion:
        """A question that stays, over the facts as they change."""
        return StandingQuestion(self._reconciler, text)

    def why(self, text: str, without: Sequence[str] = ()) -> dict[str, Any] | None:
        """A proof tree as JSON, None where the fact does not hold; as if the facts `without` were not there."""
        proof = self._reconciler.why(text, without)
        return placed(proof.to_dict()) if proof is not None else None

    def why_not(self, text: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Why a fact does not hold, as JSON."""
        answer: dict[str, Any] = everywhere(self._reconciler.why_not(text, options).to_dict())
        return answer

    def diff_pack(self, name: str, text: str) -> dict[str, Any]:
        """What a policy would change on this cluster, as JSON; it is not loaded."""
        changes = self._reconciler.diff_pack(name, text)
        return difference(name, changes, self._reconciler.db.actions())

    def packs(self) -> list[str]:
        """The names of the policies in force."""
        return sorted(self._reconciler.packs)

    def load_pack(self, name: str, text: str) -> dict[str, Any]:
        """Check a policy, keep it, and put it in force."""
        if not NAME.fullmatch(name):
            raise ApiError("BadRequest", f"a policy's name is made of a-z, 0-9, '.', '_' and '-'; {name!r} is not")
        changes = self._reconciler.load_pack(name, text)
        self._left_out.pop(name, None)
        self._keep(name, text)
        return {"name": name, "changed": {relation: len(facts) for relation, facts in sorted(changes.inserted.items())}}

    def unload_pack(self, name: str) -> dict[str, Any]:
        """Take a policy away, now and at the next start, in force or not. Raises KeyError where there is none."""
        file = self._folder / f"{name}.dl"
        kept = NAME.fullmatch(name) is not None and file.exists()
        if name in self._reconciler.packs:
            self._reconciler.unload_pack(name)
        elif not kept and name not in self._reconciler.errors:
            raise KeyError(name)
        if kept:
            file.unlink()
        self._reconciler.forget_error(name)
        self._left_out.pop(name, None)
        return {"name": name}

    def idle(self) -> dict[str, str]:
        """The policies that are kept and not in force: name → why."""
        return dict(sorted((self._left_out | dict(self._reconciler.errors)).items()))

    def load_all(self, given: Iterable[Path]) -> None:
        """At start-up: the policies that were kept, then those of the command line. Raises RuleError for the latter."""
        for path in sorted(self._folder.glob("*.dl")):
            try:
                self._reconciler.load_pack(path.stem, path.read_text())
            except RuleError as error:
                log.error("policy %s is left out: %s", path.stem, error)
                self._left_out[path.stem] = str(error)
        for path in given:
            self._reconciler.load_pack(path.stem, path.read_text())

    def _keep(self, name: str, text: str) -> None:
        """Write a policy's file: whole, and on the disk, before anybody is told."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, scratch = self._folder / f"{name}.dl", self._folder / f".{name}.new"
        with scratch.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)


class StandingQuestion:
    """Implements the API's `Standing` over one reconciler; used in its loop's thread."""

    def __init__(self, reconciler: Reconciler, text: str) -> None:
        self._news = asyncio.Event()
        self._ended = False
        self._standing, self._close = reconciler.stand(text, self._news.set)

    def answers(self) -> dict[str, Any]:
        """The present answers; changes are told from here on."""
        self._standing.changes()
        return {"columns": list(self._standing.columns), "rows": _rows(self._standing.rows)}

    async def next(self) -> dict[str, Any] | None:
        """The next change; the error, where a change of the rules ended the question; then None."""
        while not self._ended:
            await self._news.wait()
            self._news.clear()
            came, went = self._standing.changes()
            self._ended = self._standing.error is not None
            if self._ended:
                return {"error": str(self._standing.error)}
            if came or went:
                return {"came": _rows(came), "went": _rows(went)}
        return None

    def close(self) -> None:
        """Stop asking."""
        self._close()


def _rows(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [[plain(value) for value in row] for row in rows]


def placed(proof: dict[str, Any]) -> dict[str, Any]:
    """A proof whose places name the shipped rule files as `rules/…`, wherever they are installed."""
    place = proof["place"].removeprefix(f"{rules.FOLDER.parent}{os.sep}")
    return {**proof, "place": place, "premises": [placed(premise) for premise in proof["premises"]]}


def everywhere(answer: Any) -> Any:
    """An answer in which every place, however deep, names the shipped rule files as `rules/…`."""
    if isinstance(answer, dict):
        return {
            key: value.removeprefix(f"{rules.FOLDER.parent}{os.sep}") if key == "place" else everywhere(value)
            for key, value in answer.items()
        }
    return [everywhere(one) for one in answer] if isinstance(answer, list) else answer


def plain(value: Any) -> Any:
    """A fact's value as JSON: objects by their path."""
    return value.path if isinstance(value, Ref) else from_json(value)
