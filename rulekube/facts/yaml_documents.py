"""YAML text → documents, with the place of every field, read as kubectl reads it.

Plain scalars follow YAML 1.1 as sigs.k8s.io/yaml has it, which is not PyYAML's reading: `y`, `yes` and `on` are true;
`010` and `0o10` are eight and `1e3` is a number; `1:30` and dates stay text. A key given twice is an error, and keys
that are no text become it (`80:` is "80").
Source: sigs.k8s.io/yaml (goyaml.v2/resolve.go, yaml.go convertToJSONableObject).
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator
from typing import Any, Final, NamedTuple

import yaml

from rulekube.errors import ManifestError

_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, object]] = {
    **{word: True for stem in ("y", "yes", "true", "on") for word in (stem, stem.capitalize(), stem.upper())},
    **{word: False for stem in ("n", "no", "false", "off") for word in (stem, stem.capitalize(), stem.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{sign + word: math.inf for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_BASES: Final = (16, 2, 8, 10)  # of the groups of _INTEGER
_TAGS: Final = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}


class Document(NamedTuple):
    """One document: its value, its first line, and the node that knows every field's place."""

    value: Any
    line: int
    node: yaml.Node | None

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """The line of a field, or of the deepest part of its path that is there."""
        node, line = self.node, self.line
        for step in path:
            node = _step(node, step)
            if node is None:
                break
            line = node.start_mark.line + 1
        return line


def read(text: str, source: str) -> Iterator[Document]:
    """The documents of a text, empty ones left out. `source` names it in errors."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node) if node is not None else None
            if node is not None and value is not None:
                yield Document(value, node.start_mark.line + 1, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ManifestError(f"{source}:{line}: {_explained(error, text, line)}") from error
    except yaml.YAMLError as error:
        raise ManifestError(f"{source}: not YAML: {error}") from error
    finally:
        loader.dispose()


def scalar(text: str) -> object:
    """What a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text] if not text.startswith("-") else -math.inf
    digits = text.replace("_", "") if text[:1] in "+-0123456789" else text
    if match := _INTEGER.fullmatch(digits):
        sign, *groups = match.groups()
        found = next((group, base) for group, base in zip(groups, _BASES, strict=True) if group is not None)
        return int(sign + found[0], found[1])
    return float(digits) if _FLOAT.fullmatch(digits) else text


class _Loader(yaml.CSafeLoader):
    """libyaml's parser with our reading of plain scalars, and without duplicate keys."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node that has none. A plain `<<` merges."""
        if kind is not yaml.ScalarNode:
            return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]
        if not implicit[0]:
            return f"{_TAG}str"
        return f"{_TAG}merge" if value == "<<" else _TAG + _TAGS[type(scalar(value))]

    def construct_scalar(self, node: Any) -> Any:
        """The value of a scalar; numbers that JSON does not have are refused."""
        if node.tag in (f"{_TAG}str", f"{_TAG}binary"):
            return node.value
        value = scalar(node.value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise yaml.constructor.ConstructorError(
                    None, None, f"{node.value} is not a number of JSON", node.start_mark
                )
            return int(value) if value.is_integer() and abs(value) < 1e21 else value
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys are text and given once; what a merge brings yields to what stands there."""
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == f"{_TAG}merge":
                continue
            key = _key(self.construct_object(key_node, deep=True), key_node)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key}" is already set on line {seen[key]}', key_node.start_mark
                )
            seen[key] = key_node.start_mark.line + 1
        self.flatten_mapping(node)
        return {
            _key(self.construct_object(k, deep=True), k): self.construct_object(v, deep=deep) for k, v in node.value
        }


for _name in _TAGS.values():
    _Loader.add_constructor(_TAG + _name, _Loader.construct_scalar)


def _key(value: Any, node: yaml.Node) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise yaml.constructor.ConstructorError(None, None, "a key must be text", node.start_mark)


def _step(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _explained(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    problem = (error.problem or str(error)).strip()
    lines = text.splitlines()
    if line <= len(lines) and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
        return "a tab indents this line; YAML wants blanks"
    context = f" ({error.context})" if error.context else ""
    return f"not YAML: {problem}{context}"
