"""`rulekube diff`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import output_option, show

MOST = 20


@click.command("diff")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The policy that it would replace or become [default: the file's name, without ending].")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Compare over these rule files instead of a cluster.",
)
@click.option("--all", "everything", is_flag=True, help=f"Show all changes of a relation, not the first {MOST}.")
@output_option
@kubeconfig_option
def command(
    file: Path, name: str | None, files: tuple[Path, ...], everything: bool, output: str, kubeconfig: str | None
) -> int:
    """Show what a rule file would change on this very cluster, before it does: conclusions that would come (+) and go
    (-), actions first. Nothing is loaded.

    Exit code 0 where nothing would change, 1 where something would.

    \b
    Examples:
      rulekube diff policy.dl
      rulekube diff policy-v2.dl --name policy -o json
    """
    name = name or file.stem
    answer = compare_files(file, name, files) if files else compare_in_cluster(file, name, kubeconfig)
    show(answer, output, text="\n".join(lines(answer, None if everything else MOST)) or "nothing would change")
    return 1 if answer["relations"] else 0


def compare_files(file: Path, name: str, files: tuple[Path, ...]) -> dict[str, Any]:
    """What the file would change beside these rule files."""
    from rulekube.engine import Database, difference

    database = Database.from_files(files)
    return difference(name, database.what_if_pack(name, file.read_text()), database.actions())


def compare_in_cluster(file: Path, name: str, kubeconfig: str | None) -> dict[str, Any]:
    """What the file would change over the live cluster's facts."""
    with Client(kubeconfig) as client:
        answer: dict[str, Any] = client.request(
            "POST", f"/rulekube/diff/{quote(name, safe='')}", {"text": file.read_text()}
        )
    return answer


def lines(answer: dict[str, Any], most: int | None) -> Iterator[str]:
    """The changes, a relation after the other."""
    for one in answer["relations"]:
        kind = "action " if one["action"] else ""
        yield f"{kind}{one['relation']}: +{len(one['inserted'])} -{len(one['retracted'])}"
        changed = [f"  - {fact}" for fact in one["retracted"]] + [f"  + {fact}" for fact in one["inserted"]]
        yield from changed[:most]
        if most is not None and len(changed) > most:
            yield f"  … and {len(changed) - most} more (--all shows them)"
