"""Types of variables and expressions, inferred clause by clause.

A variable has the type of the column it is joined with; joining columns of different types is a clash, except that
`int` goes with `time` and with `quantity`. Where a value is only passed on or tested (heads, arguments, negated atoms),
`int` widens to `float` and everything but a ref to `json`. The way back from json is explicit: `symbol(V)`, `int(V)`,
`float(V)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rulekube.engine import builtins
from rulekube.engine.analysis import Program
from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Fold, Goal, Lookup, Match, Test
from rulekube.engine.errors import Diagnostic
from rulekube.engine.syntax import NOWHERE, ArrayTerm, Call, Constant, Expression, ObjectTerm, Place, Variable

ANY = "any"
_INTEGERS = frozenset(("int", "time", "quantity"))
_NUMBERS = _INTEGERS | {"float"}
_ORDERED = _NUMBERS | {"symbol"}
_CONVERSIONS = {"symbol": "symbol", "int": "int", "time": "int", "quantity": "int", "float": "float", "number": "int"}


def check(program: Program, clauses: Iterable[Clause], folds: Mapping[str, Fold]) -> list[Diagnostic]:
    """All type clashes of the clauses; relations made on the way are typed as they come."""
    columns = {name: info.types for name, info in program.relations.items()}
    found: list[Diagnostic] = []
    for clause in clauses:
        typer = _Typer(program, columns, folds)
        heads = typer.clause(clause)
        found += typer.found
        if clause.head[0] == "$":
            known = columns.get(clause.head)
            columns[clause.head] = heads if known is None else tuple(map(_either, known, heads))
    return found


def joined(a: str, b: str) -> str | None:
    """The type of a variable that stands in columns of types a and b; None where they clash."""
    if a == b or b in (ANY, "unbound"):
        return a
    if a in (ANY, "unbound"):
        return b
    if a in _INTEGERS and b in _INTEGERS and "int" in (a, b):
        return b if a == "int" else a
    return None


def accepts(wanted: str, given: str) -> bool:
    """Whether a value of type `given` may be put where `wanted` is declared."""
    if ANY in (wanted, given):
        return True
    if wanted == "number":
        return given in _NUMBERS
    if wanted == "json":
        return given != "ref"
    if wanted == "float":
        return given in _NUMBERS
    return joined(wanted, given) is not None


def _either(a: str, b: str) -> str:
    return joined(a, b) or "json"


class _Typer:
    """Infers and checks one clause."""

    def __init__(self, program: Program, columns: Mapping[str, tuple[str, ...]], folds: Mapping[str, Fold]) -> None:
        self.program = program
        self.columns = columns
        self.folds = folds
        self.types: dict[str, str] = {}
        self.found: list[Diagnostic] = []

    def clause(self, clause: Clause) -> tuple[str, ...]:
        """Check everything; returns the types of the head's terms."""
        for goal in clause.goals:
            self.bind(goal)
        for _ in clause.goals:
            for goal in clause.goals:
                self.equate(goal)
        for goal in clause.goals:
            self.goal(goal)
        types = tuple(self.expression(term) for term in clause.terms)
        wanted = self.columns.get(clause.head)
        if clause.head[0] != "$" and wanted is not None:
            for term, column, given in zip(clause.terms, wanted, types, strict=True):
                self.require(column, given, term, clause.place, f"`{clause.head}` holds a {column} there")
        return types

    # --- what binds a variable gives it a type

    def bind(self, goal: Goal) -> None:
        if isinstance(goal, Match):
            for term, column in zip(goal.terms, self.columns[goal.relation], strict=True):
                self.term(term, column, goal.place, goal.relation)
        elif isinstance(goal, Enumerate) and not goal.negated:
            columns: Sequence[str] = builtins.RELATIONS[goal.builtin].outputs
            if goal.builtin == builtins.RANKED:
                columns = (self.expression(goal.inputs[0]), "int")  # the fold's value goes by its members' type
            for term, column in zip(goal.outputs, columns, strict=True):
                self.term(term, column, goal.place, goal.builtin)
        elif isinstance(goal, Lookup):
            self.term(goal.target, self.fold(goal), goal.place, self.folds[goal.fold].kind)

    def term(self, term: Expression, column: str, place: Place, where: str) -> None:
        """A term of a body's atom: a variable joins, a constant must fit."""
        if not isinstance(term, Variable):
            self.require(column, self.expression(term), term, place, f"`{where}` holds a {column} there")
            return
        if term.wildcard:
            self.types[term.name] = column
            return
        known = self.types.get(term.name, ANY)
        both = joined(known, column)
        if both is None:
            message = f"`{term.name}` is a {known} elsewhere, but `{where}` holds a {column} there"
            self.report(message, term, place, _way_out(known, column, term.name))
        else:
            self.types[term.name] = both

    def equate(self, goal: Goal) -> None:
        if not isinstance(goal, Compare) or goal.operator != "=":
            return
        for side, other in ((goal.left, goal.right), (goal.right, goal.left)):
            if isinstance(side, Variable) and side.name not in self.types:
                found = len(self.found)
                type_ = self.expression(other)
                del self.found[found:]
                if type_ != ANY:
                    self.types[side.name] = "json" if type_ == "null" else type_

    def fold(self, goal: Lookup) -> str:
        fold = self.folds[goal.fold]
        if fold.kind == "count":
            return "int"
        if fold.kind == "mean":
            return "float"
        if fold.kind in ("array", "object"):
            return "json"
        payload = self.columns[fold.source][-1]
        if fold.kind == "sum" and payload not in (*_NUMBERS, ANY):
            self.report(f"`sum` adds numbers, not a {payload}", goal.target, goal.place, _way_out(payload, "int", "…"))
        return payload

    # --- checks once types are known

    def goal(self, goal: Goal) -> None:
        if isinstance(goal, Absent):
            for term, column in zip(goal.terms, self.columns[goal.relation], strict=True):
                self.require(column, self.expression(term), term, goal.place, f"`{goal.relation}` holds a {column}")
        elif isinstance(goal, Enumerate):
            for expression, wanted in zip(goal.inputs, builtins.RELATIONS[goal.builtin].inputs, strict=True):
                given = self.expression(expression)
                what = "how many" if goal.builtin == builtins.RANKED else f"`{goal.builtin}`"
                self.require(wanted, given, expression, goal.place, f"{what} takes a {wanted} there")
        elif isinstance(goal, Test):
            self.expression(goal.call)
        elif isinstance(goal, Compare):
            self.compare(goal)
        elif isinstance(goal, Lookup) and self.folds[goal.fold].kind == "object":
            key = self.columns[self.folds[goal.fold].source][-2]
            if key not in ("symbol", ANY):
                message = f"the keys of a JSON object are symbols, not a {key}"
                self.report(message, goal.target, goal.place, "write symbol(…)")

    def compare(self, goal: Compare) -> None:
        left, right = self.expression(goal.left), self.expression(goal.right)
        if ANY in (left, right):
            return
        if goal.operator in ("=", "!="):
            self.same(goal, left, right)
            return
        if not ((left in _NUMBERS and right in _NUMBERS) or (left == right and left in _ORDERED)):
            wrong, other, side = (left, right, goal.left) if left not in _ORDERED else (right, left, goal.right)
            message = f"`{goal.operator}` cannot order a {left} and a {right}"
            self.report(message, side, goal.place, _way_out(wrong, other if other in _ORDERED else "int", _name(side)))

    def same(self, goal: Compare, left: str, right: str) -> None:
        if joined(left, right) is not None or (left in _NUMBERS and right in _NUMBERS):
            return
        if "json" in (left, right) and "ref" not in (left, right):
            return
        hint = "only json columns hold null" if "null" in (left, right) else _way_out(left, right, _name(goal.left))
        self.report(f"a {left} is compared with a {right}; they are never equal", goal.left, goal.place, hint)

    def require(self, wanted: str, given: str, node: Expression, place: Place, why: str) -> None:
        if not accepts(wanted, given):
            self.report(f"{_shown(node)} is a {given}, but {why}", node, place, _way_out(given, wanted, _name(node)))

    def report(self, message: str, node: Expression, place: Place, hint: str) -> None:
        message = re.sub(r"\ba int\b", "an int", message)
        where = getattr(node, "place", NOWHERE)
        self.found.append(Diagnostic("type", message, place if where == NOWHERE else where, hint))

    # --- expressions

    def expression(self, node: Expression) -> str:
        if isinstance(node, Variable):
            return self.types.get(node.name, ANY)
        if isinstance(node, Constant):
            return node.type
        if isinstance(node, Call):
            return self.call(node)
        if isinstance(node, ArrayTerm):
            for item in node.items:
                self.expression(item)
            return "json"
        if isinstance(node, ObjectTerm):
            for key, value in node.entries:
                self.require("symbol", self.expression(key), key, node.place, "the keys of a JSON object are symbols")
                self.expression(value)
            return "json"
        return "ref"

    def call(self, node: Call) -> str:
        function = self.program.functions[node.function]
        wanted: Sequence[str] = function.arguments
        if function.variadic:
            wanted = (*wanted, *[wanted[-1]] * (len(node.arguments) - len(wanted)))
        given = [self.expression(argument) for argument in node.arguments]
        for column, type_, argument in zip(wanted, given, node.arguments, strict=True):
            self.require(column, type_, argument, node.place, f"`{node.function}` takes a {column} there")
        return _arithmetic(node.function, given) if function.returns == "same" else function.returns


