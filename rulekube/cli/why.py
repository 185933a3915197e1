"""`rulekube why`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import output_option, show


@click.command("why")
@click.argument("fact")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Ask these rule files instead of a cluster.",
)
@click.option(
    "--without", multiple=True, metavar="FACT", help="Leave these base facts out of account; may be repeated."
)
@click.option("--depth", type=click.IntRange(1), help="Show at most this many levels.")
@output_option
@kubeconfig_option
def command(
    fact: str, files: tuple[Path, ...], without: tuple[str, ...], depth: int | None, output: str, kubeconfig: str | None
) -> int:
    """Show the proof of a fact: the rule that derives it, its file and line, and the same of each premise.

    A fact with variables is explained for its first answer. Exit code 1 where the fact does not hold. An action is
    derived only until it is done: to see why a pod was given its node, ask as if it had none yet.

    \b
    Examples:
      rulekube why 'endpoint(service/default/web, Pod, Ip)'
      rulekube why 'bind(pod/default/web-7xk2p, Node, _)' --without 'pod_node(pod/default/web-7xk2p, _)'
      rulekube why -f examples/02-rules/reachable.dl 'path("a", "c")'
    """
    proof = prove_in_files(fact, files, without) if files else prove_in_cluster(fact, kubeconfig, without)
    show(proof, output, text=render(proof, depth) if proof else f"no: {fact} does not hold")
    return 0 if proof else 1


def prove_in_files(fact: str, files: tuple[Path, ...], without: tuple[str, ...]) -> dict[str, Any] | None:
    """The proof over rule files alone."""
    from rulekube.cli.program import evaluated

    proof = evaluated(files).why(fact, without)
    return proof.to_dict() if proof else None


def prove_in_cluster(fact: str, kubeconfig: str | None, without: tuple[str, ...]) -> dict[str, Any] | None:
    """The proof over the live cluster's facts."""
    with Client(kubeconfig) as client:
        proof: dict[str, Any] | None = client.ask("/rulekube/why", {"fact": fact, "without": without})["proof"]
    return proof


def render(proof: dict[str, Any], depth: int | None) -> str:
    """A proof tree as text: a fact a line, its premises below it, rule and place behind it."""
    return "\n".join(lines(proof, depth, "", ""))


def lines(proof: dict[str, Any], depth: int | None, first: str, rest: str) -> list[str]:
    """The lines of one node; `first` leads its own line, `rest` those below it."""
    place = f"   [{proof['place']}]" if proof.get("place") else ""
    out = [f"{first}{proof['fact']}{place}"]
    premises, notes = proof.get("premises") or [], proof.get("notes") or []
    if depth is not None and depth <= 1 and premises:
        return [*out, f"{rest}└─ … {len(premises)} premises (--depth shows more)"]
    out += [f"{rest}{'├' if premises else '└'}─ {note}" for note in notes]
    for premise in premises:
        last = premise is premises[-1]
        below = None if depth is None else depth - 1
        out += lines(premise, below, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
    return out
