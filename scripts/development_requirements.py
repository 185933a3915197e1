"""Print the requirements of pyproject.toml's group `dev`, one a line; pip itself reads groups only from 25.1 on."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

for requirement in tomllib.loads(PROJECT.read_text())["dependency-groups"]["dev"]:
    print(requirement.replace(" ", ""))
