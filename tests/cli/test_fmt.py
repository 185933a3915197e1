"""`rulekube fmt`: prints, checks, shows and writes."""

import json

from click.testing import CliRunner

from rulekube.cli.fmt import command

UGLY, PRETTY = "a( X ):-b(X,_).\n", "a(X) :- b(X, _).\n"


def run(*arguments, **options):
    return CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False, **options)


def test_it_prints(tmp_path):
    (tmp_path / "a.dl").write_text(UGLY)
    assert run(tmp_path).output == PRETTY
    assert run("-", input=UGLY).output == PRETTY


def test_it_checks_and_writes(tmp_path):
    file = tmp_path / "a.dl"
    file.write_text(UGLY)
    checked = run("--check", file, "-o", "json")
    assert checked.return_value == 1
    assert json.loads(checked.output) == {"files": 1, "changed": [str(file)]}
    shown = run("--diff", file)
    assert shown.return_value == 1
    assert f"-{UGLY}+{PRETTY}" in shown.output
    assert file.read_text() == UGLY
    assert run("-w", file).return_value == 0
    assert file.read_text() == PRETTY
    assert run("--check", file).return_value == 0
