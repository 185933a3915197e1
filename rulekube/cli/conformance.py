"""`rulekube conformance FAMILY FILE`: recorded answers of Kubernetes against ours.

The last line is always "N passed, M failed" (with `--output json` the whole output is one object). Exit code 0 when
nothing failed, 1 when a row did, 2 when the family is unknown or the file cannot be read.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import click

from rulekube.conformance.registry import FAMILIES
from rulekube.conformance.runner import Failure, judge
from rulekube.errors import RuleKubeError

SHOWN = 10  # failing rows that are printed
WIDTH = 400  # characters of a value that are printed


@click.command()
@click.argument("family")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print the result."
)
@click.option(
    "--show", type=click.IntRange(min=0), default=SHOWN, show_default=True, help="How many failing rows to print."
)
def conformance(family: str, file: Path, output: str, show: int) -> None:
    """Run the rows of FILE (JSON lines, plain or .xz) through FAMILY and compare every recorded answer."""
    if family not in FAMILIES:
        raise click.UsageError(f"there is no family {family!r}; the families are: {', '.join(sorted(FAMILIES))}")
    passed, failed = 0, 0
    failures: list[Failure] = []
    try:
        for failure in judge(FAMILIES[family], file):
            passed += failure is None
            failed += failure is not None
            if failure is not None and len(failures) < show:
                failures.append(failure)
    except (RuleKubeError, OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot read {file}: {error}") from error
    click.echo(_json(family, passed, failed, failures) if output == "json" else _text(passed, failed, failures))
    sys.exit(1 if failed else 0)


command = conformance  # by this name the main command finds every verb


def _text(passed: int, failed: int, failures: list[Failure]) -> str:
    lines: list[str] = []
    for failure in failures:
        lines.append(f"line {failure.line}: {_short(failure.row.get('in', failure.row))}")
        for field, expected, actual in failure.differences:
            lines += [f"  {field}", f"    expected {_short(expected)}", f"    actual   {_short(actual)}"]
    if failed > len(failures) > 0:
        lines.append(f"… and {failed - len(failures)} more failing rows (--show N prints more)")
    return "\n".join([*lines, f"{passed} passed, {failed} failed"])


def _json(family: str, passed: int, failed: int, failures: list[Failure]) -> str:
    shown = [
        {"line": line, "row": row, "differences": [difference._asdict() for difference in differences]}
        for line, row, differences in failures
    ]
    return json.dumps({"family": family, "passed": passed, "failed": failed, "failures": shown}, ensure_ascii=False)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"


if __name__ == "__main__":
    conformance()
