"""Why a fact holds: its proof, found backwards when asked and at no cost before.

The facts that a fact can follow from are collected, rule by rule, until nothing new is found; then each gets its height
(a base fact has 0, a derived one is one more than its highest premise) from the lowest up, as Knuth generalised
Dijkstra's algorithm. The proof takes, for every fact, a derivation of minimal height.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rulekube.engine import codegen, parser
from rulekube.engine.core import Absent, Clause, Lookup, Match
from rulekube.engine.errors import Diagnostic, RuleError, did_you_mean
from rulekube.engine.provenance_aggregates import aggregate_note
from rulekube.engine.syntax import Atom, Constant, Expression, Place, RefLiteral, Variable
from rulekube.engine.values import Fact, fact_key, show, show_fact
from rulekube.engine.why_not_state import State

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

Known = tuple[str, Fact]
Note = str | tuple[str, Fact, Any]
"""A text, or an aggregate with a group and its value."""


@dataclass(frozen=True)
class Proof:
    """A fact, the rule it follows by (empty for a base fact), where that is written, and the proofs of its premises.

    `notes` say what else the rule rests on: facts that are absent and values of aggregates.
    """

    relation: str
    fact: Fact
    rule: str = ""
    place: Place | None = None
    premises: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        """0 for a base fact."""
        return 1 + max((p.height for p in self.premises), default=0) if self.rule else 0

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The tree as indented lines."""
        source = f"   [{self.place}]" if self.rule else ""
        yield "  " * depth + show_fact(self.relation, self.fact) + source
        for note in self.notes:
            yield "  " * (depth + 1) + note
        for premise in self.premises:
            yield from premise.lines(depth + 1)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        """The tree as plain values."""
        return {
            "relation": self.relation,
            "fact": show_fact(self.relation, self.fact),
            "rule": self.rule,
            "place": str(self.place) if self.rule else "",
            "notes": list(self.notes),
            "premises": [p.to_dict() for p in self.premises],
        }


def why(network: Assembled, text: str) -> Proof | None:
    """The proof of a fact, or None where it does not hold. A text with variables means the first fact that fits.

    Raises RuleError where the text is not one fact.
    """
    known = matching(network, text)
    return prove(network, known[0]) if known else None


def prove(network: Assembled, known: Known) -> Proof:
    """The proof of a fact that holds."""
    return _Search(network, State(network)).proof(known)


def matching(network: Assembled, text: str) -> list[Known]:
    """The facts, in order, that a text such as `relation(1, "a", kind/name, X, _)` means."""
    columns = {name: info.columns for name, info in network.program.relations.items()}
    relation, arguments = read_atom(columns, text)
    given = [(i, a) for i, a in enumerate(arguments) if not isinstance(a, Variable)]
    solver = codegen.compile_solver((), tuple(a for _, a in given), (), network, "<fact>")
    wanted = [(i, value) for (i, _), value in zip(given, next(iter(solver())), strict=True)]
    rows = network.relation(relation).rows
    if len(wanted) == len(arguments):
        fact = tuple(value for _, value in wanted)
        return [(relation, fact)] if fact in rows else []
    same = [[i for i, a in enumerate(arguments) if a == b] for b in dict.fromkeys(arguments) if isinstance(b, Variable)]
    found = (
        fact
        for fact in rows
        if all(fact[i] == value for i, value in wanted)
        and all(fact[i] == fact[group[0]] for group in same for i in group)
    )
    return [(relation, fact) for fact in sorted(found, key=fact_key)]


def read_atom(relations: Mapping[str, tuple[str, ...]], text: str) -> tuple[str, tuple[Expression, ...]]:
    """The relation of a text that is one atom, and an argument for each of its columns. Raises RuleError."""
    body = parser.parse_body(text, "<fact>")
    atom = body[0]
    if len(body) != 1 or not isinstance(atom, Atom) or atom.relation not in relations:
        hint = did_you_mean(atom.relation, relations) if isinstance(atom, Atom) else ""
        message = f"`{text}` is not a fact of a declared relation"
        raise RuleError([Diagnostic("syntax", message, Place("<fact>", 1, 1), hint)])
    columns = relations[atom.relation]
    arguments = atom.arguments
    if atom.names is not None:
        given = dict(zip(atom.names, arguments, strict=True))
        arguments = tuple(given.get(column, Variable(f"_{column}")) for column in columns)
    if len(arguments) != len(columns):
        message = f"`{atom.relation}` takes {len(columns)} arguments, not {len(arguments)}"
        raise RuleError([Diagnostic("arity", message, atom.place, f"{atom.relation}({', '.join(columns)})")])
    return atom.relation, arguments


@dataclass
class _Derivation:
    clause: Clause
    head: Known
    premises: tuple[Known, ...]
    notes: tuple[Note, ...]
    waiting: int = 0


