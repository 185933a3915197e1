"""`rulekube check`."""

from __future__ import annotations

from pathlib import Path

import click

from rulekube import rules
from rulekube.cli.output import output_option, show
from rulekube.engine import Database, RuleError
from rulekube.facts.functions import FUNCTIONS


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--alone", is_flag=True, help="Check the files by themselves, without the cluster's relations.")
@output_option
def command(files: tuple[Path, ...], alone: bool, output: str) -> int:
    """Check rule files: syntax, declarations, types, safety, stratification. Every error is shown, with its place.

    By default the files are a policy over the cluster's relations (rules/schema.dl and what the shipped packs derive).

    \b
    Examples:
      rulekube check examples/01-guestbook/policy.dl
      rulekube check --alone examples/02-rules/reachable.dl
    """
    try:
        program = Database.from_files([*([] if alone else rules.control_plane()), *files], functions=FUNCTIONS).program
    except RuleError as error:
        show({"ok": False, "errors": error.to_dict()}, output, text=str(error))
        return 1
    count = f"{len(program.rules)} rules over {len(program.relations)} relations"
    show({"ok": True, "rules": len(program.rules), "relations": len(program.relations)}, output, text=f"ok: {count}")
    return 0
