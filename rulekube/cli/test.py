"""`rulekube test`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rulekube import rules
from rulekube.cli.output import output_option, show
from rulekube.cli.program import alone_option
from rulekube.testing import mutants, suite
from rulekube.testing.mutants import Survival
from rulekube.testing.suite import Result, Run

_MARKS = {suite.PASSED: "PASS", suite.FAILED: "FAIL", suite.ERROR: "ERROR", suite.SKIPPED: "SKIP"}


@click.command("test")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--coverage", is_flag=True, help="Show which rules never fired.")
@click.option("--threshold", type=click.FloatRange(0, 100), help="Exit code 1 if fewer percent of the rules fired.")
@click.option("--mutate", is_flag=True, help="Make rules wrong, one at a time, and show what no test notices.")
@click.option("--mutants", "most", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@click.option("--shipped", is_flag=True, help="Count and change the shipped rules too, not only one's own.")
@click.option("-v", "--verbose", is_flag=True, help="Show the tests that passed too.")
@alone_option
@output_option
def command(
    paths: tuple[Path, ...],
    coverage: bool,
    threshold: float | None,
    mutate: bool,
    most: int,
    shipped: bool,
    verbose: bool,
    alone: bool,
    output: str,
) -> int:
    """Run tests of rules: relations named `test_…` in rule files (they pass while they have a fact), and YAML cases.

    Exit code 1 where a test fails, a threshold is missed, or a mutant survives.

    \b
    Examples:
      rulekube test --alone examples/02-rules/
      rulekube test --coverage policy_test.dl
      rulekube test --mutate --shipped tests/cases/controllers/victims.yaml
    """
    covered = coverage or mutate or threshold is not None

    def report(result: Result) -> None:
        if output == "text" and (verbose or result.outcome not in (suite.PASSED, suite.SKIPPED)):
            click.echo(line(result))

    chosen = suite.units(paths, alone)
    run = suite.run(chosen, covered, report)
    meant: Callable[[str], bool] = bool if shipped else own
    survival = hunt(chosen, run, meant, most) if mutate and run.ok else None
    for where in [where for where in run.coverage.fired if not meant(where[0])]:
        del run.coverage.fired[where]
    missed = threshold is not None and run.coverage.percent < threshold
    ok = run.ok and not missed and not (survival and survival.survived)
    answer: dict[str, Any] = {"ok": ok, "tests": [asdict(result) for result in run.results]}
    lines = []
    if covered:
        answer["coverage"] = covered_rules(run)
        lines += coverage_lines(run)
    if survival is not None:
        answer["mutants"] = survivors(survival)
        lines += survivor_lines(survival)
    show(answer, output, text="\n".join([*lines, summary(run)]))
    return 0 if ok else 1


def own(file: str) -> bool:
    """Whether a file is none of the shipped ones."""
    return not Path(file).is_relative_to(rules.FOLDER.resolve())


def hunt(chosen: list[suite.Unit], run: Run, meant: Callable[[str], bool], most: int) -> Survival:
    """Hunt mutants, with progress on a terminal."""
    found = mutants.candidates(run.coverage, meant)
    some = mutants.spread(found, most)
    if sys.stderr.isatty():
        with click.progressbar(length=len(some), label="mutants", file=sys.stderr) as bar:
            survival = mutants.hunt(chosen, run, some, lambda: bar.update(1))
    else:
        survival = mutants.hunt(chosen, run, some, lambda: None)
    survival.left_out = len(found) - len(some)
    return survival


def line(result: Result) -> str:
    """One result, its difference indented below it."""
    details = "".join(f"\n    {text}" for text in result.details.splitlines())
    return f"{_MARKS[result.outcome]}  {result.name}   [{result.place}]{details}"


def summary(run: Run) -> str:
    """How many tests there were of each outcome."""
    counts = Counter(result.outcome for result in run.results)
    return ", ".join(f"{counts[o]} {o}" for o in _MARKS if counts[o] or o == suite.PASSED)


def covered_rules(run: Run) -> dict[str, Any]:
    """Coverage as plain values."""
    return {
        "percent": round(run.coverage.percent, 1),
        "files": {file: {"fired": fired, "rules": of} for file, (fired, of) in run.coverage.files().items()},
        "never": [f"{near(file)}:{row}:{column}" for file, row, column in run.coverage.never()],
    }


def coverage_lines(run: Run) -> list[str]:
    """Coverage by file, then the rules that never fired."""
    lines = [f"{fired:5}/{of:<5} {near(file)}" for file, (fired, of) in run.coverage.files().items()]
    lines += [f"never fired: {near(file)}:{row}:{column}" for file, row, column in run.coverage.never()]
    return [*lines, f"coverage: {run.coverage.percent:.1f}% of {len(run.coverage.fired)} rules"]


def survivors(survival: Survival) -> dict[str, Any]:
    """The mutants as plain values."""
    return {
        "killed": len(survival.killed),
        "survived": [{"place": str(m.place), "change": m.what} for m in survival.survived],
        "invalid": survival.invalid,
        "left_out": survival.left_out,
    }


def survivor_lines(survival: Survival) -> list[str]:
    """The mutants that no test noticed, and how many there were."""
    lines = [f"survived: {near(m.place.file)}:{m.place.line}:{m.place.column}: {m.what}" for m in survival.survived]
    beyond = f", {survival.left_out} not tried (--mutants)" if survival.left_out else ""
    counts = f"{len(survival.killed)} killed, {len(survival.survived)} survived, {survival.invalid} no programs{beyond}"
    return [*lines, f"mutants: {counts}"]


def near(file: str) -> str:
    """A path as seen from here."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
