"""`rulekube repl`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from rulekube.cli.client import kubeconfig_option
from rulekube.cli.session import Ended, Session


@click.command("repl")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--history", type=click.Path(path_type=Path), help="The history's file [default: ~/.rulekube/history].")
@kubeconfig_option
def command(files: tuple[Path, ...], history: Path | None, kubeconfig: str | None) -> None:
    """Ask interactively: over rule files, or over the live cluster where none are given.

    Questions, `why` and `why-not` end with a full stop and may take several lines; :help shows the commands. Tab
    completes relations, columns, functions and variables.

    \b
    Examples:
      rulekube repl examples/02-rules/reachable.dl
      rulekube repl
    """
    from rulekube.cli.subjects import ClusterSubject, FilesSubject

    session = Session(FilesSubject(files) if files else ClusterSubject(kubeconfig))
    click.echo(f"{session.subject.name}   (:help shows what there is, Ctrl-D ends)")
    try:
        for text in typed(session, history or Path("~/.rulekube/history").expanduser()):
            if answer := session.answer(text):
                click.echo(answer)
    except Ended:
        return


def typed(session: Session, history: Path) -> Iterator[str]:
    """What the user types, until Ctrl-D; Ctrl-C drops what is half typed."""
    from rulekube.cli.prompt import prompt_session

    prompt = prompt_session(session, private(history))
    while True:
        try:
            yield prompt.prompt("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def private(path: Path) -> Path:
    """The file, made if need be, for its owner's eyes only: questions may name secrets."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path
