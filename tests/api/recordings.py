"""The recordings beside this file: facts about a Kubernetes 1.36 API server."""

import json
import lzma
from pathlib import Path
from typing import Any


def recorded(name: str) -> Any:
    """One recording, by its name without ending."""
    return json.loads(lzma.decompress((Path(__file__).parent / "recorded" / f"{name}.json.xz").read_bytes()))
