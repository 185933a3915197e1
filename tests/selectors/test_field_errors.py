"""How complaints are worded."""

from __future__ import annotations

from rulekube.selectors import field_error
from rulekube.selectors.field_error import FieldError


def test_one_error_stands_alone_and_more_are_bracketed_without_repeats() -> None:
    one, other = field_error.required("spec.x"), field_error.invalid("spec.y", 3, "must be 4")
    assert field_error.aggregate([one]) == "spec.x: Required value"
    assert field_error.aggregate([one, other, one]) == "[spec.x: Required value, spec.y: Invalid value: 3: must be 4]"


def test_values_are_shown_as_go_shows_them() -> None:
    assert field_error.show('q"\n\u00a0é\x7f') == '"q\\"\\n\\u00a0é\\x7f"'
    assert field_error.show(None) == "null"
    assert field_error.show(True) == "true"
    assert field_error.show({"b": "<", "a": [1]}) == '{"b":"\\u003c","a":[1]}'


def test_enumerations_are_listed() -> None:
    error = field_error.not_supported("spec.type", "X", ["A", "B"])
    assert error.text == 'spec.type: Unsupported value: "X": supported values: "A", "B"'


def test_a_length_does_not_show_the_value() -> None:
    assert field_error.too_long("data", 10).text == "data: Too long: may not be more than 10 bytes"
    assert FieldError(field_error.TOO_MANY, "x", field_error.OMITTED).text == "x: Too many"
