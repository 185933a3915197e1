"""Field validation of whole objects in Kubernetes' words: field, type, detail, and one message for all of them.

`validate` takes objects that have been defaulted and returns every complaint in the order in which Kubernetes makes
them; `refuse` is what the writer asks, and raises the error that a client sees. One module holds each kind; what they
share is named by what it looks at. Which check goes with which kind and subresource is a table (`kinds.KINDS`); there
is no other dispatch.
"""

from rulekube.facts.validation.kinds import validate
from rulekube.facts.validation.request import refuse
from rulekube.facts.validation.warnings import warnings

__all__ = ["refuse", "validate", "warnings"]
