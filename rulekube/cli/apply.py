"""`rulekube apply`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from rulekube.cli.client import Client, kubeconfig_option
from rulekube.cli.get import collection
from rulekube.cli.output import output_option, show
from rulekube.errors import ApiError, ManifestError
from rulekube.facts import manifest, resources

MANIFESTS = (".yaml", ".yml", ".json")
MERGE = "application/strategic-merge-patch+json"
MANAGER = "fieldManager=rulekube-apply&fieldValidation=Strict"


@click.command("apply")
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    required=True,
    help="A manifest, a folder of manifests, or - for standard input.",
)
@click.option("-n", "--namespace", help="Namespace of objects that name none [default: the context's].")
@output_option
@kubeconfig_option
def command(names: tuple[str, ...], namespace: str | None, output: str, kubeconfig: str | None) -> None:
    """Create the objects of manifests, or change them to what the manifests say.

    Every manifest is read and checked before the first object is written.

    \b
    Examples:
      rulekube apply -f examples/01-guestbook/
      cat pod.yaml | rulekube apply -f -
    """
    objects = [item for name in names for item in read(name)]
    with Client(kubeconfig) as client:
        done = [apply(client, item, namespace or client.namespace) for item in objects]
    show(done, output, text="\n".join(f"{row['object']} {row['result']}" for row in done))


def read(name: str) -> Iterator[dict[str, Any]]:
    """The objects of a file, of every manifest of a folder (in name order), or of standard input."""
    if name == "-":
        yield from manifest.parse(sys.stdin.read(), "<stdin>")
        return
    path = Path(name)
    if not path.exists():
        raise ManifestError(f"{name}: no such file or folder")
    for file in sorted(p for p in path.iterdir() if p.suffix in MANIFESTS) if path.is_dir() else [path]:
        yield from manifest.parse(file.read_text(), str(file))


def apply(client: Client, item: dict[str, Any], namespace: str) -> dict[str, str]:
    """Create one object, or patch it where it exists; says which, or `unchanged`."""
    kind = resources.by_kind(item["apiVersion"], item["kind"])
    if kind is None:
        raise ApiError("NotFound", f'no matches for kind "{item["kind"]}" in version "{item["apiVersion"]}"')
    name = item["metadata"]["name"]
    root = collection(kind, item["metadata"].get("namespace") or namespace)
    try:
        before = client.request("GET", f"{root}/{name}")
    except ApiError as error:
        if error.reason != "NotFound":
            raise
        client.request("POST", f"{root}?{MANAGER}", item)
        return {"object": f"{kind.singular}/{name}", "result": "created"}
    after = client.request("PATCH", f"{root}/{name}?{MANAGER}", item, content_type=MERGE)
    same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return {"object": f"{kind.singular}/{name}", "result": "unchanged" if same else "configured"}
