"""`rulekube query`."""

from __future__ import annotations

from pathlib import Path

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import show_table


@click.command("query")
@click.argument("question")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Ask these rule files instead of a cluster.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="Form of the answer.",
)
@click.option(
    "--engine",
    type=click.Choice(["rulekube", "pydatalog"]),
    default="rulekube",
    show_default=True,
    help="What evaluates the rule files; pydatalog is the reference, for the subset that both know.",
)
@click.option("--watch", is_flag=True, help="Stay, and print what comes (+) and goes (-). Ctrl-C ends it.")
@kubeconfig_option
def command(
    question: str, files: tuple[Path, ...], output: str, engine: str, watch: bool, kubeconfig: str | None
) -> int:
    """Ask a logic question of a live cluster, or of rule files.

    Variables are Capitalised, `_` is anything, symbols are quoted, objects are written kind/namespace/name. A question
    without variables is answered yes (exit code 0) or no (exit code 1).

    \b
    Examples:
      rulekube query 'pod_node(Pod, Node)'
      rulekube query 'pod_phase(P, "Pending"), label(P, "app", App)' -o json
      rulekube query -f examples/02-rules/reachable.dl 'path("a", X)'
      rulekube query --watch 'pod_phase(Pod, Phase)'
    """
    if engine == "pydatalog" and (watch or not files):
        raise click.UsageError("--engine pydatalog evaluates rule files once: name them with -f, without --watch")
    if watch:
        return follow(question, files, output, kubeconfig)
    columns, rows = ask_files(question, files, engine) if files else ask_cluster(question, kubeconfig)
    if columns:
        show_table(columns, rows, output)
        return 0
    click.echo({"json": "true" if rows else "false"}.get(output, "yes" if rows else "no"))
    return 0 if rows else 1


def follow(question: str, files: tuple[Path, ...], output: str, kubeconfig: str | None) -> int:
    """Watch the answers until Ctrl-C."""
    from rulekube.cli import standing

    try:
        if files:
            standing.watch_files(question, output, files)
        else:
            standing.watch_cluster(question, output, kubeconfig)
    except KeyboardInterrupt:
        click.echo("", err=True)
    return 0


def ask_files(question: str, files: tuple[Path, ...], engine: str = "rulekube") -> tuple[list[str], list[list[object]]]:
    """Evaluate rule files and ask them."""
    from rulekube.cli.program import evaluated
    from rulekube.engine import Ref, from_json

    if engine == "pydatalog":
        from rulekube.cli.program import Source
        from rulekube.engine import pydatalog

        rows = pydatalog.ask(Source(files, alone=True).program, {}, question)
    else:
        rows = evaluated(files).query(question)
    plain = [[value.path if isinstance(value, Ref) else from_json(value) for value in row] for row in rows]
    return list(rows.columns), plain


def ask_cluster(question: str, kubeconfig: str | None) -> tuple[list[str], list[list[object]]]:
    """Ask the cluster that the kubeconfig points to."""
    with Client(kubeconfig) as client:
        answer = client.ask("/rulekube/query", {"query": question})
    return answer["columns"], answer["rows"]
