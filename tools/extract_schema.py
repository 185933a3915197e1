#!/usr/bin/env python3
"""Write rulekube/facts/openapi.json.xz: Kubernetes' own type descriptions, in the shape of its OpenAPI v3 documents.

    python tools/extract_schema.py          # needs the development dependency kubernetes-validate

Two sources, both facts about Kubernetes 1.36 (Apache-2.0):
* PyPI's kubernetes-validate carries the published OpenAPI v2 definitions: fields, types, descriptions, list-map keys,
  patch-merge keys. Its additions for JSON Schema validators (`null` among the types, enums of kind) are undone here.
* schema_overlay.json.xz beside this script holds what the published definitions leave out and a running API server
  serves, for v1, apps/v1 and batch/v1: which fields are structs by value (`default: {}`), and the enums.

Only stable versions are kept, with everything they refer to. The output is deterministic.
"""

from __future__ import annotations

import importlib.util
import json
import lzma
import re
from pathlib import Path
from typing import Any

VERSION = "1.36"
HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "rulekube" / "facts" / "openapi.json.xz"
STABLE = re.compile(r"\.v\d+\.[A-Za-z]+$")
PREFIX = "#/components/schemas/"
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
}
BY_VALUE = ("metadata", "spec", "status")  # structs by value in every top-level kind


def published() -> dict[str, Any]:
    """The definitions inside the installed wheel."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise SystemExit("kubernetes-validate is not installed: pip install kubernetes-validate")
    path = Path(spec.origin).parent / "kubernetes-json-schema" / f"v{VERSION}.0-local" / "_definitions.json"
    definitions: dict[str, Any] = json.loads(path.read_text())["$defs"]
    return definitions


def plain(schema: Any) -> Any:
    """One schema in the form of OpenAPI v3: single types, references below allOf where they have siblings."""
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, list):
            out["type"] = next(kind for kind in value if kind != "null")
        elif key == "properties":
            out["properties"] = {name: plain(field) for name, field in value.items()}
        elif key in ("items", "additionalProperties"):
            out[key] = plain(value)
        elif key == "oneOf":
            out[key] = [plain(choice) for choice in value]
        elif key == "$ref":
            out["$ref"] = PREFIX + value.rsplit("/", 1)[1]
        elif key != "enum":
            out[key] = value
    if "$ref" in out and len(out) > 1:
        out["allOf"] = [{"$ref": out.pop("$ref")}]
    return out


def references(schema: Any) -> set[str]:
    """The names of the definitions that a schema mentions."""
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix(PREFIX)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(references(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(references(value) for value in schema))
    return set()


def reachable(definitions: dict[str, Any]) -> dict[str, Any]:
    """The stable kinds and all they refer to."""
    todo = [
        name
        for name, schema in definitions.items()
        if STABLE.search(name) and schema.get("x-kubernetes-group-version-kind")
    ]
    kept: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in kept and name in definitions:
            kept.add(name)
            todo.extend(references(definitions[name]))
    return {name: definitions[name] for name in sorted(kept)}


def overlay(definitions: dict[str, Any]) -> None:
    """Add the enums and the structs by value."""
    extra = json.loads(lzma.decompress((HERE / "schema_overlay.json.xz").read_bytes()))
    for place, (values, text) in extra["enums"].items():
        name, field = place.rsplit("/", 1)
        target = definitions[name]["properties"][field]
        target["description"] = target.get("description", "") + text
        target.get("items", target)["enum"] = values
    for name, fields in extra["structs"].items():
        for field in fields:
            definitions[name]["properties"][field]["default"] = {}
    for schema in definitions.values():
        if schema.get("x-kubernetes-group-version-kind"):
            for field in set(BY_VALUE) & set(schema.get("properties", ())):
                if "allOf" in schema["properties"][field]:
                    schema["properties"][field]["default"] = {}


def main() -> None:
    """Write the extract and say its size."""
    definitions = {name: SPECIAL.get(name) or plain(schema) for name, schema in published().items()}
    for name, text in ((name, published()[name].get("description")) for name in SPECIAL):
        if text:
            definitions[name]["description"] = text
    definitions = reachable(definitions)
    overlay(definitions)
    document = {
        "license": "Apache-2.0, The Kubernetes Authors",
        "source": f"OpenAPI definitions of Kubernetes {VERSION}, by tools/extract_schema.py",
        "version": VERSION,
        "definitions": definitions,
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    TARGET.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"{TARGET.name}: {len(definitions)} definitions, {len(text)} bytes, {TARGET.stat().st_size} compressed")


if __name__ == "__main__":
    main()
