"""The maps of metadata: labels and annotations as a whole, every complaint at the map's own path.

Source: ValidateLabels (apis/meta/v1/validation), ValidateAnnotations (api/validation/objectmeta.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rulekube.selectors import syntax
from rulekube.selectors.field_error import FieldError, invalid, too_long

ANNOTATION_BYTES: Final = 256 * 1024


def label_errors(labels: Mapping[str, str], path: str) -> list[FieldError]:
    """Complaints about labels, in key order: a bad key first, then its value."""
    errors: list[FieldError] = []
    for key in sorted(labels):
        errors += [invalid(path, key, message) for message in syntax.qualified_name(key)]
        errors += [invalid(path, labels[key], message) for message in syntax.label_value(labels[key])]
    return errors


def annotation_errors(annotations: Mapping[str, str], path: str) -> list[FieldError]:
    """Complaints about annotations: keys are qualified names of any case; together they have a limit of size."""
    errors = [
        invalid(path, key, message) for key in sorted(annotations) for message in syntax.qualified_name(key.lower())
    ]
    if annotation_bytes(annotations) > ANNOTATION_BYTES:
        errors.append(too_long(path, ANNOTATION_BYTES))
    return errors


def annotation_bytes(annotations: Mapping[str, str]) -> int:
    """Bytes of all keys and values together."""
    return sum(syntax.size(key) + syntax.size(value) for key, value in annotations.items())
