"""The plan that is shown is the one that is compiled; the dependency graph's strata are those of the negations."""

import pytest

from rulekube import rules
from rulekube.cli.program import Source
from rulekube.engine import codegen, dependencies, planning
from rulekube.engine.aggregates import FoldState
from rulekube.engine.relation import Relation

PROGRAM = """
.decl edge(a: symbol, b: symbol)
.decl path(a: symbol, b: symbol)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl lonely(a: symbol, n: int)
lonely(X, N) :- edge(X, _), not path(_, X), N = count : { path(X, Y), edge(Y, _) }, N < 3.
.action drop(a: symbol) key(a) by objects
drop(X) :- lonely(X, 0).
"""


class Compiling:
    """An environment that only remembers which indexes compiled rules ask for."""

    def __init__(self, source):
        self.relations = {}
        self.folds = {n: FoldState(f) for n, f in source.normalizer.folds.items()}
        self.functions = source.program.functions

    def relation(self, name):
        return self.relations.setdefault(name, Relation(name))

    def fold_values(self, name):
        return self.folds[name].values, self.folds[name].empty

    def function(self, name):
        return self.functions[name].call

    def expected(self, relation, columns):
        return 0

    def resolve(self, path):
        return path

    def expand(self, goals):
        return tuple(goals)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "p.dl").write_text(PROGRAM)
    return Source([tmp_path / "p.dl"], alone=True)


def plan_of(source):
    clauses, folds = source.normalizer.clauses, source.normalizer.folds
    return planning.planned(source.program, clauses, folds, clauses)


def test_the_indexes_shown_are_those_compiled(source):
    for one in (source, Source(rules.paths(rules.SCHEDULER), alone=True)):
        world = Compiling(one)
        for clause in one.normalizer.clauses:
            if clause.goals:
                codegen.compile_full(clause, world)
            for position, goal in enumerate(clause.goals):
                if codegen.relation_of(goal):
                    codegen.compile_delta(clause, position, world)
        columns = {n: info.columns for n, info in one.program.relations.items()}
        compiled = {
            name: {tuple(columns[name][i] for i in index) for index in relation.indexes}
            for name, relation in world.relations.items()
            if name in columns and relation.indexes
        }
        shown = {n: set(i) for n, i in plan_of(one).indexes.items() if n in columns}
        assert shown == compiled


def test_a_rule_has_a_plan_for_each_literal_that_may_change(source):
    second = plan_of(source).rules[1]
    assert (second.head, second.place.line) == ("path(X, Z)", 5)
    assert [(o.changed, [(s.literal, s.access) for s in o.steps]) for o in second.orders] == [
        ("", [("path(X, Y)", "all facts"), ("edge(Y, Z)", "index (a)")]),
        ("path(X, Y)", [("edge(Y, Z)", "index (a)")]),
        ("edge(Y, Z)", [("path(X, Y)", "index (b)")]),
    ]


def test_the_graph_knows_strata_negation_and_recursion(source):
    whole = dependencies.graph(source.program, source.normalizer.clauses, source.normalizer.folds)
    assert {(n.name, n.role, n.stratum, n.recursive) for n in whole.nodes} == {
        ("edge", "base", 0, ()),
        ("elapsed", "base", 0, ()),
        ("path", "derived", 0, ("path",)),
        ("lonely", "derived", 1, ()),
        ("drop", "action", 1, ()),
    }
    assert {(e.source, e.how) for e in whole.edges if e.target == "lonely"} == {
        ("edge", ""),
        ("path", "not"),
        ("edge", "count"),
        ("path", "count"),
    }
    assert {n.name for n in dependencies.part(whole, "path").nodes} == {"edge", "path"}


def test_relations_that_are_not_kept_are_marked(tmp_path):
    lines = [".decl has(o: int, r: int)", ".decl needs(s: int, r: int)", ".decl pair(s: int, o: int)"]
    lines += ["pair(S, O) :- needs(S, R), has(O, R).", ".decl lacking(s: int, o: int)"]
    lines += ["lacking(S, O) :- pair(S, O), needs(S, R), not has(O, R).", ".decl ok(s: int, o: int)", ".output ok"]
    lines += ["ok(S, O) :- pair(S, O), not lacking(S, O)."]
    (tmp_path / "p.dl").write_text("\n".join(lines))
    found = plan_of(Source([tmp_path / "p.dl"], alone=True))
    assert {rule.relation: rule.kept for rule in found.rules} == {"pair": "view", "lacking": "view", "ok": "checked"}
