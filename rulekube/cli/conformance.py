"""`rulekube conformance FAMILY FILE`: recorded answers of Kubernetes against ours.

The last line is always "N passed, M failed" (with `--output json` the whole output is one object). Exit code 0 when
nothing failed, 1 when a row did, 2 when the family is unknown, 5 when the file cannot be read.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

import click

from rulekube.cli.output import output_option, show
from rulekube.conformance.registry import FAMILIES
from rulekube.conformance.runner import Failure, judge
from rulekube.errors import ManifestError

SHOWN = 10  # failing rows that are printed
WIDTH = 400  # characters of a value that are printed


@click.command("conformance")
@click.argument("family")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--show", "shown", type=click.IntRange(min=0), default=SHOWN, show_default=True, help="Failing rows to print."
)
@output_option
def command(family: str, file: Path, output: str, shown: int) -> None:
    """Run the rows of FILE (JSON lines, plain or .xz) through FAMILY and compare every recorded answer.

    \b
    Examples:
      rulekube conformance selectors_label selectors_label.jsonl.xz
      rulekube conformance quantities_parse rows.jsonl --show 3 --output json
    """
    if family not in FAMILIES:
        raise click.UsageError(f"there is no family {family!r}; the families are: {', '.join(sorted(FAMILIES))}")
    passed, failed = 0, 0
    failures: list[Failure] = []
    try:
        for failure in judge(FAMILIES[family], file):
            passed += failure is None
            failed += failure is not None
            if failure is not None and len(failures) < shown:
                failures.append(failure)
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file}: cannot be read as rows: {error}") from error
    result = {"family": family, "passed": passed, "failed": failed, "failures": [_plain(one) for one in failures]}
    show(result, output, _text(passed, failed, failures))
    sys.exit(1 if failed else 0)


def _text(passed: int, failed: int, failures: list[Failure]) -> str:
    lines: list[str] = []
    for failure in failures:
        lines.append(f"line {failure.line}: {_short(failure.row.get('in', failure.row))}")
        for field, expected, actual in failure.differences:
            lines += [f"  {field}", f"    expected {_short(expected)}", f"    actual   {_short(actual)}"]
    if failed > len(failures) > 0:
        lines.append(f"… and {failed - len(failures)} more failing rows (--show N prints more)")
    return "\n".join([*lines, f"{passed} passed, {failed} failed"])


def _plain(failure: Failure) -> dict[str, object]:
    differences = [difference._asdict() for difference in failure.differences]
    return {"line": failure.line, "row": failure.row, "differences": differences}


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"
