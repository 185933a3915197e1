"""The types of Kubernetes' objects: fields, list-map keys, patch-merge keys, what is atomic, what is required.

`openapi.json.xz` beside this file holds Kubernetes' OpenAPI definitions (see tools/extract_schema.py). A `Type` is a
view of one place in them: a definition, or a field with what the field adds. Types are built when first asked for and
kept, so recursive definitions cost nothing.

Source of the vocabulary: sigs.k8s.io/structured-merge-diff (schema.List.ElementRelationship, Map) and the
x-kubernetes-* extensions of k8s.io/kube-openapi.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

RawSchema = dict[str, Any]
_PREFIX = "#/components/schemas/"
_GO_SCALARS = {"string": "string", "boolean": "bool", "number": "float64"}


@cache
def definitions() -> Mapping[str, RawSchema]:
    """Every definition by name, as in the `components.schemas` of an OpenAPI v3 document."""
    packed = (Path(__file__).parent / "openapi.json.xz").read_bytes()
    document: dict[str, Any] = json.loads(lzma.decompress(packed))
    found: dict[str, RawSchema] = document["definitions"]
    return found


@cache
def _names_by_kind() -> Mapping[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for name, schema in definitions().items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            group, version = kind["group"], kind["version"]
            names.setdefault((f"{group}/{version}" if group else version, kind["kind"]), name)
    return names


def definition_name(api_version: str, kind: str) -> str | None:
    """`io.k8s.api.core.v1.Pod` for ("v1", "Pod"); None for a kind Kubernetes' own groups do not have."""
    return _names_by_kind().get((api_version, kind))


@cache
def type_of(api_version: str, kind: str) -> Type | None:
    """The type of a top-level kind, None where it is not known."""
    name = definition_name(api_version, kind)
    return _definition(name) if name else None


@cache
def _definition(name: str) -> Type:
    return Type({"$ref": _PREFIX + name})


class Type:
    """One place in the definitions.

    `form` is "struct" (named fields), "map" (any keys, one element type), "list", "scalar" or "any" (untyped).
    Immutable; equal only to itself.
    """

    def __init__(self, field: RawSchema) -> None:
        self._field = field
        reference = field.get("$ref") or (field["allOf"][0].get("$ref") if field.get("allOf") else None)
        self.name: str = reference.removeprefix(_PREFIX) if reference else ""
        self._target: RawSchema = definitions().get(self.name, {}) if self.name else field
        self.form = self._form()
        self.atomic = self._is_atomic()
        self.keys: tuple[str, ...] = tuple(self._extension("list-map-keys") or ())
        self.merge_key: str = field.get("x-kubernetes-patch-merge-key", "")
        self.strategies: tuple[str, ...] = tuple(filter(None, field.get("x-kubernetes-patch-strategy", "").split(",")))
        self.by_value = field.get("default") == {}

    def _extension(self, name: str) -> Any:
        key = f"x-kubernetes-{name}"
        return self._field.get(key, self._target.get(key))

    def _form(self) -> str:
        target = self._target
        if "properties" in target:
            return "struct"
        if target.get("type") == "array":
            return "list"
        if target.get("additionalProperties"):
            return "map"
        return "scalar" if ("type" in target and target["type"] != "object") or "oneOf" in target else "any"

    def _is_atomic(self) -> bool:
        """Whether the whole value has one owner. Lists are, unless they say how to tell their items apart."""
        if self.form == "list":
            return self._extension("list-type") not in ("map", "set")
        return bool(self._extension("map-type") == "atomic")

    @cached_property
    def fields(self) -> Mapping[str, Type]:
        """The fields of a struct."""
        return {name: Type(field) for name, field in self._target.get("properties", {}).items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The fields of a struct that are written even when they are empty."""
        return frozenset(self._target.get("required", ()))

    @cached_property
    def element(self) -> Type:
        """The type of a list's items or a map's values."""
        return Type(self._target.get("items") or self._target.get("additionalProperties") or {})

    @cached_property
    def scalar(self) -> str:
        """string, integer, number, boolean, quantity, int-or-string or time."""
        if self.name.endswith(".Quantity"):
            return "quantity"
        target = self._target
        if target.get("format") in ("int-or-string", "date-time"):
            return "time" if target["format"] == "date-time" else "int-or-string"
        return str(target.get("type", ""))

    @cached_property
    def go_name(self) -> str:
        """The type's name in Go, as its decoder's errors print it: `[]v1.Container`, `map[string]string`, `int32`."""
        if self.name:
            package, name = self.name.split(".")[-2:]
            return f"{package}.{name}"
        if self.form == "list":
            return f"[]{self.element.go_name}"
        if self.form == "map":
            return f"map[string]{self.element.go_name}"
        kind = self._target.get("type", "")
        if self._target.get("format") == "byte":
            return "[]uint8"
        if kind == "integer":
            return str(self._target.get("format", "int64"))
        return _GO_SCALARS.get(kind, "interface {}")


@cache
def zero(kind: Type) -> dict[str, Any]:
    """What Go writes for an empty object of a struct type: structs by value, and null or zero where it is required.

    The result is shared: do not change it.
    """
    out: dict[str, Any] = {}
    for name, field in kind.fields.items():
        if field.by_value:
            out[name] = zero(field) if field.form == "struct" else {}
        elif name in kind.required:
            empty = {"string": "", "integer": 0, "boolean": False} if field.form == "scalar" else {}
            out[name] = empty.get(field.scalar)
    return out
