"""What the server says of itself at /version.

`gitVersion` carries the Kubernetes version whose wire format is spoken, because clients compare it with their own
(kubectl warns from a difference of two minor versions), and our own version as build metadata.
"""

from __future__ import annotations

import platform

from rulekube import __version__

MINOR = "36"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def document() -> dict[str, str]:
    """The body of /version, shaped like k8s.io/apimachinery/pkg/version.Info."""
    machine = platform.machine()
    return {
        "major": "1",
        "minor": MINOR,
        "emulationMajor": "1",
        "emulationMinor": MINOR,
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": str(int(MINOR) - 1),
        "gitVersion": f"v1.{MINOR}.0+rulekube.{__version__}",
        "gitCommit": f"rulekube-{__version__}",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}",
    }
