"""Compiled rules: each (clause, goal) pair becomes nested Python loops over dict indexes.

    for f0 in changed:                       # facts of the goal's relation that came (sign 1) or went (sign -1)
        v0 = f0[0]
        for f1 in index1.get(v0, EMPTY):
            if (v0, f1[1]) in rows2:
                head = (f1[1], v0)
                out[head] = out.get(head, 0) + sign

The rules that read a relation once are one function, `feed`; the others are a `delta` each.

A clause in which a relation occurs twice needs care: of the new derivations, each must be counted once although the
changed fact may stand in several places. For the changed goal i, goals before i see the relation without the changed
fact (the test `!= f0`), goals after i with it. Such functions are called with one fact at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from rulekube.engine import builtins, plan
from rulekube.engine.core import Absent, Clause, Compare, Enumerate, Goal, Lookup, Match, Never, Pick, Term, Test, names
from rulekube.engine.picking import Picked
from rulekube.engine.relation import Relation
from rulekube.engine.syntax import ArrayTerm, Call, Constant, Expression, ObjectTerm, RefLiteral, Variable
from rulekube.engine.values import NO_VALUE, Json

Delta = Callable[[Iterable[Any], int, dict[Any, int]], None]
Feed = Callable[[Sequence[Any], int], None]


ORIGINS = "$origins"
"""In the globals of compiled code: (first line, clause) for each of its clauses."""


class Environment(Protocol):
    """What compiled code needs from the database."""

    def relation(self, name: str) -> Relation:
        """The facts of a relation."""

    def expected(self, relation: str, columns: tuple[int, ...]) -> float:
        """How many facts of a relation are expected to match when these columns are bound."""

    def fold_values(self, name: str) -> tuple[dict[Any, Any], Any]:
        """The values of an aggregate by group, and the value of an empty group."""

    def function(self, name: str) -> Callable[..., Any]:
        """A function by name."""

    def resolve(self, path: str) -> Any:
        """The ref that a ref literal stands for."""

    def expand(self, goals: Sequence[Goal]) -> tuple[Any, ...]:
        """The goals, with the definitions of relations that are not kept in their places."""


class Reader(Protocol):
    """A goal of a clause that reads a relation, and where what it derives is to go."""

    clause: Clause
    position: int
    sign: int
    gained: dict[Any, int]
    lost: dict[Any, int]


class _Writer:
    """Writes one function: lines, constants, the Python names of bound variables."""

    def __init__(self, environment: Environment, wanted: Sequence[Expression]) -> None:
        self.environment = environment
        self.wanted = names(tuple(wanted))
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"EMPTY": (), "NO_VALUE": NO_VALUE, "Json": Json}
        self.held: dict[tuple[str, int], str] = {}
        self.bound: dict[str, str] = {}
        self.depth = 1
        self.counter = 0
        self.loops = 0
        self.origins: list[tuple[int, Clause]] = []

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.counter}"

    def hold(self, prefix: str, value: Any) -> str:
        """The name under which the function finds a value."""
        name = self.held.get((prefix, id(value)))
        if name is None:
            name = self.held[prefix, id(value)] = self.fresh(prefix)
            self.scope[name] = value
        return name

    def bind(self, variable: str) -> str:
        name = f"v{len(self.bound)}"
        self.bound[variable] = name
        return name

    def loop(self, header: str) -> None:
        self.line(header)
        self.depth += 1
        self.loops += 1

    def require(self, condition: str) -> None:
        self.line(f"if {condition}:")
        self.depth += 1

    # --- expressions

    def expression(self, node: Expression) -> str:
        if isinstance(node, Variable):
            return self.bound[node.name]
        if isinstance(node, Constant):
            return self.constant(node.value)
        if isinstance(node, RefLiteral):
            return self.hold("ref", self.environment.resolve(node.path))
        if isinstance(node, Call):
            return self.call(node)
        return f"Json({self.plain(node)})"

    def constant(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        return self.hold("constant", value)

    def plain(self, node: Expression) -> str:
        """The Python value inside a JSON term."""
        if isinstance(node, ArrayTerm):
            return f"[{', '.join(map(self.plain, node.items))}]"
        if isinstance(node, ObjectTerm):
            entries = ", ".join(f"{self.expression(k)}: {self.plain(v)}" for k, v in node.entries)
            return "{" + entries + "}"
        if isinstance(node, Constant):
            return self.constant(node.value)
        return f"{self.hold('plain', builtins.plain)}({self.expression(node)})"

    def call(self, node: Call) -> str:
        arguments = [self.expression(a) for a in node.arguments]
        if node.function in ("+", "-", "*"):
            return f"({arguments[0]} {node.function} {arguments[1]})"
        name = self.fresh("c")
        called = self.hold("function", self.environment.function(node.function))
        self.line(f"{name} = {called}({', '.join(arguments)})")
        self.require(f"{name} is not NO_VALUE")
        return name

    def tuple(self, parts: Sequence[str]) -> str:
        return f"({', '.join(parts)},)" if parts else "()"

    # --- goals

    def known(self, term: Term) -> bool:
        return not isinstance(term, Variable) or term.name in self.bound

    def unpack(self, fact: str, terms: Sequence[Term], checked: Iterable[int] = ()) -> None:
        """Bind the variables of `terms` from a fact and test what is known, except the columns already `checked`."""
        done = set(checked)
        tests = []
        for i, term in enumerate(terms):
            if i in done:
                continue
            if self.known(term):
                tests.append(f"{fact}[{i}] == {self.expression(term)}")
            elif isinstance(term, Variable) and (not term.wildcard or term.name in self.wanted):
                self.line(f"{self.bind(term.name)} = {fact}[{i}]")
        if tests:
            self.require(" and ".join(tests))

    def match(self, goal: Match, without: str) -> None:
        relation = self.environment.relation(goal.relation)
        known = tuple(i for i, t in enumerate(goal.terms) if self.known(t))
        if len(known) == len(goal.terms):
            rows = self.hold("rows", relation.rows)
            fact = self.tuple([self.expression(t) for t in goal.terms])
            self.require(f"{fact} in {rows}" + (f" and {fact} != {without}" if without else ""))
            return
        row = self.fresh("f")
        source: Relation | Picked = relation
        if isinstance(goal, Pick):
            source = relation.pick(goal.group, goal.key, self.environment.relation(goal.joined).index(goal.joined_key))
        if known:
            index = self.hold("index", source.index(known))
            parts = [self.expression(goal.terms[i]) for i in known]
            key = parts[0] if len(parts) == 1 else self.tuple(parts)
            self.loop(f"for {row} in {index}.get({key}, EMPTY):")
        else:
            self.loop(f"for {row} in {self.hold('rows', source.rows)}:")
        if without:
            self.require(f"{row} != {without}")
        self.unpack(row, goal.terms, known)

    def absent(self, goal: Absent, without: str) -> None:
        rows = self.hold("rows", self.environment.relation(goal.relation).rows)
        fact = self.tuple([self.expression(t) for t in goal.terms])
        self.require(f"{fact} not in {rows}" + (f" or {fact} == {without}" if without else ""))

    def enumerate(self, goal: Enumerate) -> None:
        call = self.hold("builtin", builtins.RELATIONS[goal.builtin].call)
        source = f"{call}({', '.join(self.expression(i) for i in goal.inputs)})"
        row = self.fresh("f")
        if goal.negated:
            tests = [f"{row}[{i}] == {self.expression(t)}" for i, t in enumerate(goal.outputs) if self.known(t)]
            self.require(f"not any({' and '.join(tests) or 'True'} for {row} in {source})")
            return
        self.loop(f"for {row} in {source}:")
        self.unpack(row, goal.outputs)

    def lookup(self, goal: Lookup) -> None:
        values, default = self.environment.fold_values(goal.fold)
        parts = [self.expression(t) for t in goal.group]
        key = parts[0] if len(parts) == 1 else self.tuple(parts)
        name = self.fresh("g")
        self.line(f"{name} = {self.hold('values', values)}.get({key}, {self.hold('empty', default)})")
        if default is NO_VALUE:
            self.require(f"{name} is not NO_VALUE")
        if goal.target.name in self.bound:
            self.require(f"{name} == {self.bound[goal.target.name]}")
        else:
            self.bound[goal.target.name] = name

    def compare(self, goal: Compare, side: str) -> None:
        if side:
            variable, value = (goal.left, goal.right) if side == "left" else (goal.right, goal.left)
            assert isinstance(variable, Variable)
            text = self.expression(value)
            self.line(f"{self.bind(variable.name)} = {text}")
            return
        operator = "==" if goal.operator == "=" else goal.operator
        self.require(f"{self.expression(goal.left)} {operator} {self.expression(goal.right)}")

    def test(self, goal: Test) -> None:
        condition = self.expression(goal.call)
        self.require(f"not {condition}" if goal.negated else condition)

    def never(self, goal: Never) -> None:
        """Search what must not be, up to the first finding."""
        flag = self.fresh("n")
        self.line(f"{flag} = True")
        depth, loops, bound = self.depth, self.loops, dict(self.bound)
        self.want_joining(goal.goals)
        for step in plan.order(goal.goals, bound=bound, expected=self.environment.expected):
            self.goal(step, "")
        self.line(f"{flag} = False")
        if self.loops > loops:
            self.line("break")
        self.depth, self.bound = depth, bound
        self.require(flag)

    def want_joining(self, goals: Sequence[Goal]) -> None:
        """Bind the wildcards that join goals: the definition of a view may use its argument more than once."""
        mentions = Counter(name for goal in goals for name in names(goal) if name[0] == "_")
        self.wanted |= {name for name, number in mentions.items() if number > 1}

    def steps(self, goals: Sequence[Goal], bound: Iterable[str] = ()) -> None:
        """All goals, in the order of a plan from these bound variables."""
        expanded = self.environment.expand(goals)
        self.want_joining(expanded)
        for step in plan.order(expanded, bound=bound, expected=self.environment.expected):
            self.goal(step, "")

    def goal(self, step: plan.Step, without: str) -> None:
        goal = step.goal
        if isinstance(goal, Match):
            self.match(goal, without)
        elif isinstance(goal, Absent):
            self.absent(goal, without)
        elif isinstance(goal, Enumerate):
            self.enumerate(goal)
        elif isinstance(goal, Lookup):
            self.lookup(goal)
        elif isinstance(goal, Compare):
            self.compare(goal, step.binds)
        elif isinstance(goal, Never):
            self.never(goal)
        else:
            self.test(goal)

    def begin(self, clause: Clause) -> None:
        """The lines from here on are of this clause."""
        self.origins.append((len(self.lines) + 2, clause))

    def finish(self, name: str, parameters: str, where: str) -> Any:
        source = f"def {name}({parameters}):\n" + "\n".join(self.lines) + "\n"
        self.scope[ORIGINS] = self.origins
        exec(compile(source, f"<{where}>", "exec"), self.scope)  # noqa: S102 - the code is ours, values are held
        made = self.scope[name]
        made.source = source
        return made


def failed_clause(error: BaseException) -> Clause | None:
    """The clause whose compiled code raised, or passed on, the error."""
    found: Clause | None = None
    trace = error.__traceback__
    while trace is not None:
        for first, clause in trace.tb_frame.f_globals.get(ORIGINS, ()):
            if first <= trace.tb_lineno:
                found = clause
        trace = trace.tb_next
    return found


def relation_of(goal: Goal | Never) -> str:
    """The relation or aggregate whose changes concern the goal, or an empty text."""
    if isinstance(goal, Match | Absent):
        return goal.relation
    return goal.fold if isinstance(goal, Lookup) else ""


def compile_delta(clause: Clause, position: int, environment: Environment) -> Delta:
    """The function that derives what changed facts of one goal add to (or, negated, take from) the head."""
    writer = _Writer(environment, clause.terms)
    writer.loop("for f0 in changed:")
    _derive(writer, clause, position, "sign", "out")
    delta: Delta = writer.finish("delta", "changed, sign, out", str(clause.place))
    return delta


def compile_feed(readers: Sequence[Reader], environment: Environment, where: str) -> Feed:
    """All rules that read a relation once, as one function `feed(changed, sign)`."""
    writer = _Writer(environment, ())
    for i, reader in enumerate(readers):
        gained, lost = writer.hold("out", reader.gained), writer.hold("out", reader.lost)
        first, second = (gained, lost) if reader.sign > 0 else (lost, gained)
        writer.line(f"o{i} = {first}" if gained == lost else f"o{i} = {first} if sign > 0 else {second}")
    writer.line("minus = -sign")
    writer.loop("for f0 in changed:")
    depth = writer.depth
    for i, reader in enumerate(readers):
        writer.depth = depth
        writer.bound.clear()
        _derive(writer, reader.clause, reader.position, "sign" if reader.sign > 0 else "minus", f"o{i}")
    feed: Feed = writer.finish("feed", "changed, sign", where)
    return feed


def _derive(writer: _Writer, clause: Clause, position: int, sign: str, out: str) -> None:
    """What one changed fact `f0` of a goal adds to the head."""
    writer.begin(clause)
    writer.wanted = names(clause.terms)
    changed = clause.goals[position]
    if isinstance(changed, Match | Absent):
        writer.unpack("f0", changed.terms)
    else:
        assert isinstance(changed, Lookup)
        writer.unpack("f0", (*changed.group, changed.target))
    for step in plan.order(clause.goals, position, expected=writer.environment.expected):
        same = relation_of(step.goal) == relation_of(changed) != ""
        writer.goal(step, "f0" if same and step.position < position else "")
    _emit(writer, clause, sign, out)


def compile_full(clause: Clause, environment: Environment) -> Delta:
    """The function that derives the head from nothing; its first argument is ignored."""
    writer = _Writer(environment, clause.terms)
    writer.begin(clause)
    writer.loop("for _ in (None,):")
    writer.steps(clause.goals)
    _emit(writer, clause, "sign", "out")
    full: Delta = writer.finish("full", "changed, sign, out", str(clause.place))
    return full


def compile_solver(
    goals: Sequence[Goal], wanted: Sequence[Expression], given: Sequence[str], environment: Environment, where: str
) -> Callable[..., Iterable[Any]]:
    """A generator function: from the `given` variables' values, every tuple of the `wanted` expressions."""
    writer = _Writer(environment, wanted)
    parameters = [writer.bind(name) for name in given]
    writer.loop("for _ in (None,):")
    writer.steps(goals, given)
    writer.line(f"yield {writer.tuple([writer.expression(e) for e in wanted])}")
    solver: Callable[..., Iterable[Any]] = writer.finish("solve", ", ".join(parameters), where)
    if environment.expand(goals) == tuple(goals):
        return solver
    return lambda *values: dict.fromkeys(solver(*values))  # a view's own variables may repeat an answer


def compile_part(
    clauses: Sequence[Clause], columns: Sequence[int], environment: Environment
) -> Callable[[Iterable[Any], dict[Any, int]], None]:
    """The function that derives the facts of a head that have, in these columns, one of the `keys`."""
    writer = _Writer(environment, ())
    writer.loop("for f0 in keys:")
    depth = writer.depth
    for clause in clauses:
        writer.begin(clause)
        writer.depth = depth
        writer.bound.clear()
        writer.wanted = names(clause.terms)
        writer.unpack("f0", [term for i in columns if isinstance(term := clause.terms[i], Variable)])
        writer.steps(clause.goals, list(writer.bound))
        writer.line(f"out[{writer.tuple([writer.expression(t) for t in clause.terms])}] = 1")
    part: Callable[[Iterable[Any], dict[Any, int]], None] = writer.finish("part", "keys, out", str(clauses[0].place))
    return part


def _emit(writer: _Writer, clause: Clause, sign: str, out: str) -> None:
    writer.line(f"head = {writer.tuple([writer.expression(t) for t in clause.terms])}")
    writer.line(f"{out}[head] = {out}.get(head, 0) + {sign}")
