"""A small client of the Kubernetes API for our own verbs: one kubeconfig context, JSON in and out.

`kubectl` remains the client for people; this one exists so that `query`, `why`, `get` and `apply` work without it.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import click
import requests
import yaml

from rulekube.errors import ApiError, RuleError, RuleKubeError


class NoClusterError(RuleKubeError):
    """Nothing answers where the kubeconfig points, or there is no kubeconfig."""


def kubeconfig_path(given: str | None) -> Path:
    """The kubeconfig to use: the option, $KUBECONFIG, the default cluster's, then kubectl's own."""
    chosen = given or os.environ.get("KUBECONFIG")
    for name in [chosen] if chosen else ["~/.rulekube/kubeconfig", "~/.kube/config"]:
        if (path := Path(name).expanduser()).is_file():
            return path
    raise NoClusterError(
        f"no kubeconfig at {chosen}, which {'--kubeconfig' if given else '$KUBECONFIG'} names"
        if chosen
        else "no kubeconfig found: start a cluster with `rulekube up`, or name one with --kubeconfig or $KUBECONFIG"
    )


class Client:
    """Requests to one API server. Raises ApiError with the server's words, NoClusterError where none answers."""

    def __init__(self, kubeconfig: str | None = None) -> None:
        path = kubeconfig_path(kubeconfig)
        config = yaml.safe_load(path.read_text())
        context = named(config, "contexts", "context", config["current-context"])
        cluster = named(config, "clusters", "cluster", context["cluster"])
        user = named(config, "users", "user", context["user"])
        self.namespace: str = context.get("namespace", "default")
        self.server: str = cluster["server"].rstrip("/") + "/"
        self._scratch = tempfile.TemporaryDirectory(prefix="rulekube-client-")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = not cluster.get("insecure-skip-tls-verify") and (
            self._file(path, cluster, "certificate-authority") or True
        )
        if token := user.get("token"):
            self._session.headers["Authorization"] = f"Bearer {token}"
        elif certificate := self._file(path, user, "client-certificate"):
            self._session.cert = (certificate, self._file(path, user, "client-key") or certificate)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()
        self._scratch.cleanup()

    def _file(self, config: Path, entry: dict[str, Any], key: str) -> str | None:
        """The path of a credential that a kubeconfig names or holds inline as base64."""
        if data := entry.get(f"{key}-data"):
            path = Path(self._scratch.name, key)
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(data))
            return str(path)
        return str(config.parent / entry[key]) if entry.get(key) else None

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
    ) -> Any:
        """One request; the answer's JSON."""
        try:
            answer = self._session.request(
                method,
                urljoin(self.server, path.lstrip("/")),
                json=body,
                headers={"Accept": accept, **({"Content-Type": content_type} if body is not None else {})},
                timeout=60,
            )
        except requests.RequestException as error:
            raise NoClusterError(f"no cluster answers at {self.server.rstrip('/')}: {reason(error)}") from error
        if answer.status_code < 400:
            return answer.json()
        try:
            status = answer.json()
        except ValueError:
            status = {"message": answer.text.strip()}
        raise ApiError(status.get("reason", ""), status.get("message", ""), status.get("details"), answer.status_code)

    def lines(self, path: str, body: dict[str, Any]) -> Iterator[Any]:
        """The lines of JSON that a question which stays is answered by, as they come. Raises RuleError."""
        try:
            answer = self._session.post(
                urljoin(self.server, path.lstrip("/")), json=body, stream=True, timeout=(60, None)
            )
        except requests.RequestException as error:
            raise NoClusterError(f"no cluster answers at {self.server.rstrip('/')}: {reason(error)}") from error
        with answer:
            if answer.status_code == 422:
                raise RuleError(answer.json()["message"])
            if answer.status_code >= 400:
                raise ApiError("", answer.text.strip(), None, answer.status_code)
            try:
                for line in answer.iter_lines(chunk_size=1):
                    if line:
                        yield json.loads(line)
            except requests.RequestException as error:
                raise NoClusterError(f"the cluster at {self.server.rstrip('/')} is gone: {reason(error)}") from error

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Put a question to the rules. Raises RuleError where the question itself is wrong."""
        try:
            return self.request("POST", path, body)
        except ApiError as error:
            if error.reason == "Invalid":
                raise RuleError(error.message) from error
            raise


def reason(error: BaseException) -> str:
    """The innermost cause, in few words: requests wraps what happened several layers deep."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or str(error)


def named(config: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    """The entry called `name` of one of a kubeconfig's lists."""
    for entry in config.get(plural) or []:
        if entry["name"] == name:
            return entry[singular] or {}
    raise NoClusterError(f"the kubeconfig has no {singular} {name!r}")


kubeconfig_option = click.option(
    "--kubeconfig",
    metavar="FILE",
    help="The cluster's kubeconfig [default: $KUBECONFIG, ~/.rulekube/kubeconfig, ~/.kube/config].",
)
