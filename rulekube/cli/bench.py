"""`rulekube bench`."""

from __future__ import annotations

import json

import click

from rulekube.bench import engine


@click.group("bench")
def command() -> None:
    """Measure on this machine what is said about speed.

    \b
    Example:
      rulekube bench engine
    """


@command.command("engine")
@click.option("--pods", default=5000, show_default=True, type=click.IntRange(min=1000), help="The size of the base.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def measure_engine(pods: int, as_json: bool) -> None:
    """Measure the logic engine against hand-written Python, both in this run.

    Answers are compared before a time counts. DuckDB is asked too where it is installed.

    \b
    Examples:
      rulekube bench engine
      rulekube bench engine --pods 50000 --json
    """
    rows = []
    if not as_json:
        click.echo(f"{'WORKLOAD':<48}{'ENGINE':>12}{'BY HAND':>12}{'RATIO':>8}  PEERS")
    for row in engine.run(pods):
        rows.append(row.shown())
        if not as_json:
            by_hand, ratio = (f"{row.twin:g} {row.unit}", f"{row.ratio:.1f}") if row.twin else ("", "")
            line = f"{row.workload:<48}{f'{row.time:g} {row.unit}':>12}{by_hand:>12}{ratio:>8}  {row.peer}"
            click.echo(line.rstrip())
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
