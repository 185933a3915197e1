"""Live relations asked in pyDatalog's Python syntax."""

import pytest
from pyDatalog import pyDatalog, pyEngine

from rulekube.engine import Database, Ref
from rulekube.pydatalog import connected, connected_to_cluster

TEXT = """
.decl edge(a: symbol, b: symbol)
.decl path(a: symbol, b: symbol)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl on(pod: ref, node: symbol)
"""


def answers(question: str) -> set:
    answer = pyDatalog.ask(question)
    return set() if answer is None else set(answer.answers)


def test_a_databases_relations_are_asked_as_they_are_now():
    pyDatalog.clear()
    db = Database.from_source(TEXT)
    db.commit(insert={"edge": [("a", "b"), ("b", "c")], "on": [(Ref("pod/shop/cart", "1"), "n1")]})
    with connected(db):
        assert answers("path('a', X)") == {("b",), ("c",)}
        assert answers("on(P, 'n1')") == {("pod/shop/cart",)}
        assert answers("path('c', X)") == set()
        db.commit(insert={"edge": [("c", "d")]})
        assert answers("path('c', X)") == {("d",)}
        pyDatalog.load("both(X) <= path('a', X) & path(X, 'd')")
        assert answers("both(X)") == {("b",), ("c",)}
    assert not [key for key in pyEngine.Python_resolvers if key.startswith(("path/", "edge/", "on/"))]


def test_a_clusters_relations_are_asked_through_its_client():
    pyDatalog.clear()
    asked = []

    def ask(question: str) -> list:
        asked.append(question)
        return [["pod/shop/cart", "n1"], ["pod/shop/web", "n2"]]

    with connected_to_cluster(ask, [("pod_node", 2)]):
        assert answers("pod_node(P, 'n2')") == {("pod/shop/web",)}
    assert asked == ["pod_node(X0, X1)"]


def test_two_connections_do_not_mix():
    db = Database.from_source(TEXT)
    with connected(db), pytest.raises(RuntimeError, match="resolves edge/2 already"), connected(db):
        pass
