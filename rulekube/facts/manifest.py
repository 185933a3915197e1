"""Manifests: the text of one or more objects, as YAML or JSON → objects, each with its place.

A text may hold several documents, and Lists, whose items count as if they stood alone. What cannot be an object of this
cluster is refused with file, line, field and what was expected there, before anything is sent anywhere.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from rulekube.errors import ManifestError
from rulekube.facts import resources, yaml_documents
from rulekube.facts.yaml_documents import Document

RawObject = dict[str, Any]
Path = tuple[str | int, ...]

_KINDS: Final = {"object": dict, "text": str, "list": list}


class Manifest(NamedTuple):
    """One object, and where it was written."""

    object: RawObject
    source: str
    line: int


class _Place(NamedTuple):
    """A value within a document: what errors point at."""

    document: Document
    source: str
    path: Path = ()

    def at(self, *steps: str | int) -> _Place:
        return self._replace(path=(*self.path, *steps))

    @property
    def line(self) -> int:
        return self.document.line_of(self.path)

    def refuse(self, problem: str) -> ManifestError:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        return ManifestError(f"{self.source}:{self.line}: {field + ': ' if field else ''}{problem}")


def parse(text: str, source: str = "<text>") -> list[RawObject]:
    """The objects of a text in order; `source` names it in errors (ManifestError)."""
    return [manifest.object for manifest in read(text, source)]


def read(text: str, source: str = "<text>") -> list[Manifest]:
    """The objects of a text in order, each with its place."""
    found: list[Manifest] = []
    for document in _documents(text, source):
        place = _Place(document, source)
        found += _objects(document.value, place, {})
    return found


def _documents(text: str, source: str) -> Iterator[Document]:
    """JSON where the text is JSON; else YAML, of whose faults we tell, for every JSON is nearly YAML."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return iter(_json_documents(text))
        except json.JSONDecodeError as error:
            try:
                return iter(list(yaml_documents.read(text, source)))
            except ManifestError:
                raise ManifestError(f"{source}:{error.lineno}: not JSON: {error.msg}") from error
    return yaml_documents.read(text, source)


def _json_documents(text: str) -> list[Document]:
    decoder, position = json.JSONDecoder(object_pairs_hook=_unique), 0
    documents: list[Document] = []
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        try:
            value, end = decoder.raw_decode(text, position)
        except _TwiceError as error:
            key = json.dumps(error.key)
            where = text.find(key, text.find(key, position) + 1)
            raise json.JSONDecodeError(f"key {key} is set twice", text, max(where, position)) from error
        documents.append(Document(value, text.count("\n", 0, position) + 1, None))
        position = end
    return documents


class _TwiceError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _objects(value: Any, place: _Place, inherited: Mapping[str, str]) -> Iterator[Manifest]:
    """The objects in a value: itself, or the items of a List. Items of a typed list inherit its kind."""
    if not isinstance(value, dict):
        raise place.refuse(f"expected an object with apiVersion, kind and metadata, not {_named(value)}")
    whole = {**inherited, **value}
    api_version, kind = _text(whole, place, "apiVersion"), _text(whole, place, "kind")
    if kind.endswith("List") and "items" in whole:
        items = whole["items"] or []
        if not isinstance(items, list):
            raise place.at("items").refuse(f"expected a list, not {_named(items)}")
        of = {"apiVersion": api_version, "kind": kind.removesuffix("List")} if kind != "List" else {}
        for index, item in enumerate(items):
            yield from _objects(item, place.at("items", index), of)
        return
    _check_kind(api_version, kind, place)
    _check_metadata(whole, place)
    yield Manifest(whole, place.source, place.line)


def _check_kind(api_version: str, kind: str, place: _Place) -> None:
    if resources.by_kind(api_version, kind):
        return
    served = sorted({row.api_version for row in resources.TABLE if row.kind == kind})
    if served:
        raise place.at("apiVersion").refuse(f"{kind} is served as {' or '.join(served)}, not {api_version}")
    kinds = {row.kind.lower(): row.kind for row in resources.TABLE}
    near = difflib.get_close_matches(kind.lower(), kinds, n=1, cutoff=0.6)
    hint = f"did you mean {kinds[near[0]]}?" if near else f"expected one of {', '.join(sorted(kinds.values()))}"
    raise place.at("kind").refuse(f"there is no kind {kind} in {api_version}; {hint}")


def _check_metadata(value: RawObject, place: _Place) -> None:
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise place.at("metadata").refuse(
            "missing; expected an object with a name"
            if metadata is None
            else f"expected an object, not {_named(metadata)}"
        )
    inside = place.at("metadata")
    for field in ("name", "generateName", "namespace"):
        if metadata.get(field) is not None:
            _text(metadata, inside, field)
    if not metadata.get("name") and not metadata.get("generateName"):
        raise inside.at("name").refuse("missing; expected a text (or generateName)")


def _text(value: Mapping[str, Any], place: _Place, field: str) -> str:
    found = value.get(field)
    if isinstance(found, str) and found:
        return found
    if found is None or found == "":
        raise place.at(field).refuse("missing; expected a text")
    raise place.at(field).refuse(f"expected a text, not {_named(found)}; quote it if it is meant as text")


def _named(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {'true' if value else 'false'}"
    if isinstance(value, int | float):
        return f"the number {value}"
    return next(
        (f"{'an' if name == 'object' else 'a'} {name}" for name, kind in _KINDS.items() if isinstance(value, kind)), ""
    )
