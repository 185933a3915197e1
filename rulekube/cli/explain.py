"""`rulekube explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rulekube.cli.dot import quoted
from rulekube.cli.output import show
from rulekube.cli.program import Source, alone_option, known_relation
from rulekube.engine import dependencies, planning
from rulekube.engine.planning import Planned, RulePlan

KEPT = {"view": "not kept: written into what reads it", "checked": "checked: changed parts are derived anew"}


@click.command("explain")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("relation", required=False)
@alone_option
@click.option("-o", "--output", type=click.Choice(["text", "json", "dot"]), default="text", show_default=True)
def command(file: Path, relation: str | None, alone: bool, output: str) -> None:
    """Show how the rules of a file are evaluated, or those of one relation wherever they stand.

    For each rule: the order of its literals when it is loaded, and when a fact of each literal changes; how each
    literal is evaluated (by which index, by hash, as a test); and the indexes that are kept for it. The orders are
    those for relations of which nothing is known; where facts are, fewer expected matches come first.

    \b
    Examples:
      rulekube explain examples/02-rules/reachable.dl
      rulekube explain rulekube/rules/scheduler/bind.dl best_node
    """
    source = Source([file], alone)
    program, clauses, folds = source.program, source.normalizer.clauses, source.normalizer.folds
    if relation is not None:
        known_relation(program, relation)
        chosen = [c for c in clauses if c.head == relation]
    else:
        chosen = [c for c in clauses if c.place.file in source.names and c.head[0] != "$"]
    found = planning.planned(program, clauses, folds, planning.behind(clauses, chosen, folds))
    strata = {n.name: n.stratum for n in dependencies.graph(program, clauses, folds).nodes}
    if output == "dot":
        click.echo(dot(found))
    else:
        show(plain(found, strata), output, text=text(found, strata))


def text(found: Planned, strata: dict[str, int]) -> str:
    """Each rule with its plans, then the indexes."""
    lines = []
    for rule in found.rules:
        stratum = f"   stratum {strata[rule.relation]}" if rule.relation in strata else ""
        kept = f"   {KEPT[rule.kept]}" if rule.kept else ""
        lines.append(f"{rule.head}   [{rule.place}]{stratum}{kept}")
        for order in rule.orders:
            lines.append(f"  {f'changed: {order.changed}' if order.changed else 'loaded:'}")
            width = max((len(step.literal) for step in order.steps), default=0)
            lines += [f"    {step.literal.ljust(min(width, 70))}   {step.access}" for step in order.steps]
    indexes = [f"  {name}: {'; '.join(', '.join(c) for c in columns)}" for name, columns in found.indexes.items()]
    return "\n".join([*lines, *(["indexes", *indexes] if indexes else [])])


def plain(found: Planned, strata: dict[str, int]) -> dict[str, Any]:
    """The plans as plain values."""
    return {
        "rules": [
            {
                "head": rule.head,
                "place": str(rule.place),
                "stratum": strata.get(rule.relation),
                "kept": rule.kept or "yes",
                "plans": [
                    {
                        "changed": order.changed or None,
                        "steps": [{"literal": step.literal, "access": step.access} for step in order.steps],
                    }
                    for order in rule.orders
                ],
            }
            for rule in found.rules
        ],
        "indexes": {name: [list(columns) for columns in several] for name, several in found.indexes.items()},
    }


def dot(found: Planned) -> str:
    """A box for each rule; its loading order runs from literal to literal into it."""
    lines = ["digraph plan {", "  rankdir=LR;", "  node [shape=box];"]
    for number, rule in enumerate(found.rules):
        lines += [
            f"  subgraph cluster_{number} {{",
            f"    label={quoted(str(rule.place))};",
            *chain(rule, number),
            "  }",
        ]
    return "\n".join([*lines, "}"])


def chain(rule: RulePlan, number: int) -> list[str]:
    """A rule's literals in their order, and its head."""
    names = [f"s{number}_{i}" for i in range(len(rule.orders[0].steps))]
    steps = zip(names, rule.orders[0].steps, strict=True)
    lines = [f"    {name} [label={quoted(step.literal + chr(10) + step.access)}];" for name, step in steps]
    lines.append(f"    h{number} [label={quoted(rule.head)}, style=bold];")
    return [*lines, f"    {' -> '.join([*names, f'h{number}'])};"]
