"""How every verb prints: a table or text for people (colours only on terminals), JSON for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

output_option: Callable[[Any], Any] = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)


def show(value: object, output: str, text: str) -> None:
    """Print `value` as JSON, or the text made for people."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False) if output == "json" else text)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], output: str) -> None:
    """Print rows under headings: `text` (aligned), `json` (a list of objects) or `csv`."""
    if output == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2, ensure_ascii=False))
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *rows])
    else:
        click.echo(aligned(columns, [[cell(value) for value in row] for row in rows]))


def cell(value: object) -> str:
    """One value as a table shows it: strings bare, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell, three blanks apart, as kubectl prints tables."""
    table = [[str(column).upper() for column in columns], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    lines = ["   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join(lines)
