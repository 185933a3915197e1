"""The checks of a program before anything runs; each yields diagnostics, and all of them are reported together.

Names and arities are checked on the syntax, safety on the core form (by planning every clause), types on the core form
with one pass of inference per clause (`typing`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rulekube.engine import builtins, plan
from rulekube.engine.aggregates import RANKING
from rulekube.engine.core import Clause, Lookup, names, variables
from rulekube.engine.errors import Diagnostic, did_you_mean
from rulekube.engine.function import Function
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
    Literal,
    Module,
    Negation,
    ObjectTerm,
    Place,
    RefLiteral,
    Rule,
    Variable,
)
from rulekube.engine.syntax import Mapping as InputMapping
from rulekube.engine.values import NO_VALUE

_ELSEWHERE = {
    "strlen": "length(S)",
    "substr": "substring(S, Start, Length)",
    "to_number": "int(V)",
    "to_unsigned": "int(V)",
    "to_float": "float(V)",
    "to_string": "symbol(V)",
    "match": "matches(Text, Regex), which finds the pattern anywhere: anchor it with ^ and $",
    "ord": "unnecessary: symbols are ordered by < and >",
    "autoinc": "missing on purpose: the same facts give the same conclusions",
}
TYPES = ("symbol", "int", "float", "bool", "json", "ref", "time", "quantity")
ELAPSED = Declaration("elapsed", (Column("time", "time"),), "Holds once the clock has passed `time`.")


@dataclass(frozen=True)
class RelationInfo:
    """What is known of a declared relation. `derived`: it has rules, so facts cannot be inserted."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    doc: str = ""
    place: Place = NOWHERE
    key: tuple[str, ...] = ()
    actuator: str = ""
    mapping: InputMapping | None = None
    output: bool = False
    derived: bool = False


@dataclass(frozen=True)
class Program:
    """All modules evaluated together, checked."""

    relations: Mapping[str, RelationInfo]
    rules: tuple[Rule, ...]
    functions: Mapping[str, Function]


def assemble(modules: Sequence[Module], functions: Mapping[str, Function]) -> tuple[Program, list[Diagnostic]]:
    """Join modules to a program, with the diagnostics of names and arities."""
    relations, found = _declared(modules)
    rules = tuple(rule for module in modules for rule in module.rules)
    heads = {rule.head.relation for rule in rules if rule.body}
    for name in heads & relations.keys():
        relations[name] = dataclasses.replace(relations[name], derived=True)
    program = Program(relations, rules, functions)
    for rule in rules:
        found += _Names(program).rule(rule)
    for module in modules:
        for external in module.externals:
            if external.relation not in relations:
                found.append(undeclared(external.relation, relations, external.place))
        for output in module.outputs:
            if output.relation in relations:
                relations[output.relation] = dataclasses.replace(relations[output.relation], output=True)
            else:
                found.append(undeclared(output.relation, relations, output.place))
    hidden = frozenset().union(*(module.hidden for module in modules))
    return program, [d for d in found if not (d.code == "undeclared-relation" and d.message.split("`")[1] in hidden)]


def sound(program: Program) -> tuple[Rule, ...]:
    """The rules without mistakes in names and arities: the further checks can go on with them."""
    return tuple(rule for rule in program.rules if not _Names(program).rule(rule))


def _declared(modules: Sequence[Module]) -> tuple[dict[str, RelationInfo], list[Diagnostic]]:
    relations: dict[str, RelationInfo] = {}
    found: list[Diagnostic] = []
    for declaration in (ELAPSED, *(d for module in modules for d in module.declarations)):
        found += _declaration(declaration, relations)
        relations.setdefault(
            declaration.name,
            RelationInfo(
                declaration.name,
                tuple(c.name for c in declaration.columns),
                tuple(c.type if c.type in TYPES else "any" for c in declaration.columns),
                declaration.doc,
                declaration.place,
                declaration.key,
                declaration.actuator,
                declaration.mapping,
            ),
        )
    return relations, found


