"""`rulekube fmt`."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from rulekube.cli.output import output_option, show
from rulekube.engine import formatter


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where a file is not formatted.")
@click.option("--diff", is_flag=True, help="Show what would change; exit code 1 where something would.")
@click.option("-w", "--write", is_flag=True, help="Write the files that change.")
@output_option
def command(paths: tuple[Path, ...], check: bool, diff: bool, write: bool, output: str) -> int:
    """Lay out rule files: spaces, indentation, lines of at most 120 columns. Comments and your line ends are kept.

    Folders stand for the `.dl` files below them, `-` for stdin. Without an option the formatted text is printed.

    \b
    Examples:
      rulekube fmt policy.dl
      rulekube fmt -w examples/
      rulekube fmt --check --diff rulekube/rules
    """
    texts = {path: read(path) for path in rule_files(paths)}
    formatted = {path: formatter.format_source(text, str(path)) for path, text in texts.items()}
    changed = [path for path, text in texts.items() if formatted[path] != text]
    if write:
        for path in changed:
            path.write_text(formatted[path], "utf-8")
    shown = [difference(path, texts[path], formatted[path]) for path in changed] if diff else []
    if not (check or diff or write):
        shown = list(formatted.values())
        output = "text"
    elif not diff:
        shown = [f"{path}\n" for path in changed]
    show({"files": len(texts), "changed": [str(path) for path in changed]}, output, text="".join(shown).rstrip("\n"))
    return 1 if changed and (check or diff) and not write else 0


def rule_files(paths: tuple[Path, ...]) -> list[Path]:
    """The paths, and the rule files below those that are folders."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.dl")) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def read(path: Path) -> str:
    """The text of a file, or of stdin for `-`."""
    return sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")


def difference(path: Path, old: str, new: str) -> str:
    """What formatting changes in a file, as a unified diff."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), str(path), str(path))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
