"""Writes the administrator's kubeconfig and token."""

from __future__ import annotations

import base64
import csv
import os
import secrets
import tempfile
from pathlib import Path

import yaml

ADMINISTRATORS = "system:masters"


def ensure_tokens(folder: Path, given: Path | None) -> tuple[list[Path], str]:
    """The token files to authenticate by, and the administrator's token.

    A token file of the user's own may name an administrator (a user of system:masters); else one is made and kept in
    `folder/tokens.csv` with mode 0600. Format: token,user,uid,"group,group".
    """
    files = [given] if given else []
    if given and (token := administrator_token(given)):
        return files, token
    own = folder / "tokens.csv"
    if not own.exists():
        write_private(own, f'{secrets.token_urlsafe(24)},admin,admin-uid,"{ADMINISTRATORS}"\n')
    token = administrator_token(own)
    assert token is not None, own
    return [*files, own], token


def administrator_token(path: Path) -> str | None:
    """The first token of the file whose user is an administrator."""
    with path.open(newline="") as file:
        for row in csv.reader(file):
            if len(row) >= 4 and ADMINISTRATORS in row[3].split(","):
                return row[0]
    return None


def write_kubeconfig(path: Path, server: str, ca: Path, token: str) -> None:
    """A kubeconfig with one context, `rulekube`, replaced atomically and readable by its owner alone."""
    authority = base64.b64encode(ca.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "rulekube",
        "clusters": [{"name": "rulekube", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "rulekube", "context": {"cluster": "rulekube", "user": "admin"}}],
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False))


def write_private(path: Path, text: str) -> None:
    """Write a secret: complete or not at all, and never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