def _declaration(declaration: Declaration, known: Mapping[str, RelationInfo]) -> Iterator[Diagnostic]:
    name, place = declaration.name, declaration.place
    if name in known:
        where = known[name].place
        first = "it is built in" if where == NOWHERE else f"first declared at {where}"
        yield Diagnostic("duplicate-declaration", f"relation `{name}` is declared twice", place, first)
    elif name in builtins.RELATIONS or name in builtins.FUNCTIONS:
        yield Diagnostic("duplicate-declaration", f"`{name}` is built in; choose another name", place)
    seen: set[str] = set()
    for column in declaration.columns:
        if column.type not in TYPES:
            hint = did_you_mean(column.type, TYPES) or f"types are {', '.join(TYPES)}"
            yield Diagnostic("unknown-type", f"`{column.type}` is not a type", column.place, hint)
        if column.name in seen:
            yield Diagnostic("duplicate-column", f"column `{column.name}` is declared twice", column.place)
        seen.add(column.name)
    for key in declaration.key:
        if key not in seen:
            message = f"`{name}` has no column `{key}` to be its key"
            yield Diagnostic("unknown-column", message, place, did_you_mean(key, seen))


def undeclared(name: str, known: Iterable[str], place: Place = NOWHERE) -> Diagnostic:
    """The diagnostic of a relation that nobody declared."""
    hint = did_you_mean(name, known) or "declare it with .decl"
    return Diagnostic("undeclared-relation", f"relation `{name}` is not declared", place, hint)


