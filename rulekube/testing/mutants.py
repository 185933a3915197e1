"""Do the tests notice when a rule is wrong? Each mutant is met by the tests that load its file, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rulekube.engine import mutation, parser
from rulekube.engine.coverage import Coverage, spot
from rulekube.engine.mutation import Mutant
from rulekube.testing.suite import ERROR, FAILED, PASSED, Loading, Run, Unit


@dataclass
class Survival:
    """What became of the mutants: killed by a test, alive after all of them, or never a program."""

    killed: list[Mutant] = field(default_factory=list)
    survived: list[Mutant] = field(default_factory=list)
    invalid: int = 0
    left_out: int = 0
    """Mutants beyond the limit."""


def candidates(coverage: Coverage, within: Callable[[str], bool]) -> list[Mutant]:
    """The mutants of all rules that some test loads, in files that are meant; test relations are spared."""
    found = []
    for file in sorted({file for file, _, _ in coverage.fired}):
        if within(file):
            module = parser.parse_module(Path(file).read_text("utf-8"), file)
            spots = {number for number, rule in enumerate(module.rules) if spot(rule.place) in coverage.fired}
            found += [mutant for mutant in mutation.mutants(module) if mutant.number in spots]
    return found


def spread(found: Sequence[Mutant], limit: int) -> list[Mutant]:
    """At most `limit` of them, evenly from all."""
    if len(found) <= limit:
        return list(found)
    return [found[i * len(found) // limit] for i in range(limit)]


def hunt(units: Sequence[Unit], before: Run, chosen: Sequence[Mutant], report: Callable[[], None]) -> Survival:
    """Run the tests against each mutant until one notices. Only what passed `before` can notice."""
    survival = Survival()
    passed = {(result.name, result.place) for result in before.results if result.outcome == PASSED}
    for mutant in chosen:
        verdict = _verdict(units, before, mutant, passed)
        if verdict is None:
            survival.invalid += 1
        else:
            (survival.killed if verdict else survival.survived).append(mutant)
        report()
    return survival


def _verdict(units: Sequence[Unit], before: Run, mutant: Mutant, passed: set[tuple[str, str]]) -> bool | None:
    """Whether a test notices; None where the mutant is no program."""
    file = str(Path(mutant.file).resolve())

    def likeliness(unit: Unit) -> int:
        fired = before.by_unit[unit.name].fired
        return -sum(1 for where, did in fired.items() if did and where[0] == file)

    meeting = [u for u in units if u.name in before.by_unit and _loads(before.by_unit[u.name], file)]
    for unit in sorted(meeting, key=likeliness):
        loading = Loading(mutant=mutant)
        results = unit.run(loading)
        if loading.made is None:
            return True if loading.ran_away else None
        if any(r.outcome in (FAILED, ERROR) and (r.name, r.place) in passed for r in results):
            return True
    return False


def _loads(coverage: Coverage, file: str) -> bool:
    return any(where[0] == file for where in coverage.fired)
