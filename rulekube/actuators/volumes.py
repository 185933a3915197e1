"""A pod's volumes as folders of this machine: the actuator `volumes`.

`FOLDER/<uid>/volumes/<name>` is what containers mount. Files of ConfigMaps, Secrets, tokens and the downward API are
replaced all at once: a new folder is filled, and the link `..data` is moved to it (pkg/volume/util/atomic_writer.go),
so that a reader sees the old set or the new one. Beside the volumes lies what a restarted agent must know: whose they
are, and the digest of what was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rulekube.actuators.base import Action, Fact, Report
from rulekube.actuators.ledger import Ledger
from rulekube.engine import Ref, from_json
from rulekube.errors import ActuatorError

Raw = Mapping[str, Any]
NEVER = 0


class Token(NamedTuple):
    """A service account's token and when it should be replaced (microseconds since 1970)."""

    text: str
    renew: int


class IssueToken(Protocol):
    """Asks for a service account token that is bound to a pod (the TokenRequest API)."""

    def __call__(self, pod: Ref, account: str, audience: str, seconds: int) -> Token:
        """Raises ActuatorError where the account is not there."""


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: a crash leaves the old one."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_text(text)
    os.replace(scratch, path)


class Volumes:
    """The actuator `volumes`, with everything under `folder`."""

    name = "volumes"
    batched = False

    def __init__(self, folder: Path, issue_token: IssueToken) -> None:
        self._folder = folder
        self._issue_token = issue_token

    def start(self, report: Report) -> None:
        """Report the folders of pods that are there."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._ledger = Ledger(report)
        present = [path for path in sorted(self._folder.iterdir()) if (path / "pod").is_file()]
        self._ledger.open({path.name: self._observe(path) for path in present})

    def stop(self) -> None:
        """Nothing is held."""

    def apply(self, actions: Sequence[Action]) -> None:
        """Write volumes, or remove all that a pod had."""
        for action in actions:
            try:
                if action.relation == "write_volume":
                    self._write(*action.values)
                else:
                    self._remove(*action.values)
            except OSError as error:
                raise ActuatorError(str(error)) from error

    def _write(self, pod: Ref, volume: str, digest: str, content: Any) -> None:
        home = self._folder / pod.uid
        for folder in (home / "volumes", home / "digests"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        replace(home / "pod", pod.path)
        wanted: Raw = from_json(content)
        renew = _KINDS[wanted["type"]](self, pod, home / "volumes" / volume, wanted)
        replace(home / "digests" / volume, f"{digest} {renew}")
        self._ledger.replace(pod.uid, self._observe(home))

    def _observe(self, home: Path) -> dict[str, list[Fact]]:
        pod = Ref((home / "pod").read_text(), home.name)
        facts: list[Fact] = []
        for path in sorted(p for p in (home / "digests").iterdir() if not p.name.startswith(".")):
            digest, _, renew = path.read_text().partition(" ")
            facts.append((pod, path.name, digest, int(renew)))
        return {"pod_folder": [(pod,)], "volume": facts}

    def _remove(self, pod: Ref) -> None:
        shutil.rmtree(self._folder / pod.uid, ignore_errors=True)
        self._ledger.replace(pod.uid, {})

    # -- kinds of volumes: each returns when to write again ----------------------------------------------------------

    def _empty(self, _pod: Ref, path: Path, _content: Raw) -> int:
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        return NEVER

    def _host_path(self, _pod: Ref, _path: Path, content: Raw) -> int:
        source, kind = Path(content["path"]), content.get("check", "")
        if kind == "DirectoryOrCreate" and not source.exists():
            source.mkdir(parents=True)
            source.chmod(0o755)
        if kind == "FileOrCreate" and not source.exists():
            source.touch()
            source.chmod(0o644)
        if not _HOST_PATH_CHECKS[kind](source):
            raise ActuatorError(f"hostPath type check failed: {source} is not a {_HOST_PATH_WORDS[kind]}")
        return NEVER

    def _files(self, pod: Ref, path: Path, content: Raw) -> int:
        files = {name: (_decoded(file), int(file["mode"])) for name, file in content["files"].items()}
        renew = NEVER
        for wanted in content.get("tokens", ()):
            seconds = int(wanted["expirationSeconds"])
            token = self._issue_token(pod, wanted["account"], wanted.get("audience", ""), seconds)
            files[wanted["path"]] = (token.text.encode(), int(wanted["mode"]))
            renew = min(renew or token.renew, token.renew)
        replace_files(path, files)
        return renew


_KINDS: Mapping[str, Callable[[Volumes, Ref, Path, Raw], int]] = {
    "empty": Volumes._empty,
    "hostPath": Volumes._host_path,
    "files": Volumes._files,
}
_HOST_PATH_CHECKS: Mapping[str, Callable[[Path], bool]] = {
    "": lambda _: True,
    "DirectoryOrCreate": Path.is_dir,
    "Directory": Path.is_dir,
    "FileOrCreate": Path.is_file,
    "File": Path.is_file,
    "Socket": Path.is_socket,
    "CharDevice": Path.is_char_device,
    "BlockDevice": Path.is_block_device,
}
_HOST_PATH_WORDS: Mapping[str, str] = {
    "DirectoryOrCreate": "directory",
    "Directory": "directory",
    "FileOrCreate": "file",
    "File": "file",
    "Socket": "socket",
    "CharDevice": "character device",
    "BlockDevice": "block device",
}


def replace_files(path: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Make `path` show exactly these files, at once."""
    path.mkdir(exist_ok=True, mode=0o755)
    fresh = path / f"..{_content_name(files)}"
    if fresh.exists() and os.path.realpath(path / "..data") == str(fresh.resolve()):
        return
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    for name, (data, mode) in sorted(files.items()):
        _write_file(fresh, name, data, mode)
    pointer = path / "..data_tmp"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(fresh.name)
    pointer.rename(path / "..data")
    names = {name.split("/", 1)[0] for name in files}
    for name in sorted(names):
        if not (path / name).is_symlink():
            (path / name).symlink_to(f"..data/{name}")
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("..") and entry.name not in ("..data", fresh.name):
            shutil.rmtree(entry)
        elif not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()


def _write_file(folder: Path, name: str, data: bytes, mode: int) -> None:
    target = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ActuatorError(f"a volume's path may not leave it: {name}", temporary=False)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    target.write_bytes(data)
    target.chmod(mode)


def _content_name(files: Mapping[str, tuple[bytes, int]]) -> str:
    listing = [[name, base64.b64encode(data).decode(), mode] for name, (data, mode) in sorted(files.items())]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]


def _decoded(file: Raw) -> bytes:
    return base64.b64decode(file["base64"]) if "base64" in file else str(file["text"]).encode()
