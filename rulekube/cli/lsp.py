"""`rulekube lsp`."""

from __future__ import annotations

import click


@click.command("lsp")
@click.option(
    "--alone/--policy",
    default=None,
    help="Take every file by itself, or as a policy over the cluster's relations [default: by what it names].",
)
def command(alone: bool | None) -> None:
    """Serve editors: the Language Server Protocol over stdin and stdout. An editor starts it; docs/editors.md says how.

    A file that declares all it names is checked by itself, every other one as a policy over the cluster's shipped
    relations. The editor's own setting is the initialization option `alone` (true or false).

    \b
    Examples:
      rulekube lsp
      rulekube lsp --alone
    """
    from rulekube.lsp.server import create

    create(alone).start_io()
