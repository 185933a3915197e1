"""The documentation says what is so: tables match the code, and every excerpt stands in the file it names."""

import re
from pathlib import Path

import pytest

from rulekube.cli.main import EXIT_CODES, VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXCERPT = re.compile(r"<!-- excerpt: (\S+) -->\n```\w*\n(.*?)```", re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_cli_page_lists_every_verb_with_its_summary():
    page = (ROOT / "docs/cli.md").read_text()
    for verb, summary in VERBS.items():
        text = summary[0].lower() + summary[1:].rstrip(".")
        assert re.search(rf"^\| `{verb}` \| ", page, re.M), (verb, text)


def test_cli_page_lists_every_exit_code():
    page = (ROOT / "docs/cli.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.M)}
    assert documented == {code for _, code in EXIT_CODES} | {0, 2}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_point_to_files_that_exist(page):
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_excerpts_stand_in_the_files_they_name(page):
    for name, text in EXCERPT.findall(page.read_text()):
        assert text in (ROOT / name).read_text(), name


def test_readme_has_excerpts():
    assert len(EXCERPT.findall((ROOT / "README.md").read_text())) >= 2
