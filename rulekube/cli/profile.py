"""`rulekube profile`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from rulekube import rules
from rulekube.cli.output import aligned, output_option, show
from rulekube.cli.program import alone_option
from rulekube.cli.test import near
from rulekube.engine import to_json
from rulekube.engine.profile import Profile
from rulekube.engine.recorder import Recorder
from rulekube.facts.functions import FUNCTIONS
from rulekube.testing import cases
from rulekube.testing.suite import Loading


@click.command("profile")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--facts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Facts to commit, as JSON: {"edge": [[1, 2], …]}.',
)
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Show so many rules and relations.")
@alone_option
@output_option
def command(file: Path, facts: Path | None, top: int, alone: bool, output: str) -> None:
    """Show where the work goes when a rule file is loaded and facts are committed, or when YAML cases are run.

    By rule: time, how often it ran, facts fed to it, derivations made and withdrawn. By relation: facts, and
    derivations made and withdrawn.

    \b
    Examples:
      rulekube profile --alone reachable.dl --facts edges.json
      rulekube profile tests/cases/controllers/victims.yaml --top 5
    """
    profile = Profile()
    if file.suffix in (".yaml", ".yml"):
        for case in cases.read(file):
            loading = recorded()
            cases.run(case, loading)
            take(profile, loading)
    else:
        loading = recorded()
        db = loading([*([] if alone else rules.paths(rules.CONTROL_PLANE)), file], FUNCTIONS)
        if facts is not None:
            db.commit(insert=read_facts(facts))
        take(profile, loading)
    show(plain(profile), output, text=text(profile, top))


def recorded() -> Loading:
    """A way to make a database whose rules are timed, in nanoseconds."""
    return Loading(Recorder(time.perf_counter_ns))


def take(profile: Profile, loading: Loading) -> None:
    """Add a run to a profile."""
    assert loading.made is not None and loading.recorder is not None
    profile.add(loading.made, loading.recorder)


def read_facts(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Facts by relation from a JSON file. Raises BadParameter where it holds something else."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return {name: [tuple(map(to_json, fact)) for fact in rows] for name, rows in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise click.BadParameter(f'{file} holds no facts by relation, such as {{"edge": [[1, 2]]}}: {error}') from error


def plain(profile: Profile) -> dict[str, Any]:
    """A profile as plain values; times in microseconds."""
    return {
        "touched": profile.touched,
        "rules": [
            {
                "place": str(place),
                "relation": head,
                "microseconds": round(tally.time / 1000, 1),
                "calls": tally.calls,
                "fed": tally.fed,
                "derived": tally.derived,
                "withdrawn": tally.withdrawn,
            }
            for place, head, tally in profile.busiest()
        ],
        "relations": [vars(work) for work in profile.relations()],
    }


def text(profile: Profile, top: int) -> str:
    """A profile for people: the busiest rules and relations."""
    busiest, relations = profile.busiest(), profile.relations()
    whole = sum(tally.time for _, _, tally in busiest) or 1
    rows = [
        [
            f"{tally.time / 1e6:.3f}",
            f"{100 * tally.time / whole:.1f}%",
            *map(str, (tally.calls, tally.fed, tally.derived, tally.withdrawn)),
            head,
            f"{near(place.file)}:{place.line}",
        ]
        for place, head, tally in busiest[:top]
    ]
    tables = [aligned(["ms", "share", "calls", "fed", "derived", "withdrawn", "relation", "rule"], rows)]
    sizes = [[str(w.size), str(w.derived), str(w.withdrawn), w.name] for w in relations[:top]]
    tables.append(aligned(["facts", "derived", "withdrawn", "relation"], sizes))
    more = max(0, len(busiest) - top)
    tables.append(f"{whole / 1e6:.3f} ms in {len(busiest)} rules, {profile.touched} facts handed to rules")
    if more:
        tables[-1] += f"; {more} rules more (--top)"
    return "\n\n".join(tables)
