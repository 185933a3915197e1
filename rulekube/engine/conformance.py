"""The evaluator that the PyPI suite `datalog-conformance` calls: classic Datalog, untyped, as its corpus writes it.

A program there has `facts` (lists of rows by predicate) and `rules` (texts). Predicates may be Capitalised and every
bare name in an argument is a variable, so names are rewritten, and columns get the types that facts and rules imply.
The suite's own names for mistakes are given by `ConformanceError.code`.

Of a variable that occurs in one negated atom only, the suite wants two things: Nemo's cases read it as "for no value",
and one case of its own wants it refused; there, nothing defines the negated predicate. Both are followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from rulekube.engine.database import Database
from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.values import Fact

Model = dict[str, set[Fact]]
Column = tuple[str, int]
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|:-|[<>!=]=|[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]+)?|\S)')
_OURS = "\0"
"""Begins what is in our language already."""
_CODES = {
    "arity": "arity_mismatch",
    "unstratifiable": "cyclic_negation",
    "unsafe-variable": "unbound_variable",
}


class Program(Protocol):
    """What the suite hands over."""

    facts: Mapping[str, Sequence[Sequence[Any]]]
    rules: Sequence[str]


class ConformanceError(Exception):
    """A program that must be refused; `code` is the suite's name for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Evaluator:
    """`evaluate(program)` gives every predicate's rows. The last model is kept: the suite asks per predicate."""

    def __init__(self) -> None:
        self._last: tuple[Any, Any] | None = None
        self._model: Model = {}

    def evaluate(self, program: Program) -> Model:
        """All rows by predicate. Raises ConformanceError."""
        asked = (program.rules, program.facts)
        if asked != self._last:
            self._last = None
            self._model = _Translation(program).model()
            self._last = asked
        return self._model


class _Translation:
    """One program in our language: relations `r0`, `r1`, …, their facts in base relations `f0`, `f1`, …"""

    def __init__(self, program: Program) -> None:
        self.facts = {name: [tuple(row) for row in rows] for name, rows in program.facts.items()}
        self.rules = [_bare(_TOKEN.findall(rule.strip().removesuffix("."))) for rule in program.rules]
        self.arity: dict[str, int] = {}
        self.types = _Types()
        for name, rows in self.facts.items():
            for row in rows:
                self._arity(name, len(row))
            for i, column in enumerate(zip(*rows, strict=True)):
                self.types.values((name, i), set(map(type, column)))
        for number, rule in enumerate(self.rules):
            self._survey(rule, number)
        self.number = {name: i for i, name in enumerate(self.arity)}

    def model(self) -> Model:
        """Every predicate's rows."""
        try:
            db = Database.from_source(self.text())
        except RuleError as error:
            raise _named(error.diagnostics[0]) from error
        db.commit(insert={f"f{self.number[name]}": rows for name, rows in self.facts.items() if name in self.number})
        return {name: set(db.facts(f"r{i}")) for name, i in self.number.items()}

    def text(self) -> str:
        """The program in our language."""
        lines = []
        for name, i in self.number.items():
            arity = self.arity[name]
            columns = ", ".join(f"c{k}: {self.types.of((name, k))}" for k in range(arity))
            variables = ", ".join(f"C{k}" for k in range(arity))
            lines += [f".decl f{i}({columns})", f".decl r{i}({columns})", f"r{i}({variables}) :- f{i}({variables})."]
        for number, rule in enumerate(self.rules):
            lines.append(" ".join(self._rewritten(self._projected(rule, number, lines))) + ".")
        return "\n".join(lines)

    def _projected(self, rule: list[str], number: int, lines: list[str]) -> list[str]:
        """The rule with its negated atoms projected to the variables that it binds elsewhere."""
        defined = {name for name, rows in self.facts.items() if rows} | {r[0] for r in self.rules if r}
        for at, end, name, arguments in reversed(list(_atoms(rule))):
            elsewhere = {t for a in _atoms(rule) if not a[0] or rule[a[0] - 1] != "not" for t in rule[a[0] : a[1]]}
            own = list(dict.fromkeys(t for a in arguments for t in a if t[0].isalpha()))
            if at and rule[at - 1] == "not" and name in defined and not elsewhere.issuperset(own):
                bound = [variable for variable in own if variable in elsewhere]
                helper = f"h{number}_{at}"
                columns = ", ".join(f"{v.lower()}{i}: {self._type_of(name, arguments, v)}" for i, v in enumerate(bound))
                inside = ", ".join(f"V_{v}" for v in bound)
                lines.append(f".decl {helper}({columns})")
                lines.append(f"{helper}({inside}) :- {' '.join(self._rewritten(rule[at : end + 1]))}.")
                rule = [*rule[:at], f"{_OURS}{helper}({inside})", *rule[end + 1 :]]
        return rule

    def _type_of(self, name: str, arguments: list[list[str]], variable: str) -> str:
        return self.types.of((name, arguments.index([variable])))

    def _arity(self, name: str, count: int) -> None:
        if self.arity.setdefault(name, count) != count:
            raise ConformanceError("arity_mismatch", f"{name} has {self.arity[name]} columns, and rows of {count}")

    def _survey(self, rule: list[str], number: int) -> None:
        """Note the predicates of a rule, and what its variables say of columns' types."""
        for _, _, name, arguments in _atoms(rule):
            self._arity(name, len(arguments))
            for i, argument in enumerate(arguments):
                known = argument[0] if len(argument) == 1 else ""
                if known.startswith('"'):
                    self.types.values((name, i), {str})
                elif re.fullmatch(r"[0-9]+", known) or len(argument) > 1:
                    self.types.values((name, i), {int})
                elif known != "_":
                    self.types.same((name, i), (f"{number}:{known}", 0))

    def _rewritten(self, rule: list[str]) -> Iterator[str]:
        for i, piece in enumerate(rule):
            if not piece[0].isalpha() or piece == "not":
                yield piece.removeprefix(_OURS)
            elif rule[i + 1 : i + 2] == ["("]:
                yield f"r{self.number[piece]}"
            else:
                yield f"V_{piece}"


