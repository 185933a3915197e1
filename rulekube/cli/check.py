"""`rulekube check`."""

from __future__ import annotations

from pathlib import Path

import click

from rulekube import rules
from rulekube.cli.output import output_option, show
from rulekube.cli.program import Source, alone_option, files_argument
from rulekube.engine import Diagnostic, RuleError, lints
from rulekube.policies import forbidden_heads


@click.command("check")
@files_argument
@alone_option
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings too.")
@output_option
def command(files: tuple[Path, ...], alone: bool, strict: bool, output: str) -> int:
    """Check rule files: syntax, declarations, types, safety, stratification. Every error is shown, with its place.

    What is surely not meant (a variable used once, a rule that can never fire, …) is shown as a warning; a comment
    `// allow CODE: reason` above the statement silences one. By default the files are a policy over the cluster's
    relations (rules/schema.dl and what the shipped packs derive).

    \b
    Examples:
      rulekube check examples/01-guestbook/kept-for-database.dl
      rulekube check --alone --strict examples/02-rules/reachable.dl
    """
    try:
        source = Source(files, alone)
        program = source.program
        if found := [] if alone else forbidden(source):
            raise RuleError(found)
    except RuleError as error:
        show({"ok": False, "errors": [diagnostic(d) for d in error.diagnostics]}, output, text=str(error))
        return 1
    warnings = [d for d in lints.check(source.modules, program.functions) if d.place.file in source.names]
    counts = {"rules": len(program.rules), "relations": len(program.relations)}
    verdict = f"ok: {counts['rules']} rules over {counts['relations']} relations"
    lines = [*(f"warning: {d}" for d in warnings), f"{verdict}, {len(warnings)} warnings" if warnings else verdict]
    ok = not (strict and warnings)
    show({"ok": ok, **counts, "warnings": [diagnostic(d) for d in warnings]}, output, text="\n".join(lines))
    return 0 if ok else 1


def forbidden(source: Source) -> list[Diagnostic]:
    """What `policy load` would refuse, in the files given that are not shipped ones."""
    own = [module for module in source.modules if module.name in source.names and not is_shipped(module.name)]
    names = {module.name for module in own}
    shipped = {name: info for name, info in source.program.relations.items() if info.place.file not in names}
    return forbidden_heads(own, shipped)


def is_shipped(name: str) -> bool:
    """Whether a rule file is one of RuleKube's own."""
    return Path(name).resolve().is_relative_to(rules.FOLDER)


def diagnostic(found: Diagnostic) -> dict[str, object]:
    """One diagnostic as JSON."""
    place = {"file": found.place.file, "line": found.place.line, "column": found.place.column}
    return {"code": found.code, "message": found.message, **place, "hint": found.hint}
