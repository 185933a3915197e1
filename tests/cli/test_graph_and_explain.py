"""`rulekube graph` and `rulekube explain`: text, JSON, Graphviz."""

import json

import pytest
from click.testing import CliRunner

from rulekube.cli import explain, graph
from rulekube.engine import RuleError

PROGRAM = """.decl edge(a: symbol, b: symbol)
.decl path(a: symbol, b: symbol)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl end(a: symbol)
end(X) :- path(_, X), not edge(X, _).
"""


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "p.dl"
    path.write_text(PROGRAM)
    return path


def test_graph_as_text(file):
    assert run(graph.command, "--alone", file).splitlines() == [
        "stratum 0",
        "  edge (base)",
        "  path <- edge, path   recursive",
        "stratum 1",
        "  end <- not edge, path",
    ]


def test_graph_for_graphviz_and_programs(file):
    drawn = run(graph.command, "--alone", file, "-o", "dot")
    assert drawn.startswith("digraph rules {") and '"edge" -> "end" [style=dashed, label="not"];' in drawn
    plain = json.loads(run(graph.command, "--alone", file, "--relation", "path", "-o", "json"))
    assert [r["name"] for r in plain["relations"]] == ["edge", "path"]


def test_a_relation_is_suggested(file):
    with pytest.raises(RuleError, match="did you mean `path`"):
        run(graph.command, "--alone", file, "--relation", "paht")


def test_explain(file):
    text = run(explain.command, "--alone", file, "end")
    assert "not edge(X, _)   absent, by hash" in text and "stratum 1" in text
    plain = json.loads(run(explain.command, "--alone", file, "-o", "json"))
    assert plain["indexes"] == {"edge": [["a"]], "path": [["b"]]}
    assert plain["rules"][1]["plans"][1]["changed"] == "path(X, Y)"
    assert run(explain.command, "--alone", file, "-o", "dot").count("subgraph") == len(plain["rules"])
