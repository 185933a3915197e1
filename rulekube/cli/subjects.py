"""What the REPL asks: rule files in this process, or a live cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rulekube import rules
from rulekube.cli import why as why_verb
from rulekube.cli.client import Client
from rulekube.cli.program import Source, evaluated
from rulekube.engine import Database, Program, Ref, from_json
from rulekube.engine.why_not import render
from rulekube.errors import RuleKubeError

Table = tuple[list[str], list[list[object]]]


class Subject(Protocol):
    """Whoever answers. Everything raises RuleKubeError with a message for the one who asked."""

    name: str

    @property
    def program(self) -> Program:
        """The relations, rules and functions that are known."""
        ...

    def query(self, text: str) -> Table:
        """The columns and the rows of a question."""
        ...

    def why(self, fact: str) -> str:
        """The proof of a fact as text, or why it does not hold."""
        ...

    def why_not(self, fact: str) -> str:
        """Why a fact does not hold, as text."""
        ...

    def change(self, insert: Sequence[str], retract: Sequence[str]) -> str:
        """Insert and retract facts; what changed, as text."""
        ...

    def add(self, text: str) -> str:
        """Add declarations and rules; what changed, as text."""
        ...


class FilesSubject:
    """Rule files by themselves, and what is added to them at the prompt."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.db: Database = evaluated(files)
        self.name = ", ".join(path.name for path in files) or "empty program"
        self._added = ""

    @property
    def program(self) -> Program:
        """The relations, rules and functions that are known."""
        return self.db.program

    def query(self, text: str) -> Table:
        """The columns and the rows of a question."""
        rows = self.db.query(text)
        return list(rows.columns), [[_plain(value) for value in row] for row in rows]

    def why(self, fact: str) -> str:
        """The proof of a fact as text, or that it does not hold."""
        proof = self.db.why(fact)
        return why_verb.render(proof.to_dict(), None) if proof else f"no: {fact} does not hold (why-not tells more)"

    def why_not(self, fact: str) -> str:
        """Why a fact does not hold, as text."""
        return render(self.db.why_not(fact).to_dict())

    def change(self, insert: Sequence[str], retract: Sequence[str]) -> str:
        """Insert and retract facts; what changed, as text."""
        return _changed(self.db.commit(self.db.read_facts(insert), self.db.read_facts(retract)))

    def add(self, text: str) -> str:
        """Add declarations and rules; what changed, as text."""
        added = f"{self._added}{text}\n"
        changes = self.db.load("prompt", added)
        self._added = added
        return _changed(changes)


class ClusterSubject:
    """A live cluster. The relations known by name are those of the shipped rules."""

    def __init__(self, kubeconfig: str | None) -> None:
        self._client = Client(kubeconfig)
        self.name = self._client.server
        self.program = Source(rules.control_plane(), alone=True).program

    def query(self, text: str) -> Table:
        """The columns and the rows of a question."""
        answer = self._client.ask("/rulekube/query", {"query": text})
        return answer["columns"], answer["rows"]

    def why(self, fact: str) -> str:
        """The proof of a fact as text, or that it does not hold."""
        proof = self._client.ask("/rulekube/why", {"fact": fact})["proof"]
        return why_verb.render(proof, None) if proof else f"no: {fact} does not hold (why-not tells more)"

    def why_not(self, fact: str) -> str:
        """Why a fact does not hold, as text."""
        return render(self._client.ask("/rulekube/why-not", {"fact": fact}))

    def change(self, insert: Sequence[str], retract: Sequence[str]) -> str:  # noqa: ARG002 - a cluster takes none
        """Refuse: what is true of a cluster is observed."""
        raise RuleKubeError("facts of a cluster are observed, not inserted; change its objects with `rulekube apply`")

    def add(self, text: str) -> str:  # noqa: ARG002 - a cluster takes none
        """Refuse: rules of a cluster are policies."""
        raise RuleKubeError("rules of a cluster are policies; save them in a file and use `rulekube policy load`")


def _plain(value: Any) -> object:
    return value.path if isinstance(value, Ref) else from_json(value)


def _changed(changes: Any) -> str:
    relations = [(name, len(changes.inserted[name]), len(changes.retracted[name])) for name in changes.relations()]
    return "\n".join(f"{name}: {came} came, {went} went" for name, came, went in relations) or "nothing changed"
