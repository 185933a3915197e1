"""A cluster of facts for rule tests: objects in, conclusions out; no store, no clock, no API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from rulekube import rules
from rulekube.engine import Changes, Database, Ref, Rows, from_json, to_json
from rulekube.facts.flatten import Flattener, ref_of
from rulekube.facts.functions import FUNCTIONS

RawObject = dict[str, Any]
CREATED = "2026-01-01T00:00:00Z"
ADMIN = {"username": "admin", "uid": "admin-uid", "groups": ["system:masters", "system:authenticated"]}


class Cluster:
    """A rule program and the objects it sees. Every call is one commit."""

    def __init__(self, files: Sequence[str], settings: dict[str, Any] | None = None) -> None:
        self.objects: dict[str, RawObject] = {}
        self.db = Database.from_files([rules.FOLDER / f for f in files], functions=FUNCTIONS, resolve_ref=self._resolve)
        self._flatten = Flattener(self.db.inputs())
        self.db.commit(insert={"setting": [(name, to_json(value)) for name, value in (settings or {}).items()]})

    def apply(self, *objects: RawObject) -> Changes:
        """Make the objects so; what an object lacks of a stored one (uid, generation, time) it is given."""
        return self.change(objects, ())

    def delete(self, *objects: RawObject) -> Changes:
        """The objects are gone."""
        return self.change((), objects)

    def change(self, present: Iterable[RawObject], absent: Iterable[RawObject]) -> Changes:
        """Both at once, as one commit."""
        insert: dict[str, list[Any]] = {}
        retract: dict[str, list[Any]] = {}
        pairs = [(self._stored(raw), None) for raw in present] + [(None, self._stored(raw)) for raw in absent]
        for new, gone in pairs:
            path = ref_of(new or gone).path
            old = self.objects.pop(path, None)
            added, removed = self._flatten.delta(old, new)
            for facts, into in ((added, insert), (removed, retract)):
                for relation, rows in facts.items():
                    into.setdefault(relation, []).extend(rows)
            if new is not None:
                self.objects[path] = new
        return self.db.commit(insert=insert, retract=retract)

    def facts(self, relation: str) -> list[tuple[Any, ...]]:
        return [tuple(map(plain, fact)) for fact in self.db.facts(relation)]

    def query(self, text: str) -> Rows:
        return self.db.query(text)

    def admit(
        self, operation: str, resource: str, new: RawObject | None, old: RawObject | None = None, sub: str = ""
    ) -> Answer:
        """Judge a request by the admission rules."""
        metadata = (new or old or {}).get("metadata", {})
        name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
        fact = (operation, resource, sub, namespace, name, to_json(new), to_json(old), to_json(ADMIN))
        changes = self.db.what_if(insert={"request": [fact]})
        return Answer({name: [tuple(map(plain, f)) for f in facts] for name, facts in changes.inserted.items()})

    def ref(self, path: str) -> Ref:
        return ref_of(self.objects[path])

    def _resolve(self, path: str) -> Ref | None:
        return ref_of(self.objects[path]) if path in self.objects else None

    def _stored(self, raw: RawObject) -> RawObject:
        metadata = raw["metadata"]
        place = "/".join(filter(None, (raw["kind"].lower(), metadata.get("namespace", ""), metadata["name"])))
        given = {"uid": place, "generation": 1, "creationTimestamp": CREATED}
        return {"apiVersion": "v1", **raw, "metadata": {**given, **metadata}}


class Answer:
    """The verdict of the admission rules on one request."""

    def __init__(self, inserted: dict[str, list[tuple[Any, ...]]]) -> None:
        self.denials = sorted(inserted.get("deny", []), key=str)
        self.invalid = sorted(inserted.get("invalid", []), key=str)
        self.warnings = sorted(text for (text,) in inserted.get("warn", []))
        self.fields: dict[str, Any] = {}
        for path, value in inserted.get("set_field", []):
            assert path not in self.fields, f"{path} is set twice: {self.fields[path]} and {value}"
            self.fields[path] = value

    @property
    def allowed(self) -> bool:
        return not self.denials and not self.invalid


def plain(value: Any) -> Any:
    """A fact's value as plain Python; a ref is its path."""
    return value.path if isinstance(value, Ref) else from_json(value)


@pytest.fixture(scope="session")
def cluster_of() -> type[Cluster]:
    """The class of clusters of facts: `cluster_of(["scheduler/bind.dl"])`."""
    return Cluster
