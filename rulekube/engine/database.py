"""The engine's door: a program and its facts.

`Database` parses, checks and compiles rule packs, keeps the network of relations, and answers commits, queries and
explanations. It does no I/O besides reading the rule files it is given, and has no clock.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rulekube.engine import analysis, assembly, explanation, normal, provenance, query
from rulekube.engine.analysis import Program
from rulekube.engine.assembly import Assembled
from rulekube.engine.builtins import FUNCTIONS
from rulekube.engine.delta import Changes
from rulekube.engine.errors import RuleError
from rulekube.engine.function import Function
from rulekube.engine.hypothetical import adopted, assumed, guarded
from rulekube.engine.packs import Packs
from rulekube.engine.recorder import Recorder
from rulekube.engine.standing import Standing, StandingQuestions
from rulekube.engine.syntax import Mapping as InputMapping
from rulekube.engine.values import Fact, Ref, fact_key
from rulekube.engine.why_not import WhyNot
from rulekube.engine.why_not_views import Defined

Facts = Mapping[str, Iterable[Sequence[Any]]]
Resolve = Callable[[str], Ref | None]
Overdue = Callable[[], bool]
"""Says whether the caller's deadline is past; the engine has no clock."""
Checked = tuple[Program, normal.Normalizer]


class Database:
    """A checked program with its facts, kept at the fixpoint.

    Made by `from_source` or `from_files`. Not thread-safe: one caller at a time.
    """

    def __init__(
        self,
        packs: Packs,
        functions: Sequence[Function],
        resolve_ref: Resolve | None,
        recorder: Recorder | None = None,
        limit: float = math.inf,
    ) -> None:
        self._recorder = recorder
        self._functions = {**FUNCTIONS, **{f.name: f for f in functions}}
        self._resolve = resolve_ref
        self._packs = packs
        self._views = Defined(self._functions)
        self._standing = StandingQuestions()
        self._checked = assembly.check(packs.modules(), self._functions)
        with _uncollected():
            self._network = self._fresh({}, limit)

    @classmethod
    def from_source(
        cls,
        text: str,
        name: str = "<text>",
        functions: Sequence[Function] = (),
        resolve_ref: Resolve | None = None,
        recorder: Recorder | None = None,
        limit: float = math.inf,
    ) -> Database:
        """A database of one text. Raises RuleError with everything that is wrong in it; `limit` as in `commit`."""
        packs = Packs()
        packs.add(name, text)
        return cls(packs, functions, resolve_ref, recorder, limit)

    @classmethod
    def from_files(
        cls,
        paths: Iterable[str | Path],
        functions: Sequence[Function] = (),
        resolve_ref: Resolve | None = None,
        recorder: Recorder | None = None,
        limit: float = math.inf,
    ) -> Database:
        """A database of rule files; what they include is read once. `limit` as in `commit`."""
        packs = Packs()
        for path in paths:
            packs.add_file(Path(path))
        return cls(packs, functions, resolve_ref, recorder, limit)

    # --- the program

    @property
    def program(self) -> Program:
        """The declared relations and the rules."""
        return self._network.program

    def inputs(self) -> list[InputMapping]:
        """The mappings of all `.input` declarations."""
        return [r.mapping for r in self.program.relations.values() if r.mapping is not None]

    def actions(self) -> list[str]:
        """The names of the `.action` relations, sorted."""
        return sorted(name for name, r in self.program.relations.items() if r.actuator)

    def load(self, name: str, text: str, limit: float = math.inf, overdue: Overdue | None = None) -> Changes:
        """Add the pack `name`, or replace it; returns what changes in the conclusions. On RuleError nothing changes.

        `limit` and `overdue` bound the work as in `commit`; only what the pack changes is derived. A text reads no
        files: it may not include any.
        """
        packs = self._packs.copy()
        packs.add(name, text, reads=False)
        with _uncollected():
            return self._replace(packs, limit, overdue)

    def what_if_pack(self, name: str, text: str, limit: float = math.inf, overdue: Overdue | None = None) -> Changes:
        """What `load` would change in the conclusions; nothing is loaded. Raises RuleError as `load` does."""
        packs = self._packs.copy()
        packs.add(name, text, reads=False)
        checked = assembly.check(packs.modules(), self._functions)
        network = self._network
        fitting = self._standing.without(*self._standing.unfit(checked[0]))
        there = (checked[0], fitting.added(checked[1]))
        back = (self._checked[0], self._standing.added(self._checked[1]))
        with _uncollected():
            try:
                return adopted(network, there, back, network.changes, (limit, overdue))
            except BaseException:
                self._network = self._fresh(network.all_given())
                raise

    def unload(self, name: str) -> Changes:
        """Take the pack `name` away; returns what changes in the conclusions."""
        packs = self._packs.copy()
        packs.remove(name)
        with _uncollected():
            return self._replace(packs)

    def _replace(self, packs: Packs, limit: float = math.inf, overdue: Overdue | None = None) -> Changes:
        checked = assembly.check(packs.modules(), self._functions)
        unfit = self._standing.unfit(checked[0])
        changes = self._adopt(checked, self._standing.without(*unfit), limit, overdue)
        for standing, error in unfit.items():
            standing.error = error
        self._packs = packs
        return changes

    def _adopt(
        self,
        checked: Checked,
        questions: StandingQuestions,
        limit: float = math.inf,
        overdue: Overdue | None = None,
    ) -> Changes:
        """Run this program with these questions from now on; after an error everything is as it was."""
        network = self._network
        try:
            network.allowed, network.overdue = network.touched + limit, overdue
            changed = guarded(lambda: network.adopt(checked[0], questions.added(checked[1])))
        except BaseException:
            self._network = self._fresh(network.all_given())
            raise
        finally:
            network.allowed, network.overdue = math.inf, None
        self._checked, self._standing = checked, questions
        questions.note(changed)
        return network.changes(changed)

    def _fresh(self, given: Facts, limit: float = math.inf) -> Assembled:
        """A network of the packs as they are, with these base facts."""
        network = Assembled(self._resolve, self._recorder)
        network.allowed = limit
        guarded(lambda: network.adopt(self._checked[0], self._standing.added(self._checked[1])))
        network.retract_and_insert({}, {name: facts for name, facts in given.items() if name in network.entry})
        guarded(network.settle)
        network.allowed = math.inf
        network.log.clear()
        return network

    # --- facts

    def commit(
        self,
        insert: Facts | None = None,
        retract: Facts | None = None,
        limit: float = math.inf,
        overdue: Overdue | None = None,
    ) -> Changes:
        """Retract, then insert, and derive to the fixpoint. Atomic: after an error the database is as it was.

        Inserting what is there or retracting what is not changes nothing. Raises EvaluationError for a fact that does
        not fit its declaration, for a function that fails, where more than `limit` facts would be handed to rules, and
        once `overdue`, asked after each step, says that the caller's deadline is past. The error names the rule.
        """
        network = self._network
        with _uncollected():
            try:
                network.allowed, network.overdue = network.touched + limit, overdue
                network.retract_and_insert(retract or {}, insert or {})
                changed = guarded(network.settle)
                changes = network.changes(changed)
                network.log.clear()
            finally:
                network.allowed, network.overdue = math.inf, None
            if network.touched >= network.replan_at:
                network.replan()
        self._standing.note(changed)
        return changes

    def what_if(
        self,
        insert: Facts | None = None,
        retract: Facts | None = None,
        limit: float = math.inf,
        overdue: Overdue | None = None,
    ) -> Changes:
        """What `commit` would change; nothing is committed."""
        with assumed(self._network, insert or {}, retract or {}, limit, overdue) as changed:
            return self._network.changes(changed)

    def facts(self, relation: str) -> list[Fact]:
        """The present facts of a relation, sorted."""
        self._known(relation)
        return sorted(self._network.relation(relation).rows, key=fact_key)

    def views(self) -> frozenset[str]:
        """The relations that are not kept: nobody but one rule needs them. Their facts are derived when asked for, and
        commits do not tell their changes."""
        return frozenset(self._network.views.definitions)

    def query(self, text: str) -> query.Rows:
        """The answers to a body: tuples of its variables' values, in the order in which they are mentioned."""
        return query.run(self._network, text)

    def standing(self, text: str, limit: float = math.inf) -> Standing:
        """Put a question that stays: `.rows` are its answers at any time, `.changes()` what came and went since last.

        It is maintained like a derived relation until it is closed. Raises RuleError; `limit` as in `commit`.
        """
        standing = self._standing.new(self.program, text, self._end_standing)
        with _uncollected():
            self._adopt(self._checked, self._standing.including(standing), limit)
        standing.changes()  # its first answers are no news
        return standing

    def _end_standing(self, standing: Standing) -> None:
        if standing in self._standing:
            with _uncollected():
                self._adopt(self._checked, self._standing.without(standing))

    def waiting(self) -> list[int]:
        """The times that `elapsed` literals ask for and that are not facts yet, sorted."""
        network = self._network
        elapsed = network.relation("elapsed").rows
        return sorted(fact[0] for fact in network.relation(normal.ASKED).rows if fact not in elapsed)

    def forgotten(self) -> list[int]:
        """The times that are `elapsed` facts although no literal asks for them any more, sorted: whoever owns the clock
        may retract them, and nothing follows."""
        network = self._network
        asked = network.relation(normal.ASKED).rows
        return sorted(fact[0] for fact in network.relation("elapsed").rows if fact not in asked)

    # --- explanations

    def define(self, name: str, text: str) -> None:
        """Add relations for questions only: nothing keeps them; `why` and `why_not` work them out when asked."""
        self._views.add(name, text)

    def why(
        self, fact: str, without: Sequence[str] = (), *, insert: Facts | None = None, retract: Facts | None = None
    ) -> provenance.Proof | None:
        """A proof of minimal height of a fact, or None where it does not hold.

        `without` names base facts: the proof is then of the state without them, and nothing is committed; `insert` and
        `retract` assume further changes. Variables in the texts stand for any value: the first fact that fits is
        proved, all facts that fit are left out.
        """
        with self._supposed(without, insert, retract):
            return explanation.why(self._network, self._views.compiled(self._network, self._packs), fact)

    def why_not(
        self,
        fact: str,
        without: Sequence[str] = (),
        *,
        insert: Facts | None = None,
        retract: Facts | None = None,
        **asked: Any,
    ) -> WhyNot:
        """Why no fact fits the text: every rule that could derive it, all literals that fail, and what would mend it.

        The hypothetical state is given as to `why`; `asked` are the fields of `explanation.Asked`.
        """
        with self._supposed(without, insert, retract):
            views = self._views.compiled(self._network, self._packs)
            return explanation.why_not(self._network, views, fact, explanation.Asked(**asked))

    def read_facts(self, texts: Iterable[str]) -> dict[str, list[Fact]]:
        """Facts written as in a rule file, by relation: what `insert` and `retract` take."""
        return explanation.read_facts(self._network, texts)

    @contextmanager
    def _supposed(self, without: Sequence[str], insert: Facts | None, retract: Facts | None) -> Iterator[None]:
        gone: dict[str, list[Any]] = {name: list(facts) for name, facts in (retract or {}).items()}
        for text in without:
            for relation, found in provenance.matching(self._network, text):
                gone.setdefault(relation, []).append(found)
        if not gone and not insert:
            yield
            return
        with assumed(self._network, insert or {}, gone):
            yield

    @property
    def size(self) -> int:
        """How many base facts there are."""
        return sum(len(self._network.given(name)) for name in self.program.relations)

    @property
    def touched(self) -> int:
        """How many facts were handed to compiled rules so far: the work done, for tests and benches."""
        return self._network.touched

    def _known(self, relation: str) -> None:
        if relation not in self.program.relations:
            raise RuleError([analysis.undeclared(relation, self.program.relations)])


class _uncollected:  # noqa: N801 - reads as the statement it is: `with _uncollected():`
    """Keep the cyclic collector off: facts are flat tuples, and its passes over them are what makes commits slow."""

    __slots__ = ("_was",)

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_error: object) -> None:
        if self._was:
            gc.enable()
