"""Families of quantities."""

from __future__ import annotations

from rulekube.conformance.family import Answers, RawRow
from rulekube.facts import quantity
from rulekube.facts.quantity import BINARY_SI, DECIMAL_EXPONENT, DECIMAL_SI, Quantity, QuantityError


def parsed(row: RawRow, _: RawRow) -> Answers:
    """resource.ParseQuantity and everything a quantity can be asked."""
    try:
        amount = quantity.parse(row["in"])
    except QuantityError as error:
        return {"ok": False, "err": str(error)}
    return {
        "ok": True,
        "err": None,
        "string": str(amount),
        "canonical": amount.canonical,
        "format": amount.format,
        "value": str(amount.value),
        "milli": str(amount.milli),
        "micro": str(amount.scaled(-6)),
        "kilo": str(amount.scaled(3)),
        "sign": amount.sign,
        "isZero": amount.sign == 0,
        "asInt64": None if amount.as_int64 is None else str(amount.as_int64),
        "asDec": amount.decimal,
        "roundUp0": [amount.exact_at(0), amount.rounded(0).canonical],
        "roundUpMilli": [amount.exact_at(-3), amount.rounded(-3).canonical],
        "neg": (-amount).canonical,
        "asDecimalSI": amount.written_as(DECIMAL_SI).canonical,
        "asBinarySI": amount.written_as(BINARY_SI).canonical,
        "asDecimalExponent": amount.written_as(DECIMAL_EXPONENT).canonical,
    }


def pairs(row: RawRow, _: RawRow) -> Answers:
    """Comparison and arithmetic of two quantities."""
    left, right = quantity.parse(row["a"]), quantity.parse(row["b"])
    total, rest = left.plus(right), left.minus(right)
    factor = row["mul"][0]
    product, exact = left.times(factor)
    return {
        "cmp": Quantity(left.nano - right.nano).sign,
        "equal": left.nano == right.nano,
        "add": total.canonical,
        "addFormat": total.format,
        "addMilli": str(total.milli),
        "sub": rest.canonical,
        "subFormat": rest.format,
        "mul": [factor, exact, product.canonical],
    }
