"""`rulekube why-not`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import output_option, show

EVERYTHING = 1_000


@click.command("why-not")
@click.argument("fact")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Ask these rule files instead of a cluster.",
)
@click.option("--with", "assumed", multiple=True, metavar="FACT", help="Assume this base fact; may be repeated.")
@click.option(
    "--without", multiple=True, metavar="FACT", help="Leave these base facts out of account; may be repeated."
)
@click.option("--depth", type=click.IntRange(1), help="Explain at most this many levels of missing premises.")
@click.option("--all", "everything", is_flag=True, help="Show every way that was tried, not only the nearest misses.")
@output_option
@kubeconfig_option
def command(
    fact: str,
    files: tuple[Path, ...],
    assumed: tuple[str, ...],
    without: tuple[str, ...],
    depth: int | None,
    everything: bool,
    output: str,
    kubeconfig: str | None,
) -> int:
    """Show why a fact does not hold: each rule that could derive it, and every literal that fails, by cause.

    Variables stand for any value. Exit code 0 where the fact does not hold, as asked; 1 where it holds after all.

    \b
    Examples:
      rulekube why-not 'scheduled(pod/shop/cart)'
      rulekube why-not 'serves(service/shop/web, pod/shop/web-1)'
      rulekube why-not 'allowed(Role)' --with 'attempt("ana", "list", "", "secrets", "", "prod", "", "")'
      rulekube why-not -f examples/02-rules/reachable.dl 'path("d", "a")'
    """
    from rulekube.engine.why_not import render

    asked: dict[str, Any] = {"fact": fact, "with": assumed, "without": without}
    asked |= {"depth": depth} if depth else {}
    asked |= {"ways": EVERYTHING} if everything else {}
    answer = ask_files(asked, files) if files else ask_cluster(asked, kubeconfig)
    show(answer, output, text=render(answer, EVERYTHING if everything else 8))
    return 1 if answer["holds"] else 0


def ask_files(asked: dict[str, Any], files: tuple[Path, ...]) -> dict[str, Any]:
    """The answer over rule files alone."""
    from rulekube.cli.program import evaluated

    database = evaluated(files)
    bounds = {name: asked[name] for name in ("depth", "ways") if name in asked}
    insert = database.read_facts(asked["with"])
    return database.why_not(asked["fact"], asked["without"], insert=insert, **bounds).to_dict()


def ask_cluster(asked: dict[str, Any], kubeconfig: str | None) -> dict[str, Any]:
    """The answer over the live cluster's facts."""
    with Client(kubeconfig) as client:
        answer: dict[str, Any] = client.ask("/rulekube/why-not", asked)
    return answer
