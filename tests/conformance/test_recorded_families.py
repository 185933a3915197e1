"""Every recorded row, through the command that users run."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rulekube.cli.conformance import command
from rulekube.conformance.registry import FAMILIES
from rulekube.errors import ManifestError
from rulekube.facts import resources

DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.jsonl.xz"))
VALIDATION = [path for path in FILES if path.name.startswith("validation_")]
KNOWN = {  # rows of kinds we serve that differ, and why
    "validation_create": {
        (
            "ReplicationController",
            "delete .spec.template.metadata.labels.app",
        ),  # an emptied map is dropped: null, not {}
        ("Secret", "set .data[tls.crt] null"),  # no bytes are stored as "", not as null
    },
    "validation_update": {
        ("Service", "set .spec.clusterIPs []"),  # an emptied list is dropped: null, not []
        ("Service", 'set .spec.type "ClusterIP"'),  # admission's rules take node ports back, before this
    },
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def rows_in(path: Path) -> int:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        return sum(not json.loads(line).get("meta") for line in lines)


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in FILES if path not in VALIDATION], ids=lambda path: path.name.removesuffix(".jsonl.xz")
)
def test_every_row_passes(path: Path) -> None:
    result = run(path.name.removesuffix(".jsonl.xz"), str(path))
    assert result.output.splitlines()[-1] == f"{rows_in(path)} passed, 0 failed", result.output
    assert result.exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", VALIDATION, ids=lambda path: path.name.removesuffix(".jsonl.xz"))
def test_objects_of_every_served_kind_are_judged_as_recorded(path: Path) -> None:
    family = path.name.removesuffix(".jsonl.xz")
    result = json.loads(run(family, str(path), "--output", "json", "--show", "100000").output)
    assert result["passed"] + result["failed"] == rows_in(path)
    served = {row.kind for row in resources.TABLE}
    failed = {(f["row"]["kind"], f["row"]["mutation"]) for f in result["failures"] if f["row"]["kind"] in served}
    assert failed == KNOWN[family]


def test_every_family_has_rows() -> None:
    assert {path.name.removesuffix(".jsonl.xz") for path in FILES} == set(FAMILIES)


def test_a_wrong_answer_is_shown_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"in": "a"}, {"in": "-a", "percent": ["nonsense"]})
    result = run("selectors_names", path)
    assert result.exit_code == 1
    assert 'expected ["nonsense"]' in result.output
    assert result.output.splitlines()[-1] == "0 passed, 2 failed"


def test_an_answer_the_record_lacks_is_a_difference(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"in": ""})
    result = run("selectors_names", path)
    assert 'expected "(absent)"' in result.output
    assert result.exit_code == 1


def test_only_so_many_failures_are_printed(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", *[{"in": "", "n": n} for n in range(30)])
    lines = run("selectors_names", path, "--show", "2").output.splitlines()
    assert sum(line.startswith("line ") for line in lines) == 2
    assert lines[-2:] == ["… and 28 more failing rows (--show N prints more)", "0 passed, 30 failed"]


def test_json_output(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"meta": True, "fieldSets": []}, {"in": "a", "ok": True})
    result = json.loads(run("selectors_field", path, "--output", "json").output)
    assert (result["passed"], result["failed"]) == (0, 1)
    assert {difference["field"] for difference in result["failures"][0]["differences"]} == {"ok", "err"}


def test_an_unknown_family_is_told_the_families(tmp_path: Path) -> None:
    result = run("selectors", write(tmp_path / "rows.jsonl"))
    assert result.exit_code == 2
    assert all(family in result.output for family in FAMILIES)


def test_a_file_that_is_not_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"in": "a"}\nnonsense\n')
    result = run("selectors_names", str(path))
    assert isinstance(result.exception, ManifestError)
    assert "rows.jsonl:2" in str(result.exception)


def test_a_row_that_breaks_ours_is_a_row_that_fails(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"in": 5}, {"in": "web", "percent": "?"})
    result = run("selectors_names", path)
    assert "(crash)" in result.output
    assert result.output.splitlines()[-1] == "0 passed, 2 failed"
