"""The tree of exceptions. The type says whose fault it was.

Wire codes are chosen in `api/status.py`, exit codes in `cli/main.py`.

    RuleKubeError
    ├── RuleError        the author of a rule file (engine.errors refines it: code, place, caret, all at once)
    ├── ManifestError    the author of a manifest: file, line, field, what was expected
    ├── SelectorError    the author of a selector; its text is Kubernetes' own
    ├── ApiError         a request that cannot be served: reason and message in Kubernetes' words
    ├── StoreError       the store: conflict, compacted revision, broken file
    ├── ActuatorError    the machine: temporary (retried with backoff) or permanent (until a fact changes)
    └── SetupError       the machine lacks something that was asked for; the text says how to get it

A broken promise of our own code is an AssertionError.
"""

from __future__ import annotations


class RuleKubeError(Exception):
    """Root of everything RuleKube raises on purpose."""


class RuleError(RuleKubeError):
    """A rule program is wrong. `rulekube.engine` raises subclasses that carry every diagnostic."""


class ManifestError(RuleKubeError):
    """A manifest cannot be read: names file, line, field and what was expected."""


class SelectorError(RuleKubeError):
    """A selector cannot be parsed or is invalid; the text is Kubernetes' own."""


class ApiError(RuleKubeError):
    """A request that fails, in Kubernetes' words.

    `reason` is a metav1.StatusReason ("NotFound", "AlreadyExists", "Invalid", …); `details` is the `details` object of
    the Status, or None. The HTTP code follows from the reason in `api/status.py`.
    Source: k8s.io/apimachinery/pkg/api/errors.
    """

    def __init__(
        self, reason: str, message: str, details: dict[str, object] | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details
        self.code = code  # only where Kubernetes' own answer departs from the reason's usual code


class StoreError(RuleKubeError):
    """The object store refused or failed."""


class ActuatorError(RuleKubeError):
    """An action could not be carried out. Temporary errors are retried with backoff, permanent ones wait for a fact."""

    def __init__(self, reason: str, *, temporary: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary


class SetupError(RuleKubeError):
    """The machine lacks something that was asked for; the text says how to get it."""
