"""`rulekube completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      source <(rulekube completion bash)
    """
    from rulekube.cli.main import rulekube

    kind = get_completion_class(shell)
    assert kind is not None, shell
    click.echo(kind(rulekube, {}, "rulekube", "_RULEKUBE_COMPLETE").source())