def _arithmetic(function: str, given: Sequence[str]) -> str:
    """time - time is an int; otherwise the more special of the types, and float wins."""
    if "float" in given:
        return "float"
    if function == "-" and given[0] == given[1] == "time":
        return "int"
    for special in ("time", "quantity"):
        if special in given:
            return special if function in ("+", "-", "min", "max", "abs") or special == "quantity" else "int"
    return "int" if all(type_ in _INTEGERS for type_ in given) else ANY


def _name(node: Expression) -> str:
    return node.name if isinstance(node, Variable) and node.name[0] not in "$_" else "…"


def _shown(node: Expression) -> str:
    if isinstance(node, Variable):
        return f"`{node.name}`" if node.name[0] != "$" else "the value"
    return "this constant" if isinstance(node, Constant) else "this value"


def _way_out(given: str, wanted: str, name: str) -> str:
    """How to convert, where there is a way."""
    if given == "json" and wanted in _CONVERSIONS:
        return f"a json value may be anything: write {_CONVERSIONS[wanted]}({name})"
    if given == "ref" and wanted in ("symbol", "json"):
        return f"write symbol({name}) for its path"
    if given in _NUMBERS and wanted == "symbol":
        return f"write symbol({name})"
    if given == "symbol" and wanted in _NUMBERS:
        return f"write {_CONVERSIONS[wanted]}({name})"
    if wanted == "json" and given != "ref":
        return f"convert the json value, for example {_CONVERSIONS.get(given, 'symbol')}(…)"
    return ""
