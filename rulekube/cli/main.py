"""The command `rulekube`: verbs are imported when they are called; exceptions become exit codes here and nowhere else.

Exit codes:

    0    done; the answer is yes
    1    the answer is no: a rule file has errors, a fact does not hold, rows differ
    2    the command line is wrong
    3    no cluster answers where the kubeconfig points
    4    the cluster refused the request
    5    the input cannot be read: a manifest, a selector, a question, a rule file
    6    the machine lacks something; the message says what and how to get it
    130  interrupted (`up` ends its cluster then, and is done: 0)
"""

from __future__ import annotations

import importlib
import sys
from typing import cast

import click

from rulekube import errors
from rulekube.cli.client import NoClusterError

VERBS = {
    "up": "Run a cluster: API server, rules, and node agents.",
    "down": "End a cluster that runs detached.",
    "get": "Show objects, as the server's tables, YAML or JSON.",
    "apply": "Create or change objects from manifests.",
    "query": "Ask a logic question of a live cluster or of a rule file.",
    "why": "Show the proof of a fact, down to base facts.",
    "why-not": "Show why a fact does not hold, and what would mend it.",
    "repl": "Ask interactively, over rule files or a live cluster.",
    "check": "Check rule files: every error, with its place.",
    "test": "Run tests of rules, with coverage and mutants.",
    "explain": "Show how rules are evaluated: join orders, indexes, strata.",
    "profile": "Show where the work of rules goes.",
    "graph": "Show which relations read which.",
    "lsp": "Serve editors: errors, hover, completion, formatting of rule files.",
    "fmt": "Lay out rule files: spaces, indentation, line breaks.",
    "diff": "Show what a rule file would change on the live cluster, before it does.",
    "policy": "Load, list and unload rule files of one's own.",
    "conformance": "Run recorded inputs against Kubernetes' recorded answers.",
    "bench": "Measure on this machine what is said about speed.",
    "completion": "Print the shell's completion script.",
    "version": "Show the version.",
}

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (  # the first class that fits decides
    (NoClusterError, 3),
    (errors.ApiError, 4),
    (errors.ManifestError, 5),
    (errors.SelectorError, 5),
    (errors.RuleError, 5),
    (errors.SetupError, 6),
    (errors.RuleKubeError, 1),
    (KeyboardInterrupt, 130),
    (BrokenPipeError, 0),
)


class Verbs(click.Group):
    """A group whose commands live in one module each, imported on use: `version` should not load the engine."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every verb, in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The module `rulekube.cli.<verb>` holds a command called `command`."""
        if cmd_name not in VERBS:
            return None
        return cast(click.Command, importlib.import_module(f"rulekube.cli.{cmd_name.replace('-', '_')}").command)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rulekube", prog_name="rulekube")
def rulekube() -> None:
    """RuleKube: a Kubernetes-shaped cluster whose brains are Datalog rules.

    \b
    Examples:
      rulekube up --nodes 2 --kubeconfig kubeconfig     run a cluster in the foreground
      rulekube apply -f examples/01-guestbook/          two manifests in
      rulekube query 'pod_node(Pod, Node)'              ask
      rulekube why 'pod_node(pod/default/web-1, N)'     and ask why
    """


def exit_code(error: BaseException) -> int:
    """The exit code of an exception, by the first class in EXIT_CODES that fits."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that we raise on purpose become one message on stderr and an exit code."""
    try:
        status = rulekube.main(arguments, prog_name="rulekube", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (errors.RuleKubeError, KeyboardInterrupt, BrokenPipeError) as error:
        if text := str(error):
            click.echo(f"error: {text}" if not isinstance(error, errors.RuleError) else text, err=True)
        sys.exit(exit_code(error))
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
