"""A program and its running network: the checks, the base facts, the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rulekube.engine import analysis, codegen, normal, strata, typing
from rulekube.engine.aggregates import FoldState
from rulekube.engine.analysis import Program
from rulekube.engine.core import Clause, Goal
from rulekube.engine.delta import Changes
from rulekube.engine.errors import Diagnostic, EvaluationError, RuleError, did_you_mean
from rulekube.engine.function import Function
from rulekube.engine.incremental import Consumer, Network, RelationNode, in_rule
from rulekube.engine.recorder import Delta, Recorder
from rulekube.engine.recursion import RecursiveNode
from rulekube.engine.relation import Relation
from rulekube.engine.syntax import Module
from rulekube.engine.values import Fact, Ref, show_fact
from rulekube.engine.views import Views
from rulekube.engine.wiring import Changed, Wiring

_GROWTH = 8
"""Rules are planned anew when there are so many times more facts than when they were planned."""
_SMALL = 1000

Facts = Mapping[str, Iterable[Sequence[Any]]]


class Assembled(Network):
    """A network together with the program it runs; the environment of its compiled rules."""

    def __init__(self, resolve: Callable[[str], Ref | None] | None, recorder: Recorder | None = None) -> None:
        super().__init__()
        self._recorder = recorder
        self.program = Program({}, (), {})
        self.clauses: list[Clause] = []
        self.views = Views()
        self._viewed: dict[str, tuple[int, Relation]] = {}
        self._resolve = resolve
        self._functions: Mapping[str, Function] = {}
        self._relations: dict[str, Relation] = {}
        self.folds: dict[str, FoldState] = {}
        self.entry: dict[str, RelationNode] = {}
        self._given: dict[str, dict[Fact, None]] = {}
        self.queries: dict[str, Any] = {}
        self._planned_for = _SMALL
        self.replan_at = _SMALL
        """The count of touched facts at which to look whether to plan anew."""
        self._wiring = Wiring(self)

    def adopt(self, program: Program, normalizer: normal.Normalizer) -> Changed:
        """Run another program from now on, keeping what it does not change; returns (inserted, retracted) by relation.

        After an error the network is unusable.
        """
        self.queries.clear()
        self._functions = program.functions
        before = self.views
        changed = self._wiring.adopt(program, normalizer)
        unkept = before.definitions.keys() | self.views.definitions.keys()
        return {name: facts for name, facts in changed.items() if name not in unkept}

    @property
    def keeps_all(self) -> bool:
        """Whether every relation is kept, for somebody watches the rules."""
        return self._recorder is not None

    # --- the environment of compiled rules

    def relation(self, name: str) -> Relation:
        """The facts of a relation, made empty when first asked for; those of a view as they are now."""
        if name in self.views.definitions:
            return self._evaluated(name)
        found = self._relations.get(name)
        if found is None:
            found = self._relations[name] = Relation(name)
        return found

    def _evaluated(self, view: str) -> Relation:
        version, found = self._viewed.get(view, (-1, None))
        if found is None or version != self.version:
            found = Relation(view)
            codegen.compile_full(self.views.definitions[view], self)((), 1, found.rows)
            self._viewed[view] = (self.version, found)
        return found

    def expand(self, goals: Sequence[Goal]) -> tuple[Any, ...]:
        """The goals, with the definitions of relations that are not kept in their places."""
        return self.views.expand(goals)

    def expected(self, relation: str, columns: tuple[int, ...]) -> float:
        """How many facts of a relation are expected to match when these columns are bound."""
        return self.relation(relation).expected(columns)

    def fold_values(self, name: str) -> tuple[dict[Any, Any], Any]:
        """The values of an aggregate by group, and the value of an empty group."""
        state = self.folds[name]
        return state.values, state.empty

    def function(self, name: str) -> Callable[..., Any]:
        """A function by name."""
        return self._functions[name].call

    def resolve(self, path: str) -> Ref:
        """The current object of this path; without one, a ref that no object has."""
        found = self._resolve(path) if self._resolve is not None else None
        return Ref(path) if found is None else found

    def at_rule(self) -> str:
        """The rule that derived what is being settled: the last one of a component, the first one of a relation."""
        if isinstance(self.settling, RecursiveNode):
            return in_rule(self.running)
        relation = getattr(self.settling, "relation", None)
        made = (c for c in self.clauses if relation is not None and c.head == relation.name and c.goals)
        return in_rule(next(made, None))

    def compile_feed(self, consumers: list[Consumer], name: str) -> Callable[[Sequence[Fact], int], None]:
        """One function that runs changed facts of a relation through all these rules."""
        if self._recorder is not None:
            return lambda changed, sign: _each(consumers, changed, sign)
        return codegen.compile_feed(consumers, self, f"rules that read {name}")

    def compile_delta(self, clause: Clause, position: int) -> Delta:
        """The function for changed facts of one goal."""
        return self._watched(clause, codegen.compile_delta(clause, position, self))

    def compile_full(self, clause: Clause) -> Delta:
        """The function that derives the head from nothing."""
        return self._watched(clause, codegen.compile_full(clause, self))

    def _watched(self, clause: Clause, made: Delta) -> Delta:
        return made if self._recorder is None else self._recorder.watched(clause, made)

    def replan(self) -> None:
        """Plan rules anew when next fed, should the facts have grown so much that other orders may be better."""
        size = sum(len(relation.rows) for relation in self._relations.values())
        self.replan_at = self.touched + max(size, _SMALL)
        if size > _GROWTH * self._planned_for:
            self._planned_for = max(size, _SMALL)
            for relation in self._relations.values():
                for picked in relation.picks.values():
                    picked.choose()
            self._wiring.replan()

    # --- base facts

    def retract_and_insert(self, retract: Facts, insert: Facts) -> None:
        """Make the changes of base facts pending. Raises EvaluationError for a fact that does not fit."""
        self.log.clear()
        try:
            for name, facts in insert.items():
                wanted = dict.fromkeys(self._checked(name, facts), 1)
                if name in retract:
                    for fact in self._checked(name, retract[name]):
                        wanted.setdefault(fact, -1)
                self._pend(name, wanted)
            for name, facts in retract.items():
                if name not in insert:
                    self._pend(name, dict.fromkeys(self._checked(name, facts), -1))
        except TypeError as error:
            self.abandon()
            raise EvaluationError(f"a fact holds a value that is none ({error}); JSON is wrapped by to_json") from error
        except BaseException:
            self.abandon()
            raise

    def given(self, name: str) -> list[Fact]:
        """The facts of a base relation that were committed (not those that the text states)."""
        if name in self._given:
            return list(self._given[name])
        return list(self.relation(name).rows) if name in self.entry else []

    def all_given(self) -> dict[str, list[Fact]]:
        """All committed facts, those included that a failed `adopt` has taken back."""
        return {**{name: self.given(name) for name in self.entry}, **self._wiring.taken}

    def taken(self) -> dict[str, list[Fact]]:
        """Committed facts of relations that the last `adopt` has left without any."""
        return dict(self._wiring.taken)

    def _pend(self, name: str, wanted: dict[Fact, int]) -> None:
        node = self.entry[name]
        kept = self._given.get(name)
        present: Mapping[Fact, Any] = node.relation.rows if kept is None else kept
        changed = {fact: sign for fact, sign in wanted.items() if (sign > 0) != (fact in present)}
        if not changed:
            return
        node.pending.update(changed)
        if kept is not None:
            _toggle(kept, changed, 1)
            self.log.append((_toggle, kept, changed, -1))
        self.push(node)

    def _checked(self, name: str, facts: Iterable[Sequence[Any]]) -> Iterable[Fact]:
        """The facts as tuples of the right length."""
        if name not in self.entry:
            raise EvaluationError(self._refusal(name))
        columns = self.program.relations[name].columns
        arity = len(columns)
        rows = [fact if type(fact) is tuple else tuple(fact) for fact in facts]
        for row in rows:
            if len(row) != arity:
                raise EvaluationError(f"{show_fact(name, row)} does not fit {name}({', '.join(columns)})")
        return rows

    def _refusal(self, name: str) -> str:
        if name in self.program.relations:
            return f"relation `{name}` is derived by rules; facts cannot be inserted or retracted"
        return f"relation `{name}` is not declared; {did_you_mean(name, self.entry) or 'declare it with .decl'}"

    # --- answers

    def changes(self, changed: Mapping[str, tuple[list[Fact], list[Fact]]]) -> Changes:
        """The changes of declared relations."""
        found = Changes()
        for name, (inserted, retracted) in changed.items():
            if name[0] != "$":
                if inserted:
                    found.inserted[name] = inserted
                if retracted:
                    found.retracted[name] = retracted
        return found

    def state_given(self, name: str) -> None:
        """The text states facts of this base relation, so committed ones are told apart."""
        if name not in self._given:
            self._given[name] = dict.fromkeys(self.relation(name).rows)

    def forget_given(self, name: str) -> None:
        """The relation takes no facts any more."""
        self._given.pop(name, None)


def _each(consumers: Iterable[Consumer], changed: Sequence[Fact], sign: int) -> None:
    for consumer in consumers:
        effect = sign * consumer.sign
        consumer.delta(changed, effect, consumer.gained if effect > 0 else consumer.lost)


def _toggle(kept: dict[Fact, None], changed: Mapping[Fact, int], sign: int) -> None:
    for fact, change in changed.items():
        if change * sign > 0:
            kept[fact] = None
        else:
            del kept[fact]


def check(modules: Sequence[Module], functions: Mapping[str, Function]) -> tuple[Program, normal.Normalizer]:
    """All checks of a program. Raises RuleError with every diagnostic."""
    program, found = analysis.assemble(modules, functions)
    normalizer = normal.Normalizer({n: r.columns for n, r in program.relations.items()}, functions)
    for rule in analysis.sound(program) if found else program.rules:
        normalizer.add(rule)
    found += analysis.check_safety(normalizer.clauses)
    found += strata.check(strata.graph(normalizer.clauses, normalizer.folds.values()))
    wrong = {(d.place.file, d.place.line) for d in found}
    clashes = typing.check(program, normalizer.clauses, normalizer.folds)
    found += [d for d in clashes if (d.place.file, d.place.line) not in wrong]
    slips = [slip for module in modules for slip in module.slips]
    if found or slips:
        raise RuleError(with_lines([*found, *slips], modules))
    return program, normalizer


def with_lines(found: Iterable[Diagnostic], modules: Iterable[Module]) -> list[Diagnostic]:
    """The diagnostics with their source lines."""
    sources = {module.name: module.source.split("\n") for module in modules}
    lined = []
    for diagnostic in found:
        lines = sources.get(diagnostic.place.file, [])
        line = lines[diagnostic.place.line - 1] if 0 < diagnostic.place.line <= len(lines) else ""
        lined.append(dataclasses.replace(diagnostic, line=line))
    return lined
