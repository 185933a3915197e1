"""Cases as data, and the manual's examples.

`errors/x.dl` must give `x.err`; `language/x.dl` must give, for its `.output` relations, the facts of `x.out` under both
evaluators. With RK_UPDATE_CASES=1 the goldens are written anew: read the difference.
"""

import os
import re
from pathlib import Path

import pytest

from rulekube.engine import Database, RuleError, naive, show_fact

ROOT = Path(__file__).parent.parent.parent
CASES = ROOT / "tests" / "cases"


def golden(path: Path, text: str) -> None:
    if os.environ.get("RK_UPDATE_CASES"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def outputs(db: Database, state: dict | None = None) -> str:
    names = [name for name, info in db.program.relations.items() if info.output]
    facts = db.facts if state is None else lambda name: state[name]
    return "".join(sorted(f"{show_fact(name, fact)}\n" for name in names for fact in facts(name)))


@pytest.mark.parametrize("path", sorted((CASES / "errors").glob("*.dl")), ids=lambda p: p.stem)
def test_errors(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(RuleError) as caught:
        Database.from_files([path.name])
    golden(path.with_suffix(".err"), f"{caught.value}\n")
    places = [d.place for d in caught.value.diagnostics]
    assert places == sorted(places)


@pytest.mark.parametrize("path", sorted((CASES / "language").glob("*.dl")), ids=lambda p: p.stem)
def test_language(path):
    db = Database.from_files([path])
    golden(path.with_suffix(".out"), outputs(db))
    assert outputs(db, naive.evaluate(db.program, {})) == outputs(db)


MANUAL = (ROOT / "docs" / "language.md").read_text("utf-8")
EXAMPLES = re.findall(r"```dl\n(.*?)```(?:\s*```result\n(.*?)```)?", MANUAL, re.DOTALL)


@pytest.mark.parametrize(("program", "result"), EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_the_manuals_examples(program, result):
    db = Database.from_source(program)
    if result:
        assert outputs(db) == result
        assert outputs(db, naive.evaluate(db.program, {})) == result


@pytest.mark.parametrize("source", re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL))
def test_the_manuals_python(source):
    exec(compile(source, "language.md", "exec"), {})


def test_the_manual_names_every_error_code():
    codes = set()
    for path in (CASES / "errors").glob("*.err"):
        codes |= set(re.findall(r"^\S+:\d+:\d+: ([a-z-]+): ", path.read_text("utf-8"), re.MULTILINE))
    assert codes == set(re.findall(r"^\| `([a-z-]+)` \|", MANUAL.split("## Errors")[1], re.MULTILINE))
