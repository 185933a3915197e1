"""Field validation of whole objects in Kubernetes' words: field, type, detail, and one message for all of them.

`validate` takes objects that have been defaulted and returns every complaint in the order in which Kubernetes makes
them; `invalid` makes of them the error a client sees. One module holds each kind; what they share is named by what it
looks at. Which check goes with which kind and subresource is a table; there is no other dispatch.
"""

from rulekube.facts.validation.invalid import invalid, refuse
from rulekube.facts.validation.kinds import validate
from rulekube.facts.validation.warnings import warnings

__all__ = ["invalid", "refuse", "validate", "warnings"]
