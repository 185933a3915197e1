"""What is wrong with a program, said so that the author of a policy can mend it.

Every check collects `Diagnostic`s; a `RuleError` carries all of them, sorted by place. The codes are stable and listed
in docs/language.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rulekube import errors
from rulekube.engine.syntax import Place


@dataclass(frozen=True)
class Diagnostic:
    """One mistake: a stable code, a place, a message and, where one is known, a way out."""

    code: str
    message: str
    place: Place
    hint: str = ""
    line: str = ""

    def __str__(self) -> str:
        """`file:line:column: code: message`, the source line, a caret, a hint."""
        parts = [f"{self.place}: {self.code}: {self.message}"]
        if self.line.strip():
            indent = "".join("\t" if c == "\t" else " " for c in self.line[: self.place.column - 1])
            parts += [f"    {self.line.rstrip()}", f"    {indent}^"]
        if self.hint:
            parts.append(f"  hint: {self.hint}")
        return "\n".join(parts)


class RuleError(errors.RuleError):
    """A program cannot be used; `diagnostics` says why, everything at once and in order of place."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        unique = dict.fromkeys(sorted(diagnostics, key=lambda d: (d.place, d.code, d.message)))
        self.diagnostics: tuple[Diagnostic, ...] = tuple(unique)
        super().__init__("\n".join(map(str, self.diagnostics)))


class EvaluationError(errors.RuleError):
    """A commit failed (a function raised, or a limit was passed); the database is as it was before."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion for a name that is not known, or an empty text."""
    close = difflib.get_close_matches(name, sorted(k for k in set(known) if k[:1] != "$"), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""
