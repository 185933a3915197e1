"""Graphs in Graphviz' language."""

from __future__ import annotations

import json

from rulekube.engine.dependencies import Dependencies

_SHAPES = {"base": "box", "input": "cds", "action": "doubleoctagon", "derived": "ellipse"}


def quoted(text: str) -> str:
    """A name or label."""
    return json.dumps(text, ensure_ascii=False)


def dependencies(found: Dependencies) -> str:
    """Relations by stratum; negation and aggregation are dashed and named; recursion is bold."""
    lines = ["digraph rules {", "  rankdir=LR;"]
    for stratum in sorted({node.stratum for node in found.nodes}):
        lines += [f"  subgraph cluster_{stratum} {{", f"    label={quoted(f'stratum {stratum}')};"]
        for node in found.nodes:
            if node.stratum == stratum:
                bold = ", style=bold" if node.recursive else ""
                lines.append(f"    {quoted(node.name)} [shape={_SHAPES[node.role]}{bold}];")
        lines.append("  }")
    for edge in found.edges:
        how = f" [style=dashed, label={quoted(edge.how)}]" if edge.how else ""
        lines.append(f"  {quoted(edge.source)} -> {quoted(edge.target)}{how};")
    return "\n".join([*lines, "}"])
