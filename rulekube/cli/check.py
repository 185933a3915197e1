"""`rulekube check`."""

from __future__ import annotations

from pathlib import Path

import click

from rulekube import rules
from rulekube.cli.output import output_option, show
from rulekube.engine import Database, Diagnostic, RuleError
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
    shipped = () if alone else rules.paths(rules.CONTROL_PLANE)
    try:
        program = Database.from_files([*shipped, *files], functions=FUNCTIONS).program
    except RuleError as error:
        show({"ok": False, "errors": [diagnostic(d) for d in error.diagnostics]}, output, text=str(error))
        return 1
    counts = {"rules": len(program.rules), "relations": len(program.relations)}
    show({"ok": True, **counts}, output, text=f"ok: {counts['rules']} rules over {counts['relations']} relations")
    return 0


def diagnostic(found: Diagnostic) -> dict[str, object]:
    """One diagnostic as JSON."""
    place = {"file": found.place.file, "line": found.place.line, "column": found.place.column}
    return {"code": found.code, "message": found.message, **place, "hint": found.hint}
