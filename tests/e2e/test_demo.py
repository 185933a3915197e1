"""What `make demo` runs, with real containers and with pretended ones: every step of it checks itself."""

import os
import shutil
import subprocess
import sys

import pytest

from .conftest import ROOT

DEMO = ROOT / "examples/01-guestbook/demo.py"
CAPABLE = os.geteuid() == 0 and shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin") is not None
docker = pytest.param(
    "docker",
    marks=[
        pytest.mark.docker,
        pytest.mark.nft,
        pytest.mark.skipif(not CAPABLE, reason="needs root and dockerd (on Debian: apt-get install docker.io)"),
    ],
)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", [docker, "simulated"])
def test_demo(runtime, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environment.pop("KUBECONFIG", None)
    done = subprocess.run(
        [sys.executable, str(DEMO), "--runtime", runtime],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Containers: {runtime}" in done.stdout
    assert "No container, rule, route or file is left." in done.stdout
    assert ("answers PING with +PONG" in done.stdout) == (runtime == "docker")
    assert list(tmp_path.glob("rulekube-demo-*")) == []
