"""`rulekube graph`."""

from __future__ import annotations

from pathlib import Path

import click

from rulekube.cli import dot
from rulekube.cli.output import show
from rulekube.cli.program import Source, alone_option, files_argument, known_relation
from rulekube.engine import dependencies
from rulekube.engine.dependencies import Dependencies, Edge


@click.command("graph")
@files_argument
@click.option("-r", "--relation", help="Only this relation and all it depends on.")
@alone_option
@click.option("-o", "--output", type=click.Choice(["text", "json", "dot"]), default="text", show_default=True)
def command(files: tuple[Path, ...], relation: str | None, alone: bool, output: str) -> None:
    """Show which relations read which: strata, negation and aggregation, recursion.

    Shown are the rules of the files given, and what they read.

    \b
    Examples:
      rulekube graph examples/02-rules/reachable.dl
      rulekube graph --relation bind rulekube/rules/scheduler/bind.dl -o dot | dot -Tsvg > bind.svg
    """
    source = Source(files, alone)
    whole = dependencies.graph(source.program, source.normalizer.clauses, source.normalizer.folds)
    if relation is not None:
        found = dependencies.part(whole, known_relation(source.program, relation))
    else:
        heads = {rule.head.relation for rule in source.program.rules if rule.place.file in source.names}
        near = heads | {edge.source for edge in whole.edges if edge.target in heads}
        found = dependencies.only(whole, near)
    if output == "dot":
        click.echo(dot.dependencies(found))
    else:
        show(found.to_dict(), output, text=text(found))


def text(found: Dependencies) -> str:
    """The relations by stratum, each with what it reads."""
    lines: list[str] = []
    stratum = -1
    for node in found.nodes:
        if node.stratum != stratum:
            stratum = node.stratum
            lines.append(f"stratum {stratum}")
        reads = ", ".join(read(edge) for edge in found.edges if edge.target == node.name)
        role = "" if node.role == "derived" else f" ({node.role})"
        others = [name for name in node.recursive if name != node.name]
        recursive = f"   recursive{' with ' + ', '.join(others) if others else ''}" if node.recursive else ""
        lines.append(f"  {node.name}{role}{' <- ' + reads if reads else ''}{recursive}")
    return "\n".join(lines)


def read(edge: Edge) -> str:
    """What is read, and how."""
    return f"{edge.how} {edge.source}" if edge.how else edge.source