@dataclass
class _Search:
    """One search. `solvers` are compiled per clause as they are needed."""

    network: Assembled
    state: State
    solvers: dict[int, Callable[..., Iterable[Any]]] = field(default_factory=dict)
    derivations: dict[Known, list[_Derivation]] = field(default_factory=dict)
    users: dict[Known, list[_Derivation]] = field(default_factory=dict)
    best: dict[Known, _Derivation | None] = field(default_factory=dict)

    def proof(self, goal: Known) -> Proof:
        self._collect(goal)
        self._measure(goal)
        return self._build(goal)

    def _collect(self, goal: Known) -> None:
        open_ = [goal]
        while open_:
            known = open_.pop()
            if known in self.derivations:
                continue
            self.derivations[known] = found = list(self._derive(known))
            for derivation in found:
                for premise in dict.fromkeys(derivation.premises):
                    self.users.setdefault(premise, []).append(derivation)
                open_ += derivation.premises

    def _derive(self, known: Known) -> Iterator[_Derivation]:
        for i, clause in enumerate(self.network.clauses):
            if clause.head == known[0] and (clause.goals or known[0] not in self.network.entry):
                yield from self._by_clause(i, clause, known)

    def _by_clause(self, i: int, clause: Clause, known: Known) -> Iterator[_Derivation]:
        given = tuple(dict.fromkeys(t.name for t in clause.terms if isinstance(t, Variable)))
        values: dict[str, Any] = {}
        for term, value in zip(clause.terms, known[1], strict=True):
            if isinstance(term, Variable) and values.setdefault(term.name, value) != value:
                return
            if isinstance(term, Constant) and term.value != value:
                return
        if i not in self.solvers:
            wanted = _wanted(clause)
            self.solvers[i] = codegen.compile_solver(
                clause.goals, (*clause.terms, *wanted), given, self.network, str(clause.place)
            )
        width = len(clause.terms)
        for row in self.solvers[i](*(values[name] for name in given)):
            if row[:width] == known[1]:
                yield self._derivation(clause, known, row[width:])

    def _derivation(self, clause: Clause, known: Known, row: Fact) -> _Derivation:
        premises: list[Known] = []
        notes: list[Note] = []
        start = 0
        for goal in clause.goals:
            if isinstance(goal, Match | Absent):
                fact = row[start : start + len(goal.terms)]
                start += len(goal.terms)
                if isinstance(goal, Match):
                    premises.append((goal.relation, fact))
                else:
                    notes.append(f"not {self._absent(goal, fact)}")
            elif isinstance(goal, Lookup):
                end = start + len(goal.group)
                notes.append((goal.fold, row[start:end], row[end]))
                start = end + 1
        return _Derivation(clause, known, tuple(premises), tuple(notes))

    def _absent(self, goal: Absent, fact: Fact) -> str:
        if not goal.relation.startswith("$"):
            return show_fact(goal.relation, fact)
        clause = next(c for c in self.network.clauses if c.head == goal.relation)
        match = clause.goals[0]
        assert isinstance(match, Match)
        by_name = {t.name: v for t, v in zip(clause.terms, fact, strict=True) if isinstance(t, Variable)}
        shown = [
            show(by_name[t.name])
            if isinstance(t, Variable) and t.name in by_name
            else "_"
            if isinstance(t, Variable)
            else t.path
            if isinstance(t, RefLiteral)
            else show(t.value)
            for t in match.terms
        ]
        return f"{match.relation}({', '.join(shown)})"

    def _measure(self, goal: Known) -> None:
        """Settle facts by growing height until the goal is settled."""
        queue: list[tuple[int, int, Known, _Derivation | None]] = []
        serial = 0
        for known, found in self.derivations.items():
            if not found:
                queue.append((0, serial, known, None))
                serial += 1
            for one in found:
                one.waiting = len(set(one.premises))
                if not one.waiting:
                    queue.append((1, serial, known, one))
                    serial += 1
        heapq.heapify(queue)
        while queue:
            height, _, known, derivation = heapq.heappop(queue)
            if known in self.best:
                continue
            self.best[known] = derivation
            if known == goal:
                return
            for waiting in self.users.get(known, ()):
                waiting.waiting -= 1
                if not waiting.waiting:
                    heapq.heappush(queue, (height + 1, serial, waiting.head, waiting))
                    serial += 1

    def _build(self, known: Known) -> Proof:
        derivation = self.best[known]
        if derivation is None:
            return Proof(*known)
        rule = derivation.clause.rule
        text = rule.text if rule is not None else ""
        premises = tuple(self._build(p) for p in derivation.premises)
        return Proof(*known, text, derivation.clause.place, premises, tuple(map(self._note, derivation.notes)))

    def _note(self, note: Note) -> str:
        return note if isinstance(note, str) else aggregate_note(self.state, *note)


def _wanted(clause: Clause) -> list[Any]:
    """What a solver returns beyond the head: the arguments of every premise, and the values of aggregates."""
    wanted: list[Any] = []
    for goal in clause.goals:
        if isinstance(goal, Match | Absent):
            wanted += goal.terms
        elif isinstance(goal, Lookup):
            wanted += [*goal.group, goal.target]
    return wanted
