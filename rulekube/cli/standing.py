"""A question that stays, on a terminal: the present answers, then a line for each that comes (+) or goes (-).

As JSON (and CSV) every answer is a line with its sign, the first ones too, so that a program may simply follow.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from rulekube.cli.client import Client
from rulekube.cli.output import aligned, cell
from rulekube.errors import RuleError

Row = Sequence[object]
POLL = 0.25
"""Seconds between two looks at the files."""


class Printer:
    """Prints answers and changes of one question. `form`: table, json or csv."""

    def __init__(self, columns: Sequence[str], form: str) -> None:
        self.columns, self.form = list(columns), form
        self.widths = [len(column) for column in columns]

    def first(self, rows: Sequence[Row]) -> None:
        """Print the present answers."""
        if not self.columns:
            self.verdict(bool(rows))
        elif self.form == "table":
            cells = [[cell(value) for value in row] for row in rows]
            self.widths = [max(len(row[i]) for row in [self.columns, *cells]) for i in range(len(self.columns))]
            for line in aligned(self.columns, cells).split("\n"):
                click.echo(f"  {line}")
        else:
            if self.form == "csv":
                self._csv(["sign", *self.columns])
            self._signed("+", rows)

    def change(self, came: Sequence[Row], went: Sequence[Row]) -> None:
        """Print what went, then what came."""
        if not self.columns:
            self.verdict(bool(came))
            return
        self._signed("-", went)
        self._signed("+", came)

    def verdict(self, holds: bool) -> None:
        """Print the answer to a question without variables."""
        click.echo(json.dumps(holds) if self.form == "json" else "yes" if holds else "no")

    def _signed(self, sign: str, rows: Iterable[Row]) -> None:
        for row in rows:
            if self.form == "json":
                answer = dict(zip(self.columns, row, strict=True))
                click.echo(json.dumps({"sign": sign, "answer": answer}, ensure_ascii=False))
            elif self.form == "csv":
                self._csv([sign, *map(cell, row)])
            else:
                padded = (cell(value).ljust(width) for value, width in zip(row, self.widths, strict=True))
                click.echo(f"{sign} {'   '.join(padded)}".rstrip())

    @staticmethod
    def _csv(values: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        click.echo(line.getvalue())


def watch_cluster(question: str, form: str, kubeconfig: str | None) -> None:
    """Print the answers in a live cluster until interrupted. Raises RuleError where a change of the rules ends it."""
    with Client(kubeconfig) as client:
        lines = client.lines("/rulekube/query?watch=true", {"query": question})
        start = next(lines)
        printer = Printer(start["columns"], form)
        printer.first(start["rows"])
        for line in lines:
            if "error" in line:
                raise RuleError(line["error"])
            printer.change(line["came"], line["went"])


def watch_files(question: str, form: str, files: tuple[Path, ...]) -> None:
    """Print a question's answers over rule files, anew whenever one of them is saved, until interrupted."""
    from rulekube.cli.query import ask_files

    printer: Printer | None = None
    known: list[Row] = []
    for _ in saves(files):
        try:
            columns, rows = ask_files(question, files)
        except RuleError as error:
            if printer is None:
                raise
            click.echo(str(error), err=True)
            continue
        if printer is None:
            printer = Printer(columns, form)
            printer.first(rows)
        else:
            came = [row for row in rows if row not in known]
            went = [row for row in known if row not in rows]
            if came or went:
                printer.change(came, went)
        known = list(rows)


def saves(files: Sequence[Path]) -> Iterator[None]:
    """Now, and each time that the files (or those they include) have changed on the disk."""
    from rulekube.engine.packs import Packs

    seen: object = None
    while True:
        packs = Packs()
        try:
            for file in files:
                packs.add_file(file)
            paths = {Path(module.name) for module in packs.modules()}
            now = sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
        except OSError:
            time.sleep(POLL)  # an editor is about to put the new file in place
            continue
        if now != seen:
            seen = now
            yield
        time.sleep(POLL)
