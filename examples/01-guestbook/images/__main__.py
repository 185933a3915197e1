"""Load the guestbook's images: `python examples/01-guestbook/images unix:///var/run/docker.sock`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import load

for tag in load(sys.argv[1] if len(sys.argv) > 1 else "unix:///var/run/docker.sock"):
    print(tag)
