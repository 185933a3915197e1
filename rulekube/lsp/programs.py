"""The program that a rule file belongs to, and what is wrong with it.

A file that another one includes is looked at as part of that one. A program that names only relations which it declares
itself is taken alone; every other one is a policy over the relations of the cluster's shipped packs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pygments.token import Name

from rulekube import rules
from rulekube.engine import Diagnostic, Program, RuleError, analysis, builtins, lints
from rulekube.engine.packs import Packs
from rulekube.engine.parser import read_module
from rulekube.engine.syntax import Module
from rulekube.engine.words import words_of
from rulekube.facts.functions import FUNCTIONS

ALL_FUNCTIONS = {**builtins.FUNCTIONS, **{function.name: function for function in FUNCTIONS}}
_SHIPPED = (rules.CONTROL_PLANE, rules.NODE, rules.NETWORK)
_MOST_FILES = 2000
"""So many rule files of a folder are looked through for one that includes a given one."""


@dataclass(frozen=True)
class Source:
    """The modules of a program, and the names of those that are not the cluster's."""

    modules: tuple[Module, ...]
    own: frozenset[str]

    def program(self) -> Program:
        """The declared relations and the rules, as far as they can be read."""
        return analysis.assemble(self.modules, ALL_FUNCTIONS)[0]

    def check(self) -> tuple[list[Diagnostic], list[Diagnostic]]:
        """The errors, or, where there are none, the warnings, of the program's own files."""
        try:
            found = lints.check(self.modules, ALL_FUNCTIONS)
        except RuleError as error:
            return list(error.diagnostics), []
        return [], [warning for warning in found if warning.place.file in self.own]


class Files:
    """Texts by path: the editor's where a file is open, else the disk's. `folders` are the editor's roots."""

    def __init__(self, open_texts: Mapping[Path, str], folders: Iterable[Path] = (), alone: bool | None = None) -> None:
        self._open = dict(open_texts)
        self._folders = tuple(folders)
        self._alone = alone

    def source(self, path: Path) -> Source:
        """The program that a file belongs to."""
        path = path.resolve()
        if path.is_relative_to(rules.FOLDER.resolve()):
            for pack in _SHIPPED:
                whole = self._packs(rules.paths(pack))
                if any(Path(module.name).resolve() == path for module in whole):
                    return Source(whole, frozenset({str(path), *_names_of(whole, path)}))
        own = self._packs([self._root(path)])
        shipped = self._packs(rules.control_plane())
        if self._alone if self._alone is not None else self_contained(own, shipped):
            return Source(own, frozenset(module.name for module in own))
        return Source(self._packs([*rules.control_plane(), self._root(path)]), _not_shipped(own))

    def read(self, path: Path) -> str:
        """The text of a file. Raises OSError."""
        text = self._open.get(path.resolve())
        return path.read_text("utf-8") if text is None else text

    def _packs(self, paths: Iterable[Path]) -> tuple[Module, ...]:
        packs = Packs(read=self.read)
        for path in paths:
            packs.add_file(path)
        return tuple(packs.modules())

    def _root(self, path: Path) -> Path:
        """The file that includes this one, directly or not, and is itself included by none; else the file."""
        folders = [folder for folder in self._folders if path.is_relative_to(folder)] or [path.parent]
        included_by: dict[Path, Path] = {}
        for file in sorted(folders[0].rglob("*.dl"))[:_MOST_FILES]:
            for target in self._includes(file.resolve()):
                included_by.setdefault(target, file.resolve())
        seen = {path}
        while path in included_by and included_by[path] not in seen:
            path = included_by[path]
            seen.add(path)
        return path

    def _includes(self, file: Path) -> list[Path]:
        try:
            text = self.read(file)
        except (OSError, UnicodeDecodeError):
            return []
        if ".include" not in text:
            return []
        return [(file.parent / include.path).resolve() for include in read_module(text, str(file)).includes]


def self_contained(own: Sequence[Module], shipped: Sequence[Module]) -> bool:
    """Whether modules are a program by themselves: they declare what they name, or declare what the cluster does."""
    declared = {declaration.name for module in own for declaration in module.declarations}
    theirs = {declaration.name for module in shipped for declaration in module.declarations}
    named = {word.text for module in own for word in words_of(module.source).words if word.kind is Name.Function}
    missing = named - declared - ALL_FUNCTIONS.keys()
    return not missing & theirs and (not missing or bool(declared & theirs))


def _not_shipped(modules: Iterable[Module]) -> frozenset[str]:
    folder = rules.FOLDER.resolve()
    return frozenset(m.name for m in modules if not Path(m.name).resolve().is_relative_to(folder))


def _names_of(modules: Iterable[Module], path: Path) -> set[str]:
    return {module.name for module in modules if Path(module.name).resolve() == path}
