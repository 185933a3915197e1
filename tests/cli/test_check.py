"""`rulekube check`: warnings of one's own files, strict or not."""

import json

from click.testing import CliRunner

from rulekube.cli.check import command

POLICY = """.decl lonely(pod: ref)
.output lonely
lonely(Pod) :- pod(pod: Pod, namespace: Ns), not pod_node(Pod, _).
bind(Pod, "n1", null) :- lonely(Pod).
"""


def run(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)


def test_a_policy_is_warned_of_the_cluster_it_meets(tmp_path):
    file = tmp_path / "policy.dl"
    file.write_text(POLICY)
    plain = json.loads(run(file, "-o", "json").output)
    assert plain["ok"] and {(w["code"], w["line"]) for w in plain["warnings"]} == {
        ("unused-variable", 3),
        ("payload-conflict", 4),
    }
    assert all(w["file"] == str(file) for w in plain["warnings"])
    assert run(file, "--strict").return_value == 1
    assert "warning: " in run(file).output and run(file).return_value == 0


def test_a_comment_allows(tmp_path):
    file = tmp_path / "policy.dl"
    file.write_text(POLICY.replace("lonely(Pod) :-", "// allow unused-variable: told\nlonely(Pod) :-"))
    assert [w["code"] for w in json.loads(run(file, "-o", "json").output)["warnings"]] == ["payload-conflict"]
