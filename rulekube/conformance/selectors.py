"""Families of selectors, metadata maps and names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rulekube.conformance.family import Answers, RawRow
from rulekube.errors import SelectorError
from rulekube.selectors import field, label, label_selector, metadata, syntax
from rulekube.selectors.field_error import FieldError
from rulekube.selectors.requirement import Selector


def label_text(row: RawRow, header: RawRow) -> Answers:
    """labels.Parse, its matches, and its conversion to a metav1.LabelSelector."""
    text = row["in"]
    try:
        parsed = label.parse(text)
    except SelectorError as error:
        return {"ok": False, "err": str(error)}
    answers = _meaning(parsed, header) | _outcome("toLabelSelector", lambda: label_selector.from_text(text))
    exact = parsed.exact("a")
    return answers if exact is None else answers | {"exactA": exact}


def label_json(row: RawRow, header: RawRow) -> Answers:
    """metav1.LabelSelectorAsSelector, its description, its map and its field validation."""
    raw = row["in"]
    answers: dict[str, Any] = {"format": label_selector.describe(raw)}
    if raw is not None:
        as_map, reason = label_selector.as_map(raw)
        errors = label_selector.errors(raw, "spec.selector")
        answers |= {"asMap": as_map, "asMapErr": reason, "validation": [as_answer(error) for error in errors]}
    try:
        selector = label_selector.selector(raw)
    except SelectorError as error:
        return answers | {"ok": False, "err": str(error)}
    answers |= _meaning(selector, header)
    return answers if selector.selectable else answers | {"reqs": None}


def field_text(row: RawRow, header: RawRow) -> Answers:
    """fields.ParseSelector."""
    try:
        parsed = field.parse(row["in"])
    except SelectorError as error:
        return {"ok": False, "err": str(error)}
    exact = parsed.exact("metadata.name")
    return {
        "ok": True,
        "err": None,
        "canon": str(parsed),
        "empty": parsed.empty,
        "reqs": [list(requirement) for requirement in parsed.requirements],
        "match": _digits(parsed.matches, header["fieldSets"]),
    } | ({} if exact is None else {"exactName": exact})


def metadata_maps(row: RawRow, _: RawRow) -> Answers:
    """ValidateLabels and ValidateAnnotations; rows without a map ask for the limit of size alone."""
    if row["in"] is None:
        filler = {"a": "x" * (row["annotationTotalSize"] - 1)}
        return {"asAnnotations": sorted_answers(metadata.annotation_errors(filler, "metadata.annotations"))}
    return {
        "asLabels": sorted_answers(metadata.label_errors(row["in"], "metadata.labels")),
        "asAnnotations": sorted_answers(metadata.annotation_errors(row["in"], "metadata.annotations")),
    }


def names(row: RawRow, _: RawRow) -> Answers:
    """Every rule of syntax; a rule that accepts gives no answer."""
    return {name: messages for name, rule in syntax.RULES.items() if (messages := rule(row["in"]))}


def as_answer(error: FieldError) -> dict[str, str]:
    """An error as the rows record it."""
    return {"field": error.field, "type": error.type, "detail": error.detail, "text": error.text}


def sorted_answers(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """Errors as rows record those whose order is that of a Go map: sorted by text."""
    return sorted((as_answer(error) for error in errors), key=lambda answer: answer["text"])


def _meaning(selector: Selector, header: RawRow) -> dict[str, Any]:
    return {
        "ok": True,
        "err": None,
        "canon": str(selector),
        "empty": selector.empty,
        "reqs": [[key, operator, sorted(set(values))] for key, operator, values in selector.requirements],
        "match": _digits(selector.matches, header["labelSets"]),
    }


def _outcome(name: str, compute: Callable[[], object]) -> dict[str, Any]:
    try:
        return {name: compute()}
    except SelectorError as error:
        return {f"{name}Err": str(error)}


def _digits(matches: Callable[[Mapping[str, str]], bool], sets: Sequence[Mapping[str, str]]) -> str:
    return "".join("1" if matches(labels) else "0" for labels in sets)
