"""From Lark's tree to `syntax`: one method per grammar rule.

Wildcards become variables `_1`, `_2`, … numbered within their rule; durations become microseconds; a comment directly
above a declaration becomes its documentation.
"""
# ruff: noqa: D102 - the methods bear the names of the grammar's rules, which say what they are

from __future__ import annotations

import json
import re
from typing import Any

from lark import Token, Transformer, Tree, v_args
from lark.tree import Meta

from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.syntax import (
    NOWHERE,
    Aggregate,
    ArrayTerm,
    Atom,
    Call,
    Column,
    Comparison,
    Constant,
    Declaration,
    Disjunction,
    Expression,
    External,
    Include,
    Literal,
    Mapping,
    Module,
    Negation,
    ObjectTerm,
    Output,
    Place,
    RefLiteral,
    Rule,
    SortKey,
    Variable,
)

_UNITS = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_DURATION = re.compile(r"([0-9]+)([a-z]+)")


class Lowering(Transformer[Token, Any]):
    """Lowers one file; `source` is its text."""

    def __init__(self, name: str, source: str) -> None:
        super().__init__()
        self.name = name
        self.source = source
        self.lines = source.split("\n")
        self.wildcards = 0

    def module_of(self, tree: Tree[Token]) -> Module:
        """The module a whole file's tree stands for."""
        items = self.transform(tree).children
        return Module(
            self.name,
            tuple(i for i in items if isinstance(i, Include)),
            tuple(i for i in items if isinstance(i, Declaration)),
            tuple(o for i in items if isinstance(i, tuple) for o in i),
            tuple(i for i in items if isinstance(i, Rule)),
            self.source,
            tuple(i for i in items if isinstance(i, External)),
        )

    def body_of(self, tree: Tree[Token]) -> tuple[Literal, ...]:
        """The literals of a query's tree."""
        literals: tuple[Literal, ...] = self.transform(tree).children[0]
        return literals

    def _at(self, where: Meta | Token) -> Place:
        line, column = getattr(where, "line", None), getattr(where, "column", None)
        return Place(self.name, line, column) if line and column else NOWHERE

    def _doc(self, line: int) -> str:
        found: list[str] = []
        row = line - 2
        while row >= 0 and self.lines[row].lstrip().startswith("//"):
            found.append(self.lines[row].strip().lstrip("/").strip())
            row -= 1
        return "\n".join(reversed(found))

    # --- statements

    @v_args(meta=True)
    def include(self, meta: Meta, children: list[Any]) -> Include:
        return Include(_unquote(children[0]), self._at(meta))

    @v_args(meta=True)
    def output(self, _meta: Meta, children: list[Any]) -> tuple[Output, ...]:
        return tuple(Output(str(name), self._at(name)) for name in children)

    def external(self, children: list[Token]) -> External:
        return External(str(children[0]), self._at(children[0]))

    @v_args(meta=True)
    def declare(self, meta: Meta, children: list[Any]) -> Declaration:
        name, columns = children
        return Declaration(str(name), columns or (), self._doc(meta.line), place=self._at(name))

    @v_args(meta=True)
    def action(self, meta: Meta, children: list[Any]) -> Declaration:
        name, columns, key, actuator = children
        doc = self._doc(meta.line)
        return Declaration(str(name), columns or (), doc, key=key, actuator=str(actuator), place=self._at(name))

    @v_args(meta=True)
    def input(self, meta: Meta, children: list[Any]) -> Declaration:
        name, columns, kind, path = children
        where = self._at(name)
        mapping = Mapping(str(name), kind, _unquote(path) if path is not None else "", columns, where)
        return Declaration(str(name), columns, self._doc(meta.line), mapping, place=where)

    def kind(self, children: list[Token]) -> str:
        return _unquote(children[0]) if children[0].startswith('"') else str(children[0])

    def columns(self, children: list[Column]) -> tuple[Column, ...]:
        return tuple(children)

    input_columns = columns

    def column(self, children: list[Token]) -> Column:
        return Column(str(children[0]), _type(children[1]), place=self._at(children[0]))

    def input_column(self, children: list[Any]) -> Column:
        name, type_, path, default = children
        value, required = (None, True) if default is None else (default.value, False)
        return Column(str(name), _type(type_), path, value, required, self._at(name))

    def column_path(self, children: list[Token]) -> str:
        return _unquote(children[0])

    def column_default(self, children: list[Constant]) -> Constant:
        return children[0]

    def names(self, children: list[Token]) -> tuple[str, ...]:
        return tuple(map(str, children))

    @v_args(meta=True)
    def rule(self, meta: Meta, children: list[Any]) -> Rule:
        head, body = children
        self.wildcards = 0
        return Rule(head, body or (), self._at(meta), self.source[meta.start_pos : meta.end_pos])

    @v_args(meta=True)
    def alternatives(self, meta: Meta, children: list[Any]) -> tuple[Literal, ...]:
        return (Disjunction(tuple(children), self._at(meta)),)

    # --- literals

    def body(self, children: list[Literal]) -> tuple[Literal, ...]:
        return tuple(children)

    @v_args(meta=True)
    def atom(self, meta: Meta, children: list[Any]) -> Atom:
        return self._atom(children[0], children[1] or [], self._at(meta))

    def _atom(self, name: str, arguments: list[Any], place: Place) -> Atom:
        names = tuple(a[0] if isinstance(a, tuple) else "" for a in arguments)
        values = tuple(_expression(a[1] if isinstance(a, tuple) else a) for a in arguments)
        return Atom(str(name), values, names if any(names) else None, place)

    def arguments(self, children: list[Any]) -> list[Any]:
        return children

    def named(self, children: list[Any]) -> tuple[str, Expression]:
        return str(children[0]), children[1]

    @v_args(meta=True)
    def call_or_atom(self, meta: Meta, children: list[Any]) -> Atom:
        return self._atom(children[0], children[1] or [], self._at(meta))

    @v_args(meta=True)
    def positive(self, meta: Meta, children: list[Any]) -> Atom:
        if isinstance(children[0], Atom):
            return children[0]
        place = self._at(meta)
        message = "a value stands where a literal is expected"
        hint = "a literal is an atom, `not` and an atom, a comparison or an aggregate"
        raise RuleError([Diagnostic("syntax", message, place, hint, self.lines[place.line - 1])])

    @v_args(meta=True)
    def negation(self, meta: Meta, children: list[Atom]) -> Negation:
        return Negation(children[0], self._at(meta))

    @v_args(meta=True)
    def comparison(self, meta: Meta, children: list[Any]) -> Comparison:
        left, operator, right = children
        return Comparison(str(operator), _expression(left), _expression(right), self._at(meta))

    @v_args(meta=True)
    def disjunction(self, meta: Meta, children: list[Any]) -> Disjunction:
        return Disjunction(tuple(children), self._at(meta))

    @v_args(meta=True)
    def aggregate(self, meta: Meta, children: list[Any]) -> Aggregate:
        target, operator, (kind, values, keys, *limit), body = children
        most = limit[0] if limit else None
        return Aggregate(kind, _expression(target), str(operator), values, keys, body, most, self._at(meta))

    def fold_count(self, _children: list[Any]) -> Any:
        return "count", (), ()

    def fold_value(self, children: list[Any]) -> Any:
        return str(children[0]), (_expression(children[1]),), ()

    def fold_keys(self, children: list[Any]) -> Any:
        return str(children[0]), (_expression(children[1]),), children[2] or ()

    def fold_top(self, children: list[Any]) -> Any:
        return str(children[0]), (_expression(children[2]),), children[3], children[1]

    def fold_object(self, children: list[Any]) -> Any:
        return "object", (_expression(children[1]), _expression(children[2])), ()

    def keys(self, children: list[SortKey]) -> tuple[SortKey, ...]:
        return tuple(children)

    def key_ascending(self, children: list[Any]) -> SortKey:
        return SortKey(_expression(children[1]), False)

    def key_descending(self, children: list[Any]) -> SortKey:
        return SortKey(_expression(children[1]), True)

    def key_plain(self, children: list[Any]) -> SortKey:
        return SortKey(_expression(children[0]))

    # --- expressions

    def variable(self, children: list[Token]) -> Variable:
        return Variable(str(children[0]), self._at(children[0]))

    def wildcard(self, children: list[Token]) -> Variable:
        self.wildcards += 1
        return Variable(f"_{self.wildcards}", self._at(children[0]))

    def ref(self, children: list[Token]) -> RefLiteral:
        return RefLiteral(str(children[0]), self._at(children[0]))

    def string(self, children: list[Token]) -> Constant:
        return Constant(_unquote(children[0]), "symbol", self._at(children[0]))

    def integer(self, children: list[Token]) -> Constant:
        return Constant(int(children[0]), "int", self._at(children[0]))

    def number(self, children: list[Token]) -> Constant:
        return Constant(float(children[0]), "float", self._at(children[0]))

    def duration(self, children: list[Token]) -> Constant:
        amount, unit = _DURATION.fullmatch(children[0]).groups()  # type: ignore[union-attr]
        return Constant(int(amount) * _UNITS[unit], "int", self._at(children[0]))

    @v_args(meta=True)
    def true(self, meta: Meta, _children: list[Any]) -> Constant:
        return Constant(True, "bool", self._at(meta))

    @v_args(meta=True)
    def false(self, meta: Meta, _children: list[Any]) -> Constant:
        return Constant(False, "bool", self._at(meta))

    @v_args(meta=True)
    def null(self, meta: Meta, _children: list[Any]) -> Constant:
        return Constant(None, "null", self._at(meta))

    @v_args(meta=True)
    def binary(self, _meta: Meta, children: list[Any]) -> Call:
        left, operator, right = children
        return Call(str(operator), (_expression(left), _expression(right)), self._at(operator))

    @v_args(meta=True)
    def signed(self, meta: Meta, children: list[Any]) -> Expression:
        sign = children[0]
        operand: Expression = _expression(children[1])
        if sign == "+":
            return operand
        if isinstance(operand, Constant) and operand.type in ("int", "float"):
            return Constant(-operand.value, operand.type, self._at(meta))
        return Call("-", (Constant(0, "int"), operand), self._at(meta))

    @v_args(meta=True)
    def array_term(self, meta: Meta, children: list[Any]) -> ArrayTerm:
        return ArrayTerm(tuple(children[0] or ()), self._at(meta))

    @v_args(meta=True)
    def object_term(self, meta: Meta, children: list[Any]) -> ObjectTerm:
        return ObjectTerm(tuple(children[0] or ()), self._at(meta))

    def items(self, children: list[Any]) -> list[Expression]:
        return [_expression(c) for c in children]

    def entries(self, children: list[Any]) -> list[Any]:
        return children

    def entry(self, children: list[Any]) -> tuple[Expression, Expression]:
        key: Expression = children[0]
        return key, _expression(children[1])


def _expression(node: Any) -> Any:
    """A call inside an expression was read as an atom, whose shape it shares; here it becomes a Call."""
    if isinstance(node, Atom):
        return Call(node.relation, tuple(map(_expression, node.arguments)), node.place)
    return node


def _type(name: Token) -> str:
    """A type's name; Soufflé's `number` is our int."""
    return "int" if name == "number" else str(name)


def _unquote(token: str) -> str:
    text: str = json.loads(token, strict=False)
    return text
