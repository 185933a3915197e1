"""Query parameters of reads and writes, checked as Kubernetes checks ListOptions, CreateOptions and their like.

Source: k8s.io/apimachinery/pkg/apis/meta/internalversion/validation and meta/v1/validation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from rulekube.api.status import bad_request, internal, invalid_options

_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_MATCHES = ("Exact", "NotOlderThan")
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_FORBIDDEN, _UNSUPPORTED = "FieldValueForbidden", "FieldValueNotSupported"
_MATCH = "resourceVersionMatch"


class ListOptions(NamedTuple):
    """How to list or watch. `revision` None: not given. `after`: the last key of the page before."""

    revision: int | None
    exact: bool
    limit: int
    after: tuple[str, str] | None
    initial_events: bool
    bookmarks: bool
    timeout: float


class Page(msgspec.Struct, frozen=True, rename={"revision": "rv"}):
    """A continue token: the revision of the list it belongs to, and the last key given out."""

    revision: int
    namespace: str
    name: str

    def token(self) -> str:
        """As text for a URL."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean parameter."""
    return query.get(name, "") in _TRUE


def revision(text: str) -> int | None:
    """A resourceVersion; None where there is none. A malformed one is answered 500, as by Kubernetes."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise internal(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def list_options(query: Mapping[str, str], *, watch: bool) -> ListOptions:
    """The options of a list or watch. Raises ApiError for what makes no sense."""
    text, match = query.get("resourceVersion", ""), query.get(_MATCH, "")
    initial = flag(query, "sendInitialEvents")
    if problem := _match_problem(query, match, text, initial, watch):
        raise invalid_options("ListOptions", [problem])
    page = None if watch or not query.get("continue") else _page(query["continue"])
    return ListOptions(
        page.revision if page else revision(text),
        match == "Exact" or page is not None,
        max(integer(query, "limit"), 0),
        (page.namespace, page.name) if page else None,
        initial,
        flag(query, "allowWatchBookmarks"),
        float(integer(query, "timeoutSeconds")),
    )


def _match_problem(
    query: Mapping[str, str], match: str, text: str, initial: bool, watch: bool
) -> tuple[str, str, str] | None:
    if initial and not watch:
        return "sendInitialEvents", _FORBIDDEN, "Forbidden: sendInitialEvents is forbidden for list"
    if initial and match != "NotOlderThan":
        return _MATCH, _FORBIDDEN, "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    if not match or initial:
        return None
    if watch:
        return (
            _MATCH,
            _FORBIDDEN,
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
    if query.get("continue"):
        return _MATCH, _FORBIDDEN, "Forbidden: resourceVersionMatch is forbidden when continue is provided"
    if not text:
        return _MATCH, _FORBIDDEN, "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    if match not in _MATCHES:
        return _MATCH, _UNSUPPORTED, f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
    if match == "Exact" and text == "0":
        return _MATCH, _FORBIDDEN, 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    return None


def _page(token: str) -> Page:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=Page)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error


def integer(query: Mapping[str, str], name: str) -> int:
    """A whole number, 0 where there is none."""
    text = query.get(name, "0") or "0"
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


class WriteOptions(NamedTuple):
    """How to write. `validation`: what to do with unknown fields: Ignore, Warn, Strict."""

    dry_run: bool
    validation: str
    field_manager: str
    force: bool


def write_options(kind: str, query: Mapping[str, str], dry_runs: list[str]) -> WriteOptions:
    """The options of a write; `kind` is CreateOptions, UpdateOptions or PatchOptions; `dry_runs` all dryRun values."""
    causes = [] if set(dry_runs) <= {"All", ""} else [_unsupported_dry_run(dry_runs)]
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        quoted = ", ".join(f'"{value}"' for value in _VALIDATIONS)
        causes.append(
            ("fieldValidation", _UNSUPPORTED, f'Unsupported value: "{validation}": supported values: {quoted}')
        )
    if causes:
        raise invalid_options(kind, causes)
    return WriteOptions("All" in dry_runs, validation or "Warn", query.get("fieldManager", ""), flag(query, "force"))


def _unsupported_dry_run(values: list[str]) -> tuple[str, str, str]:
    shown = msgspec.json.encode(values).decode()
    return "dryRun", _UNSUPPORTED, f'Unsupported value: {shown}: supported values: "All"'
