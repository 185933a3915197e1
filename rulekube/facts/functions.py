"""Pure functions that know Kubernetes, for rules and for the writer alike.

`FUNCTIONS` is what the reconciler passes to the engine.
"""

from __future__ import annotations

import hashlib

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand: no vowels, nothing that looks alike


def generated_suffix(seed: str) -> str:
    """Five characters of Kubernetes' alphabet that depend on `seed` alone."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    letters = []
    for _ in range(5):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)