class _Types:
    """Columns that share a variable share a type: int, symbol, or json where both occur."""

    def __init__(self) -> None:
        self._parent: dict[Column, Column] = {}
        self._seen: dict[Column, set[type]] = {}

    def root(self, column: Column) -> Column:
        """The representative of a column."""
        while column in self._parent:
            column = self._parent[column]
        return column

    def same(self, a: Column, b: Column) -> None:
        """The two hold the same values."""
        a, b = self.root(a), self.root(b)
        if a != b:
            self._parent[b] = a
            self._seen.setdefault(a, set()).update(self._seen.pop(b, ()))

    def values(self, column: Column, types: set[type]) -> None:
        """Such values occur there."""
        self._seen.setdefault(self.root(column), set()).update(types)

    def of(self, column: Column) -> str:
        """The type to declare."""
        seen = self._seen.get(self.root(column), set())
        return "int" if seen == {int} else "symbol" if seen <= {str} else "json"


def _bare(rule: list[str]) -> list[str]:
    """The rule without the brackets around a literal of its body."""
    for i, piece in enumerate(rule):
        if piece == "(" and rule[i - 1] in (",", ":-"):
            end = rule.index(")", i)
            return [*rule[:i], *rule[i + 1 : end], *_bare(rule[end + 1 :])]
    return rule


def _atoms(rule: list[str]) -> Iterator[tuple[int, int, str, list[list[str]]]]:
    """The atoms of a rule: first and last piece, predicate, arguments (each a list of tokens)."""
    i = 0
    while i < len(rule):
        if rule[i][0].isalpha() and rule[i] != "not" and rule[i + 1 : i + 2] == ["("]:
            end = rule.index(")", i)
            inside = rule[i + 2 : end]
            arguments: list[list[str]] = [[]] if inside else []
            for piece in inside:
                if piece == ",":
                    arguments.append([])
                else:
                    arguments[-1].append(piece)
            yield i, end, rule[i], arguments
            i = end
        i += 1


def _named(diagnostic: Diagnostic) -> ConformanceError:
    """Our diagnostic under the suite's name, which tells three ways of being unsafe apart."""
    code = _CODES.get(diagnostic.code, diagnostic.code)
    if diagnostic.code == "unsafe-variable":
        if diagnostic.message.startswith("`_`"):
            code = "safety_violations"
        elif "not" in diagnostic.line[: diagnostic.place.column].rpartition(")")[2].split():
            code = "SafetyViolationError"
    return ConformanceError(code, str(diagnostic))
