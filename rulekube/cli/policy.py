"""`rulekube policy`: a user's own rule files in a live cluster."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import output_option, show, show_table


@click.group("policy")
def command() -> None:
    """Load, list and unload rule files of one's own. They are in force at once.

    \b
    Examples:
      rulekube policy load examples/01-guestbook/kept-for-database.dl
      rulekube policy list
      rulekube policy unload kept-for-database
    """


@command.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the policy [default: the file's, without its ending].")
@output_option
@kubeconfig_option
def load(file: Path, name: str | None, output: str, kubeconfig: str | None) -> None:
    """Add a rule file, or replace the one of the same name. A file with errors is refused and changes nothing."""
    name = name or file.stem
    with Client(kubeconfig) as client:
        answer = client.request("PUT", f"/rulekube/packs/{quote(name, safe='')}", {"text": file.read_text()})
    show(answer, output, text=f"policy {name} loaded")


@command.command("unload")
@click.argument("name")
@output_option
@kubeconfig_option
def unload(name: str, output: str, kubeconfig: str | None) -> None:
    """Take a policy away."""
    with Client(kubeconfig) as client:
        answer = client.request("DELETE", f"/rulekube/packs/{quote(name, safe='')}")
    show(answer, output, text=f"policy {name} unloaded")


@command.command("list")
@click.option("-o", "--output", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@kubeconfig_option
def listing(output: str, kubeconfig: str | None) -> None:
    """The policies in force, and those that were put aside, with the reason."""
    with Client(kubeconfig) as client:
        answer = client.request("GET", "/rulekube/packs")
    rows = [[name, "in force", ""] for name in answer["packs"]]
    rows += [[name, "put aside", why.partition("\n")[0]] for name, why in answer["errors"].items()]
    show_table(["name", "state", "error"], rows, output)
