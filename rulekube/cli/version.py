"""`rulekube version`."""

from __future__ import annotations

import platform

import click

from rulekube import __version__
from rulekube.cli.output import output_option, show


@click.command("version")
@output_option
def command(output: str) -> None:
    """Show RuleKube's version and the Python it runs on.

    \b
    Example:
      rulekube version --output json
    """
    version = {"rulekube": __version__, "python": platform.python_version()}
    show(version, output, text=f"rulekube {__version__} (Python {platform.python_version()})")