class _Names:
    """Walks a rule or a query and checks every name and arity in it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: list[Diagnostic] = []

    def rule(self, rule: Rule) -> list[Diagnostic]:
        head = rule.head
        if head.relation in self.program.relations:
            self.atom(head)
            if self.program.relations[head.relation].mapping is not None and rule.body:
                message = f"`{head.relation}` is an .input relation; rules cannot derive it"
                self.found.append(Diagnostic("derived-input", message, head.place))
            if head.names is not None and len(head.names) != len(self.program.relations[head.relation].columns):
                self.found.append(Diagnostic("arity", "a head with named arguments names every column", head.place))
        else:
            hint = did_you_mean(head.relation, self.program.relations) or "declare it with .decl"
            message = f"relation `{head.relation}` is not declared"
            self.found.append(Diagnostic("undeclared-relation", message, head.place, hint))
        for argument in head.arguments:
            self.expression(argument)
        self.body(rule.body)
        return self.found

    def body(self, literals: Iterable[Literal]) -> list[Diagnostic]:
        for literal in literals:
            if isinstance(literal, Atom):
                self.literal(literal)
            elif isinstance(literal, Negation):
                self.literal(literal.atom)
            elif isinstance(literal, Comparison):
                self.side(literal.left)
                self.side(literal.right)
            elif isinstance(literal, Aggregate):
                self.aggregate(literal)
            elif isinstance(literal, Disjunction):
                for alternative in literal.alternatives:
                    self.body(alternative)
        return self.found

    def side(self, expression: Expression) -> None:
        """A side of a comparison may call `range`, which enumerates."""
        if isinstance(expression, Call) and expression.function in builtins.RELATIONS:
            builtin = builtins.RELATIONS[expression.function]
            if len(builtin.outputs) == 1:
                self.count(expression.function, len(expression.arguments), len(builtin.inputs), expression.place)
                for argument in expression.arguments:
                    self.expression(argument)
                return
        self.expression(expression)

    def aggregate(self, aggregate: Aggregate) -> None:
        self.expression(aggregate.target)
        if aggregate.kind in RANKING:
            self.ranking(aggregate)
        for value in (*aggregate.values, *(k.expression for k in aggregate.keys)):
            self.expression(value)
        self.body(aggregate.body)

    def ranking(self, aggregate: Aggregate) -> None:
        """`top`, `bottom` and `rank` have several values, so they bind: `X = …` or `[X, Rank] = …`."""
        pair = not isinstance(aggregate.target, ArrayTerm) or len(aggregate.target.items) == 2
        if aggregate.operator != "=" or not pair:
            message = f"`{aggregate.kind}` has several values, each with its rank"
            hint = f"write X = {aggregate.kind} …, or [X, Rank] = {aggregate.kind} …"
            self.found.append(Diagnostic("aggregate", message, aggregate.place, hint))

    def constants(self, call: Call) -> None:
        """Texts that a function reads (a regular expression, a time) are read here already."""
        for i, argument in enumerate(call.arguments):
            if isinstance(argument, Constant) and (call.function, i) in builtins.CONSTANTS:
                read, what, hint = builtins.CONSTANTS[call.function, i]
                if read(argument.value) is NO_VALUE:
                    message = f"{json.dumps(argument.value)} is not a {what}"
                    self.found.append(Diagnostic("constant", message, argument.place, hint))

    def literal(self, atom: Atom) -> None:
        name = atom.relation
        for argument in atom.arguments:
            self.expression(argument)
        if name in self.program.relations:
            self.atom(atom)
        elif name in builtins.RELATIONS:
            builtin = builtins.RELATIONS[name]
            self.count(name, len(atom.arguments), len(builtin.inputs) + len(builtin.outputs), atom.place)
            self.positional(atom)
            if name == "at" and len(atom.arguments) > 1:
                self.path(atom.arguments[1])
        elif name in self.program.functions:
            self.positional(atom)
            self.call(Call(name, atom.arguments, atom.place))
            if self.program.functions[name].returns != "bool":
                message = f"`{name}` does not return a bool, so it cannot stand as a literal"
                self.found.append(Diagnostic("type", message, atom.place, f"compare its value: X = {name}(…)"))
        else:
            known = {*self.program.relations, *self.program.functions, *builtins.RELATIONS}
            self.found.append(undeclared(name, known, atom.place))

    def path(self, argument: Expression) -> None:
        text = argument.value if isinstance(argument, Constant) else None
        if isinstance(text, str) and builtins.path_steps(text) is None:
            hint = "write names joined by dots, [0] for an item, ['a.b/c'] for a name with dots"
            self.found.append(Diagnostic("path", f'"{text}" is not a path', argument.place, hint))

    def positional(self, atom: Atom) -> None:
        if atom.names is not None:
            message = f"`{atom.relation}` is built in; its arguments have no names"
            self.found.append(Diagnostic("arity", message, atom.place))

    def atom(self, atom: Atom) -> None:
        columns = self.program.relations[atom.relation].columns
        if atom.names is None:
            if len(atom.arguments) != len(columns):
                self.count(atom.relation, len(atom.arguments), len(columns), atom.place, columns)
            return
        for name, argument in zip(atom.names, atom.arguments, strict=True):
            place = getattr(argument, "place", atom.place)
            if not name:
                message = "named and positional arguments cannot be mixed"
                self.found.append(Diagnostic("arity", message, place))
            elif name not in columns:
                hint = did_you_mean(name, columns) or f"its columns are {', '.join(columns)}"
                message = f"`{atom.relation}` has no column `{name}`"
                self.found.append(Diagnostic("unknown-column", message, place, hint))
            elif atom.names.count(name) > 1:
                self.found.append(Diagnostic("arity", f"column `{name}` is given twice", place))

    def count(self, name: str, given: int, wanted: int, place: Place, columns: Sequence[str] = ()) -> None:
        if given != wanted:
            message = f"`{name}` takes {wanted} argument{'' if wanted == 1 else 's'}, not {given}"
            hint = f"{name}({', '.join(columns)})" if columns else ""
            self.found.append(Diagnostic("arity", message, place, hint))

    def call(self, call: Call) -> None:
        function = self.program.functions.get(call.function)
        self.constants(call)
        if function is None:
            self.unknown_function(call)
        elif function.variadic:
            if len(call.arguments) < len(function.arguments):
                self.count(call.function, len(call.arguments), len(function.arguments), call.place)
        else:
            self.count(call.function, len(call.arguments), len(function.arguments), call.place)

    def unknown_function(self, call: Call) -> None:
        if call.function in self.program.relations:
            hint = "a relation is a literal of its own: bind a variable there and use the variable here"
        elif call.function in _ELSEWHERE:
            hint = f"what Soufflé calls `{call.function}` is {_ELSEWHERE[call.function]}"
        elif call.function in builtins.RELATIONS:
            hint = f"`{call.function}` enumerates: X = {call.function}(…) or a literal of its own"
        else:
            hint = did_you_mean(call.function, self.program.functions) or "functions are passed to the database"
        message = f"`{call.function}` is not a function"
        self.found.append(Diagnostic("unknown-function", message, call.place, hint))

    def expression(self, node: Expression) -> None:
        if isinstance(node, Call):
            self.call(node)
            for argument in node.arguments:
                self.expression(argument)
        elif isinstance(node, ArrayTerm):
            for item in node.items:
                self.expression(item)
        elif isinstance(node, ObjectTerm):
            for key, value in node.entries:
                self.expression(key)
                self.expression(value)
        else:
            assert isinstance(node, Variable | Constant | RefLiteral)


def check_body(program: Program, body: Sequence[Literal]) -> list[Diagnostic]:
    """Names and arities of a query's body."""
    return _Names(program).body(body)


