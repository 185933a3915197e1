"""`rulekube get`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import click
import yaml

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.output import aligned, cell
from rulekube.errors import ApiError
from rulekube.facts import resources

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@click.command("get")
@click.argument("resource")
@click.argument("name", required=False)
@click.option("-n", "--namespace", help="Namespace [default: the context's].")
@click.option("-A", "--all-namespaces", is_flag=True, help="Every namespace.")
@click.option("-l", "--selector", help="Label selector.")
@click.option("--field-selector", help="Field selector.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "wide", "json", "yaml"]), default="table", show_default=True
)
@kubeconfig_option
def command(
    resource: str, name: str | None, namespace: str | None, all_namespaces: bool, selector: str | None,
    field_selector: str | None, output: str, kubeconfig: str | None,
) -> None:  # fmt: skip
    """Show objects.

    \b
    Examples:
      rulekube get pods,svc -A
      rulekube get svc redis-slave -o yaml
      rulekube get pods -l name=redis-slave -o wide
    """
    kinds = [known(word) for word in resource.split(",")]
    if len(kinds) > 1 and output in ("json", "yaml"):
        raise click.UsageError("one resource at a time as JSON or YAML")
    query = {key: value for key, value in (("labelSelector", selector), ("fieldSelector", field_selector)) if value}
    with Client(kubeconfig) as client:
        place = None if all_namespaces else namespace or client.namespace
        for kind in kinds:
            path = collection(kind, place) + (f"/{name}" if name else "") + "?" + urlencode(query)
            answer = client.request("GET", path, accept=TABLE if output in ("table", "wide") else "application/json")
            show(answer, output, namespaces=all_namespaces and kind.namespaced)


def known(word: str) -> resources.Resource:
    """The kind that a word such as `po` means."""
    kind = resources.named(word)
    if kind is None:
        raise ApiError("NotFound", f'the server doesn\'t have a resource type "{word}"')
    return kind


def show(answer: dict[str, Any], output: str, *, namespaces: bool) -> None:
    """Print one answer of the server."""
    if output == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(yaml.safe_dump(answer, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(table(answer, wide=output == "wide", namespaces=namespaces) or "No resources found")


def collection(kind: resources.Resource, namespace: str | None) -> str:
    """The path of a kind's collection, in one namespace or in all."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if kind.namespaced and namespace else f"{root}/{kind.plural}"


def table(answer: dict[str, Any], *, wide: bool, namespaces: bool) -> str:
    """A server-side table as text; empty text where there are no rows."""
    shown = [(i, c["name"]) for i, c in enumerate(answer["columnDefinitions"]) if wide or not c.get("priority")]
    rows = []
    for row in answer.get("rows") or []:
        cells = ["<none>" if row["cells"][i] in (None, "") else cell(row["cells"][i]) for i, _ in shown]
        rows.append(([row["object"]["metadata"]["namespace"]] if namespaces else []) + cells)
    headings = (["NAMESPACE"] if namespaces else []) + [heading for _, heading in shown]
    return aligned(headings, rows) if rows else ""
