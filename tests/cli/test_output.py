from click.testing import CliRunner

from rulekube.cli.main import VERBS, exit_code, rulekube
from rulekube.cli.output import aligned
from rulekube.cli.why import render
from rulekube.errors import ApiError, ManifestError, RuleError, SetupError


def test_aligned_pads_columns_to_their_widest_cell():
    assert aligned(["name", "node"], [["web-1", "n1"], ["w", "n22"]]) == "NAME    NODE\nweb-1   n1\nw       n22"


def test_every_verb_has_help_with_an_example():
    for verb in VERBS:
        result = CliRunner().invoke(rulekube, [verb, "--help"])
        assert result.exit_code == 0, (verb, result.output)
        assert "Example" in result.output, verb


def test_help_lists_every_verb():
    result = CliRunner().invoke(rulekube, ["--help"])
    assert all(f"  {verb} " in result.output for verb in VERBS)


def test_exit_codes_tell_errors_apart():
    errors = [RuleError("r"), ApiError("NotFound", "m"), ManifestError("m"), SetupError("s"), KeyboardInterrupt()]
    assert [exit_code(error) for error in errors] == [5, 4, 5, 6, 130]


def test_why_draws_the_tree_with_rule_and_place():
    proof = {
        "fact": "path(1, 3)",
        "place": "p.dl:2",
        "premises": [
            {"fact": "path(1, 2)", "place": "p.dl:1", "premises": [{"fact": "edge(1, 2)"}]},
            {"fact": "edge(2, 3)"},
        ],
    }
    assert render(proof, None).splitlines() == [
        "path(1, 3)   [p.dl:2]",
        "├─ path(1, 2)   [p.dl:1]",
        "│  └─ edge(1, 2)",
        "└─ edge(2, 3)",
    ]


def test_why_says_what_a_depth_hides():
    proof = {"fact": "a", "premises": [{"fact": "b", "premises": [{"fact": "c"}]}]}
    assert render(proof, 2).splitlines() == ["a", "└─ b", "   └─ … 1 premises (--depth shows more)"]
