"""Images without a registry or a builder: a docker-archive tar of one layer, the same bytes for the same files.

A layer is a mapping from path to `File`; `archive` packs it FROM scratch with a configuration and a tag, `load_image`
hands it to an engine. Entries are sorted and carry no times, so the image's id is a function of its content: loading
twice changes nothing. `program` collects a binary with the shared libraries that `ldd` names; `compiled` builds a
static one from C. Format: the image specification v1.2 as `docker load` reads it (manifest.json, config, layer.tar).
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import docker

from rulekube.errors import SetupError

PAUSE_TAG = "rulekube/pause:1"
PAUSE_SOURCE = Path(__file__).parent / "pause.c"


@dataclass(frozen=True)
class File:
    """The content and mode of one file of an image."""

    content: bytes
    mode: int = 0o644


Files = Mapping[str, File]


def load_image(client: docker.APIClient, tag: str, files: Files, config: Mapping[str, Any] | None = None) -> str:
    """Load an image of these files into an engine and return its id.

    `config` is the image's: Cmd, Entrypoint, Env, ExposedPorts, WorkingDir, User, StopSignal.
    """
    identifier, tar = archive(tag, files, config or {})
    for line in client.load_image(tar):  # type: ignore[no-untyped-call]
        if "error" in line:
            raise SetupError(f"the engine refused image {tag}: {line['error']}")
    return identifier


def archive(tag: str, files: Files, config: Mapping[str, Any]) -> tuple[str, bytes]:
    """The id and the docker-archive tar of an image."""
    layer = _tar({path.lstrip("/"): file for path, file in files.items()})
    description = {
        "architecture": "amd64",
        "config": dict(config),
        "created": "1970-01-01T00:00:00Z",
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "rulekube"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(description, sort_keys=True).encode()
    name = hashlib.sha256(text).hexdigest()
    manifest = [{"Config": f"{name}.json", "RepoTags": [_with_tag(tag)], "Layers": ["layer.tar"]}]
    members = {
        f"{name}.json": File(text),
        "layer.tar": File(layer),
        "manifest.json": File(json.dumps(manifest).encode()),
    }
    return f"sha256:{name}", _tar(members)


def program(path: str | Path, target: str | None = None) -> dict[str, File]:
    """A binary of this machine and the libraries it loads, each where its loader looks for it.

    `target` is the binary's path in the image, by default the same.
    """
    source = shutil.which(str(path))
    if source is None:
        raise SetupError(f"{path} is not installed; an image needs it")
    files = {target or source: File(Path(source).read_bytes(), 0o755)}
    listing = subprocess.run(["ldd", source], capture_output=True, text=True, check=False)  # noqa: S607
    for library in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listing.stdout, re.MULTILINE):
        files[library] = File(Path(library).read_bytes(), 0o755)
    return files


def compiled(source: Path, libraries: Sequence[str] = ()) -> bytes:
    """A static binary of one C file, by musl-gcc where it is installed, else by gcc."""
    compiler = shutil.which("musl-gcc") or shutil.which("gcc")
    if compiler is None:
        raise SetupError(f"no C compiler for {source.name}; on Debian: apt-get install musl-tools")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "program"
        command = [compiler, "-Os", "-static", "-s", "-Wl,--build-id=none", "-o", str(output), source.name, *libraries]
        done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SetupError(f"{compiler} could not compile {source}: {done.stderr.strip()}")
        return output.read_bytes()


def load_pause(client: docker.APIClient) -> str:
    """Make sure that the sandbox's image is in the engine; return its tag."""
    if not client.images(name=PAUSE_TAG, quiet=True):
        files, command = pause_files()
        load_image(client, PAUSE_TAG, files, {"Entrypoint": command})
    return PAUSE_TAG


def pause_files() -> tuple[Files, list[str]]:
    """The sandbox's program: ours where a compiler is installed, else a sleeping busybox, which reaps nobody."""
    try:
        return {"/pause": File(compiled(PAUSE_SOURCE), 0o755)}, ["/pause"]
    except SetupError as error:
        if shutil.which("busybox") is None:
            raise SetupError(f"{error}; or: apt-get install busybox-static") from error
        return program("busybox", "/busybox"), ["/busybox", "sleep", "2147483647"]


def _with_tag(reference: str) -> str:
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def _tar(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted({parent for path in files for parent in _parents(path)}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(file.content), file.mode
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def _parents(path: str) -> Iterator[str]:
    return (str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")
