"""Streams a file of rows through a family and counts."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from rulekube.conformance.family import ABSENT, Difference, Family, RawRow
from rulekube.errors import ManifestError


class Failure(NamedTuple):
    """A row that did not pass: its line in the file, the row, and what differs."""

    line: int
    row: RawRow
    differences: list[Difference]


def judge(family: Family, path: Path) -> Iterator[Failure | None]:
    """One item for each row but the header: None where it passed."""
    header: RawRow = {}
    for line, row in _rows(path):
        if row.get("meta"):
            header = row
            continue
        try:
            differences = family.differences(row, header)
        except Exception as error:  # noqa: BLE001  a row that ours breaks at is a row that fails, not the end of the run
            differences = [Difference("(crash)", ABSENT, f"{type(error).__name__}: {error}")]
        yield Failure(line, row, differences) if differences else None


def _rows(path: Path) -> Iterator[tuple[int, RawRow]]:
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ManifestError(f"{path}:{number}: expected one JSON object a line: {error}") from error
            yield number, row


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
