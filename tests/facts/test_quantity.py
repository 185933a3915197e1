"""Quantities: exact amounts, canonical texts; the recorded rows are run by the conformance tests."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.errors import ManifestError
from rulekube.facts import quantity

SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "e3": 3, "E-6": -6}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30}
NUMBERS = st.from_regex(r"[+-]?[0-9]{1,6}(\.[0-9]{0,3})?", fullmatch=True)
TEXTS = st.builds(str.__add__, NUMBERS, st.sampled_from([*SUFFIXES, *BINARY]))


def exact_nano(number: str, suffix: str) -> Fraction:
    factor = Fraction(2 ** BINARY[suffix]) if suffix in BINARY else Fraction(10) ** SUFFIXES[suffix]
    return Fraction(number) * factor * 10**9


@settings(max_examples=300, deadline=None)
@given(NUMBERS, st.sampled_from([*SUFFIXES, *BINARY]))
def test_nano_is_the_exact_amount_rounded_away_from_zero(number: str, suffix: str) -> None:
    exact = exact_nano(number, suffix)
    away = -(-abs(exact) // 1) * (-1 if exact < 0 else 1)
    assert quantity.nano(number + suffix) == away


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_the_canonical_text_means_the_amount(text: str) -> None:
    amount = quantity.parse(text)
    again = quantity.parse(amount.canonical)
    assert again.nano == amount.nano
    assert again.canonical == amount.canonical


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_sums_and_differences_are_exact(left: str, right: str) -> None:
    a, b = quantity.parse(left), quantity.parse(right)
    assert a.plus(b).nano == a.nano + b.nano
    assert a.minus(b).nano == a.nano - b.nano
    assert a.times(7)[0].nano == a.nano * 7


@pytest.mark.parametrize("text", ["", "1 Gi", "0x10", "1..2"])
def test_what_is_no_quantity_is_refused_in_kubernetes_words(text: str) -> None:
    with pytest.raises(ManifestError, match="quantities must match the regular expression"):
        quantity.nano(text)


def test_bare_numbers_are_quantities() -> None:
    assert quantity.nano(2) == 2 * 10**9
    assert quantity.nano(0.5) == 5 * 10**8


def test_an_absurd_exponent_costs_nothing() -> None:
    assert quantity.nano("1e-999999999") == 1
    assert quantity.nano("1e999999999") > 10**100


def test_binary_amounts_are_capped_at_64_bits() -> None:
    assert quantity.parse("8Ei").value == 2**63 - 1
