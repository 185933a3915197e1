"""Selectors for rules: what one requires, in the operators of metav1.LabelSelector."""

from __future__ import annotations

from typing import Any

from rulekube.engine import NO_VALUE, Json, function, to_json
from rulekube.errors import SelectorError
from rulekube.selectors import label_selector
from rulekube.selectors.requirement import ABSENT, DOUBLE_EQUALS, EQUALS, EXISTS, IN, NOT_EQUALS, NOT_IN

_OPERATORS = {
    IN: "In",
    EQUALS: "In",
    DOUBLE_EQUALS: "In",
    NOT_IN: "NotIn",
    NOT_EQUALS: "NotIn",
    EXISTS: "Exists",
    ABSENT: "DoesNotExist",
}


@function(returns="json", arguments=("json",))
def requirements(selector: Any) -> Any:
    """What a selector requires, as [{"key", "operator", "values"}] with the operators of metav1.LabelSelector.

    Takes a plain map of labels, as Services have one, and a metav1.LabelSelector; one that is broken requires nothing
    and has no value, so it selects nothing.
    """
    raw = selector.value if isinstance(selector, Json) else None
    if not isinstance(raw, dict):
        return NO_VALUE
    try:
        plain = all(isinstance(value, str) for value in raw.values())
        parsed = label_selector.of_map(raw) if plain else label_selector.selector(raw)
    except SelectorError:
        return NO_VALUE
    listed = [
        {"key": key, "operator": _OPERATORS[operator], "values": list(values)}
        for key, operator, values in parsed.requirements
    ]
    return to_json(listed)
