"""The reference engine: the same program evaluated by pyDatalog, top-down, from scratch.

It takes the subset that the two share: symbols and integers, rules with recursion, stratified negation, comparisons and
`+ - *`. What is outside is refused, everything at once. pyDatalog keeps its state per thread; an evaluation clears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyDatalog import pyDatalog

from rulekube.engine import normal, parser, plan, query
from rulekube.engine.analysis import Program
from rulekube.engine.core import Absent, Clause, Compare, Goal, Match, variables
from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.syntax import NOWHERE, Call, Constant, Expression, Place, Variable
from rulekube.engine.values import Fact

_TYPES = frozenset(("symbol", "int", "time", "quantity"))
_COMPARISONS = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def evaluate(program: Program, base: Mapping[str, Iterable[Fact]]) -> dict[str, set[Fact]]:
    """Every fact of every relation that follows from the base facts. Raises RuleError outside the subset."""
    reference = _Reference(program, base, ())
    return {name: reference.facts(name, len(info.columns)) for name, info in program.relations.items()}


def ask(program: Program, base: Mapping[str, Iterable[Fact]], question: str) -> query.Rows:
    """The answers to a question. Raises RuleError."""
    body = parser.parse_body(question.strip())
    columns = query.named_variables(body)
    reference = _Reference(program, base, ((body, columns),))
    return query.Rows(columns, reference.facts(query.ANSWER, len(columns)))


class _Reference:
    """One program in pyDatalog: relations are `p0`, `p1`, …; one without columns gets a constant one."""

    def __init__(self, program: Program, base: Mapping[str, Iterable[Fact]], questions: Iterable[Any]) -> None:
        self.found: list[Diagnostic] = []
        normalizer = normal.Normalizer({n: r.columns for n, r in program.relations.items()}, program.functions)
        for rule in program.rules:
            normalizer.add(rule)
        for body, columns in questions:
            normalizer.query(body, query.ANSWER, columns)
        clauses = [c for c in normalizer.clauses if c.head != normal.ASKED]
        self.number: dict[str, int] = {}
        arities = {name: len(info.columns) for name, info in program.relations.items()}
        arities.update({clause.head: len(clause.terms) for clause in clauses})
        for info in program.relations.values():
            wrong = next((t for t in info.types if t not in _TYPES), None)
            if wrong is not None:
                self.outside(f"a column of type {wrong}", info.place)
        for fold in normalizer.folds.values():
            self.outside(f"the aggregate `{fold.kind}`", fold.place)
        texts = [self.rule(clause) for clause in clauses if clause.goals]
        for clause in clauses:
            if not clause.goals:
                for term in clause.terms:
                    self.expression(term, {})
        if self.found:
            raise RuleError(self.found)
        pyDatalog.clear()
        for name, arity in arities.items():
            self.exists(name, arity)
        for clause in clauses:
            if not clause.goals:
                self.add(clause.head, tuple(self.value(term) for term in clause.terms))
        for name, facts in base.items():
            for fact in facts:
                self.add(name, fact)
        for text in texts:
            pyDatalog.load(text)

    def outside(self, what: str, place: Place) -> None:
        """Note something that pyDatalog is not asked to do."""
        hint = "leave --engine pydatalog away, or keep to symbols, integers, negation, comparisons and + - *"
        self.found.append(Diagnostic("pydatalog", f"{what} is outside of what pyDatalog shares with us", place, hint))

    def name(self, relation: str) -> str:
        """pyDatalog's name of a relation."""
        return f"p{self.number.setdefault(relation, len(self.number))}"

    def exists(self, relation: str, arity: int) -> None:
        """Make an empty predicate known: pyDatalog refuses questions about others."""
        blank = ("",) * max(arity, 1)
        pyDatalog.assert_fact(self.name(relation), *blank)
        pyDatalog.retract_fact(self.name(relation), *blank)

    def add(self, relation: str, fact: Fact) -> None:
        """One fact."""
        pyDatalog.assert_fact(self.name(relation), *(fact or ("",)))

    def facts(self, relation: str, arity: int) -> set[Fact]:
        """What pyDatalog derives."""
        wanted = ", ".join(f"X{i}" for i in range(max(arity, 1)))
        answer = pyDatalog.ask(f"{self.name(relation)}({wanted})")
        return set() if answer is None else {fact[:arity] for fact in answer.answers}

    # --- rules

    def rule(self, clause: Clause) -> str:
        """One clause as pyDatalog's Python text: positive atoms and comparisons in a safe order, negation last."""
        names = {v.name: f"V{i}" for i, v in enumerate(variables((clause.terms, *clause.goals)))}
        steps = [step.goal for step in plan.order(clause.goals)]
        goals = [goal for goal in steps if not isinstance(goal, Absent)]
        body = [self.goal(goal, names) for goal in (*goals, *(g for g in steps if isinstance(g, Absent)))]
        head = []
        for i, term in enumerate(clause.terms):
            if isinstance(term, Call):
                body.insert(len(goals), f"(H{i} == {self.expression(term, names)})")
                head.append(f"H{i}")
            else:
                head.append(self.expression(term, names))
        return f"{self.name(clause.head)}({', '.join(head) or repr('')}) <= {' & '.join(body)}"

    def goal(self, goal: Goal, names: dict[str, str]) -> str:
        if isinstance(goal, Match | Absent):
            terms = ", ".join(self.expression(term, names) for term in goal.terms) or repr("")
            return f"{'~' if isinstance(goal, Absent) else ''}{self.name(goal.relation)}({terms})"
        if isinstance(goal, Compare):
            left, right = self.expression(goal.left, names), self.expression(goal.right, names)
            if not isinstance(goal.left, Variable) and isinstance(goal.right, Variable):
                left, right = right, left
                turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(goal.operator, goal.operator)
                return f"({left} {_COMPARISONS[turned]} {right})"
            return f"({left} {_COMPARISONS[goal.operator]} {right})"
        what = getattr(goal, "builtin", "") or getattr(getattr(goal, "call", None), "function", "")
        if what:
            self.outside(f"`{what}`", goal.place)
        return ""

    def expression(self, node: Expression, names: dict[str, str]) -> str:
        if isinstance(node, Variable):
            return names[node.name]
        if isinstance(node, Constant) and node.type in ("symbol", "int"):
            return repr(node.value)
        if isinstance(node, Call) and node.function in ("+", "-", "*"):
            left, right = (self.expression(argument, names) for argument in node.arguments)
            return f"({left} {node.function} {right})"
        what = f"`{node.function}`" if isinstance(node, Call) else "this value"
        self.outside(what, getattr(node, "place", NOWHERE))
        return "0"

    def value(self, node: Expression) -> Any:
        """The constant of a fact of the text; arithmetic on constants included."""
        if isinstance(node, Call):
            left, right = map(self.value, node.arguments)
            return {"+": left + right, "-": left - right, "*": left * right}[node.function]
        assert isinstance(node, Constant)
        return node.value
