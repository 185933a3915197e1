"""The README's first cluster is run as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ("make setup", ". .venv/bin/activate")  # `make test` has done both before this test runs


@pytest.mark.slow
@pytest.mark.kubectl
def test_first_cluster(tmp_path, kubectl):
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert block is not None
    lines = [line for line in block[1].splitlines() if not line.startswith(SETUP)]
    assert any(line.startswith("rulekube up") for line in lines)
    assert lines[-1] == "rulekube down"
    script = "\n".join(["set -eu", "trap 'rulekube down >/dev/null 2>&1 || true' EXIT", *lines])
    path = f"{Path(sys.executable).parent}:{Path(kubectl).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = {
        "HOME": str(tmp_path),
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8"),
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=180, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "service/frontend created" in done.stdout
    assert "policy kept-for-database loaded" in done.stdout
    assert "cluster ended" in done.stdout
