"""The controller that docs/adding-a-controller.md adds works, with the case that the page gives for it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from rulekube.rules import FOLDER
from rulekube.testing import cases

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-controller.md"


def test_the_page_on_adding_a_controller(tmp_path: Path) -> None:
    blocks = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(), re.S)
    rules = next(text for kind, text in blocks if kind == "" and ".decl about" in text)
    document = yaml.safe_load(next(text for kind, text in blocks if kind == "yaml"))
    file = tmp_path / "about.dl"
    file.write_text(rules.replace('.include "../', f'.include "{FOLDER}/'))
    cases.run({**document, "rules": [str(file)]})
