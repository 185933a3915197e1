"""The program that a verb's rule files make: alone, or as a policy over the cluster's relations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from rulekube import rules
from rulekube.engine import Database, Place, Program, RuleError, analysis, assembly, builtins
from rulekube.engine.normal import Normalizer
from rulekube.engine.packs import Packs
from rulekube.engine.syntax import Module
from rulekube.facts.functions import FUNCTIONS

files_argument: Callable[[Any], Any] = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
alone_option: Callable[[Any], Any] = click.option(
    "--alone", is_flag=True, help="Take the files by themselves, without the cluster's relations."
)
ALL_FUNCTIONS = {**builtins.FUNCTIONS, **{function.name: function for function in FUNCTIONS}}


LIMIT = 4_000_000  # facts handed to rules: some seconds of work, and an end for rules that count up without one


def evaluated(files: Sequence[Path]) -> Database:
    """The facts of rule files by themselves. Raises RuleError, also where they derive too many."""
    return Database.from_files(files, functions=FUNCTIONS, limit=LIMIT)


class Source:
    """Rule files read and checked. Raises RuleError with everything that is wrong in them.

    `names` are those of the files given and of what they include, the shipped files left out unless they are given.
    """

    def __init__(self, files: Sequence[Path], alone: bool) -> None:
        packs = Packs()
        given = {path.resolve() for path in files}
        for path in [] if alone else rules.paths(rules.CONTROL_PLANE):
            packs.add_file(path)
        shipped = {m.name for m in packs.modules() if Path(m.name).resolve() not in given}
        for path in files:
            packs.add_file(path)
        self.modules: list[Module] = packs.modules()
        self.names = {m.name for m in self.modules} - shipped

    @property
    def program(self) -> Program:
        """The declared relations and the rules."""
        return self._checked[0]

    @property
    def normalizer(self) -> Normalizer:
        """The rules in their core form."""
        return self._checked[1]

    @cached_property
    def _checked(self) -> tuple[Program, Normalizer]:
        return assembly.check(self.modules, ALL_FUNCTIONS)


def known_relation(program: Program, name: str) -> str:
    """The name, if the program declares it. Raises RuleError with a suggestion otherwise."""
    if name not in program.relations:
        raise RuleError([analysis.undeclared(name, program.relations, Place("<command line>", 1, 1))])
    return name
