"""Tests of rules, found in files and run: relations named `test_…` in rule files, and YAML cases.

A test relation passes while it has a fact; `todo_test_…` is skipped. The facts it is judged on stand in the same file
or in those that it includes. Every run makes its program anew through a `Loading`, which may record what rules do, or
put a mutant in a rule's place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rulekube import errors, rules
from rulekube.engine import Database, EvaluationError, Function, mutation, parser
from rulekube.engine.coverage import Coverage
from rulekube.engine.mutation import Mutant
from rulekube.engine.packs import Packs
from rulekube.engine.recorder import Recorder
from rulekube.facts.functions import FUNCTIONS
from rulekube.testing import cases

TEST, TODO = "test_", "todo_test_"
MOST_FACTS = 200_000  # handed to rules as a mutant is loaded; one that derives more runs away
PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"


@dataclass(frozen=True)
class Result:
    """How one test went. `details` tell the difference."""

    name: str
    place: str
    outcome: str
    details: str = ""


@dataclass
class Loading:
    """Makes databases as `Database.from_files` does, recorded or with a mutant if so asked; keeps the last one."""

    recorder: Recorder | None = None
    mutant: Mutant | None = None
    made: Database | None = None
    ran_away: bool = False
    """Whether the rules, a mutant among them, derived without end as they were loaded."""

    def __call__(
        self, paths: Iterable[str | Path], functions: Sequence[Function] = (), resolve_ref: Any = None
    ) -> Database:
        """A database of rule files."""
        packs = Packs()
        for path in paths:
            packs.add_file(Path(path))
        if self.mutant is not None:
            wrong = Path(self.mutant.file).resolve()
            for module in packs.modules():
                if Path(module.name).resolve() == wrong:
                    packs.exchange(mutation.applied(module, self.mutant))
        limit = math.inf if self.mutant is None else MOST_FACTS
        try:
            self.made = Database(packs, functions, resolve_ref, self.recorder, limit)
        except EvaluationError:
            self.ran_away = True
            raise
        return self.made


@dataclass(frozen=True)
class Unit:
    """What is loaded once and gives one result or several."""

    name: str
    run: Callable[[Loading], list[Result]] = field(compare=False)


def units(paths: Iterable[Path], alone: bool) -> list[Unit]:
    """The tests in files and below folders, in order."""
    found: list[Unit] = []
    for path in paths:
        for file in _files(path) if path.is_dir() else [path]:
            if file.suffix in (".yaml", ".yml"):
                found += [_case(file, case) for case in cases.read(file)]
            else:
                found.append(_rule_file(file, alone))
    return found


def _files(folder: Path) -> list[Path]:
    """The files below a folder that hold tests."""
    return [
        file for file in sorted(folder.rglob("*")) if file.suffix in (".dl", ".yaml", ".yml") and _holds_tests(file)
    ]


def _holds_tests(file: Path) -> bool:
    if file.suffix in (".yaml", ".yml"):
        try:
            return bool(cases.read(file))
        except (errors.RuleError, yaml.YAMLError):
            return False
    if file.suffix != ".dl":
        return False
    module = parser.parse_module(file.read_text("utf-8"), str(file))
    return any(declaration.name.startswith((TEST, TODO)) for declaration in module.declarations)


def _case(file: Path, case: dict[str, Any]) -> Unit:
    def run(loading: Loading) -> list[Result]:
        recorder = loading.recorder
        try:
            cases.run(case, loading, recorder.checkpoint if recorder is not None else lambda: None)
        except cases.Mismatch as difference:
            return [Result(case["note"], str(file), FAILED, str(difference))]
        except errors.RuleKubeError as error:
            return [Result(case["note"], str(file), ERROR, str(error))]
        return [Result(case["note"], str(file), PASSED)]

    return Unit(f"{file}: {case['note']}", run)


def _rule_file(file: Path, alone: bool) -> Unit:
    def run(loading: Loading) -> list[Result]:
        shipped = [] if alone else rules.paths(rules.CONTROL_PLANE)
        try:
            db = loading([*shipped, file], FUNCTIONS)
        except errors.RuleError as error:
            return [Result(str(file), str(file), ERROR, str(error))]
        if loading.recorder is not None:
            loading.recorder.checkpoint()
        infos = sorted(db.program.relations.values(), key=lambda info: info.place)
        return [
            _judged(db, i.name, len(i.columns), str(i.place)) for i in infos if _is_test(i.name, i.place.file, file)
        ]

    return Unit(str(file), run)


def _is_test(name: str, declared: str, file: Path) -> bool:
    return name.startswith((TEST, TODO)) and Path(declared).resolve() == file.resolve()


def _judged(db: Database, name: str, columns: int, place: str) -> Result:
    if name.startswith(TODO):
        return Result(name, place, SKIPPED)
    if db.facts(name):
        return Result(name, place, PASSED)
    return Result(name, place, FAILED, str(db.why_not(f"{name}({', '.join('_' * columns)})")))


@dataclass
class Run:
    """All results, and the rules that fired while they came."""

    results: list[Result] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    by_unit: dict[str, Coverage] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(result.outcome in (PASSED, SKIPPED) for result in self.results)


def run(chosen: Iterable[Unit], covered: bool, report: Callable[[Result], None] = lambda _: None) -> Run:
    """Run units; with `covered`, note which rules fired."""
    whole = Run()
    for unit in chosen:
        loading = Loading(Recorder() if covered else None)
        for result in unit.run(loading):
            whole.results.append(result)
            report(result)
        if loading.recorder is not None and loading.made is not None:
            own = Coverage()
            own.add(loading.made.program, loading.recorder, (TEST, TODO))
            whole.by_unit[unit.name] = own
            whole.coverage.merge(own)
    return whole