def check_safety(clauses: Iterable[Clause]) -> list[Diagnostic]:
    """Range restriction: every variable of the head, of a negated atom and of an expression is bound by the body."""
    found = []
    for clause in clauses:
        bound: set[str] = set()
        try:
            for step in plan.order(clause.goals):
                bound |= names(step.goal)
        except plan.Stuck as stuck:
            found.append(_unsafe(stuck))
            continue
        found += [_unbound_head(clause, v) for v in variables(clause.terms) if v.name not in bound and v.name[0] != "$"]
    return found


def _unbound_head(clause: Clause, variable: Variable) -> Diagnostic:
    place = variable.place if variable.place != NOWHERE else clause.place
    if variable.wildcard:
        message, hint = "`_` in a head stands for nothing", "name the value that the fact shall hold"
    else:
        message = f"variable `{variable.name}` of the head is not bound by the body"
        hint = f"bind `{variable.name}` in a positive atom of the body"
    return Diagnostic("unsafe-variable", message, place, hint)


def _unsafe(stuck: plan.Stuck) -> Diagnostic:
    elsewhere = set().union(*(plan.binds(g) for g in stuck.rest if not _reads_only(g)))
    for goal in stuck.rest:
        for variable in variables(goal):
            if variable.name not in stuck.bound and variable.name not in elsewhere and variable.name[0] not in "_$":
                if isinstance(goal, Lookup):
                    message = f"variable `{variable.name}` is bound only inside the aggregate"
                    hint = f"mention `{variable.name}` in an atom outside of it: it names the groups"
                    return Diagnostic("unsafe-variable", message, goal.place, hint)
                message = f"variable `{variable.name}` is used here but bound by no positive atom"
                hint = f"add an atom that holds `{variable.name}`, or write `_` inside `not`"
                return Diagnostic("unsafe-variable", message, _place_of(variable, goal), hint)
    goal = stuck.rest[0]
    waiting = sorted(n for n in names(goal) - stuck.bound if n[0] not in "_$")
    message = f"no order of evaluation binds {', '.join(f'`{n}`' for n in waiting) or 'its arguments'}"
    return Diagnostic("unsafe-variable", message, goal.place, "bind the variables in a positive atom")


def _reads_only(goal: object) -> bool:
    return not getattr(goal, "outputs", ())


def _place_of(variable: Variable, goal: object) -> Place:
    place: Place = variable.place if variable.place != NOWHERE else getattr(goal, "place", NOWHERE)
    return place
