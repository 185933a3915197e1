"""resource.Quantity: amounts such as `100m`, `1.5Gi`, `12e6`, read, compared, added and written as Kubernetes does.

Rules see an amount as an exact number of nano units (`nano`). `Quantity` is the whole type: it remembers the form it
was written in, and whether Kubernetes keeps it in 64 bits or, as `wide`, as a decimal of any size. That shows in what
`value` and `scaled` give for amounts beyond 64 bits (they wrap or become 0, as in Go) and in `as_int64`.
Source: k8s.io/apimachinery/pkg/api/resource (quantity.go, amount.go, suffix.go, scale_int.go).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from rulekube.errors import ManifestError

DECIMAL_SI: Final = "DecimalSI"  # 12M
BINARY_SI: Final = "BinarySI"  # 12Mi
DECIMAL_EXPONENT: Final = "DecimalExponent"  # 12e6

NANO: Final = -9
MAX: Final = 2**63 - 1
_DIGITS: Final = 18  # decimal digits that always fit 64 bits
_ONE_STEP: Final = (1, 2, 3, 6, 9)  # scalings up that Go does in one multiplication, keeping the low 64 bits
_FARTHEST: Final = 400  # exponents beyond cannot matter to anyone, and their digits would not fit in memory

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = ("", *_BINARY)

_WRITTEN = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_NUMBER_WRONG = "unable to parse numeric part of quantity"
_SUFFIX_WRONG = "unable to parse quantity's suffix"


class QuantityError(ManifestError):
    """A text is not a quantity; the message is Kubernetes' own."""


class Quantity(NamedTuple):
    """The amount `unscaled` · 10^`exponent`, exactly. `text` is kept where it was written in canonical-looking form."""

    unscaled: int
    exponent: int = 0
    format: str = DECIMAL_SI
    wide: bool = False
    text: str = ""

    def __str__(self) -> str:
        """As Kubernetes prints it: the text it was read from where that was kept, else the canonical form."""
        return self.text or self.canonical

    @property
    def canonical(self) -> str:
        """The canonical form: no fraction, the largest suffix without loss."""
        if self.unscaled == 0:
            return "0"
        if self.format == BINARY_SI and self.exact_at(0) and abs(self.nano) >= 1024 * 10**9:
            number, times = _without_factors(self.ceiling(0), 1024)
            return f"{number}{_BINARY_SUFFIX[times]}" if times < len(_BINARY_SUFFIX) else str(number)
        number, exponent = _without_factors(self.unscaled, 10)
        exponent += self.exponent
        number, exponent = number * 10 ** (exponent % 3), exponent - exponent % 3
        if self.format != DECIMAL_EXPONENT:
            return f"{number}{_SUFFIX.get(exponent, '')}"
        return f"{number}e{exponent}" if exponent else str(number)

    @property
    def nano(self) -> int:
        """The exact amount in nano units; what is finer was rounded away from zero when it was read."""
        return self.ceiling(NANO)

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        return (self.unscaled > 0) - (self.unscaled < 0)

    @property
    def decimal(self) -> str:
        """The amount in plain decimal digits."""
        if self.exponent >= 0:
            return str(self.ceiling(0))
        digits = str(abs(self.unscaled)).rjust(1 - self.exponent, "0")
        return f"{'-' if self.unscaled < 0 else ''}{digits[: self.exponent]}.{digits[self.exponent :]}"

    @property
    def as_int64(self) -> int | None:
        """The amount as a 64-bit integer, where Kubernetes has it at hand as one."""
        if self.wide or self.exponent < 0:
            return None
        return _in_64_bits(self.unscaled * 10**self.exponent)

    @property
    def value(self) -> int:
        """Units, rounded up; 64 bits, as Go computes it."""
        return self.scaled(0)

    @property
    def milli(self) -> int:
        """Thousandths, rounded up; 64 bits, as Go computes it."""
        return self.scaled(-3)

    def scaled(self, exponent: int) -> int:
        """How many 10^`exponent` it is, rounded up; 64 bits, as Go computes it."""
        up = self.exponent - exponent
        if not self.wide:
            exact = self.ceiling(exponent)
            return _wrapped(exact) if up in _ONE_STEP else _in_64_bits(exact) or 0
        if up >= 0:
            power: int = 10**up
            return _wrapped(_wrapped(self.unscaled) * (power if power <= MAX else -MAX - 1))
        if self.unscaled < MAX and -up <= _DIGITS:  # here Go wraps first and truncates
            low, unit = _wrapped(self.unscaled), int(10**-up)
            whole = abs(low) // unit
            return (whole if low > 0 else -whole) + (low % unit != 0)
        return _wrapped(-(-self.unscaled // 10**-up))

    def ceiling(self, exponent: int) -> int:
        """How many 10^`exponent` it is, rounded away from zero, without limit."""
        if self.exponent >= exponent:
            return int(self.unscaled * 10 ** (self.exponent - exponent))
        return int(-(-abs(self.unscaled) // 10 ** (exponent - self.exponent)) * self.sign)

    def exact_at(self, exponent: int) -> bool:
        """Whether it is a whole number of 10^`exponent`."""
        return self.exponent >= exponent or self.unscaled % 10 ** (exponent - self.exponent) == 0

    def rounded(self, exponent: int) -> Quantity:
        """Rounded away from zero to whole 10^`exponent`."""
        if self.exponent >= exponent and not self.wide:
            return self
        return Quantity(self.ceiling(exponent), exponent, self.format, self.wide)

    def written_as(self, form: str) -> Quantity:
        """The same amount in another form."""
        return self._replace(format=form, text="")

    def __neg__(self) -> Quantity:
        return self._replace(unscaled=-self.unscaled, text="")

    def plus(self, other: Quantity) -> Quantity:
        """The sum; zero takes on the other's form."""
        form = other.format if self.unscaled == 0 else self.format
        narrow = not (self.wide or other.wide)
        if narrow and 0 in (self.unscaled, other.unscaled):
            return (self if other.unscaled == 0 else other)._replace(format=form, text="")
        exponent = min(self.exponent, other.exponent)
        parts = [self.ceiling(exponent), other.ceiling(exponent)]
        fits = narrow and all(_in_64_bits(part) is not None for part in (*parts, sum(parts)))
        return Quantity(sum(parts), exponent, form, not fits)

    def minus(self, other: Quantity) -> Quantity:
        """The difference; zero takes on the other's form."""
        return self.plus(-other)

    def times(self, factor: int) -> tuple[Quantity, bool]:
        """The product, and whether it still fits."""
        product = Quantity(self.unscaled * factor, self.exponent, self.format, self.wide)
        if not self.wide and self._multiplies(product):
            return (product if product.unscaled else product._replace(exponent=0)), True
        return product._replace(wide=True), _in_64_bits(product.unscaled) is not None

    def _multiplies(self, product: Quantity) -> bool:
        """Whether the 64-bit multiplication goes through: no overflow, and no fraction comes out."""
        if _in_64_bits(product.unscaled) is None:
            return False
        return product.exact_at(0) if self.exponent < 0 else _in_64_bits(product.ceiling(0)) is not None


ZERO: Final = Quantity(0)


@lru_cache(maxsize=4096)
def parse(text: str) -> Quantity:
    """The quantity that `text` means; QuantityError carries Kubernetes' words."""
    match = _WRITTEN.fullmatch(text)
    if match is None or not text:
        raise QuantityError(_FORMAT_WRONG)
    if text == "0":
        return Quantity(0, text=text)
    sign, whole, fraction, suffix = match.group(1), match.group(2) or "0", match.group(3) or "", match.group(4)
    form, power = _interpret(suffix)
    digits, negative = whole + fraction, sign == "-"
    narrow = _narrow(text, digits, len(fraction), form, power, negative)
    return narrow if narrow is not None else _wide(digits, len(fraction), form, power, negative)


@lru_cache(maxsize=65536)
def nano(text: str | int | float) -> int:
    """The exact amount in nano units, from a text or, as JSON admits, a bare number."""
    return parse(str(text).strip()).nano


def _interpret(suffix: str) -> tuple[str, int]:
    """A suffix's form, and its power of ten (or, if binary, of two)."""
    if suffix in _DECIMAL:
        return DECIMAL_SI, _DECIMAL[suffix]
    if suffix in _BINARY:
        return BINARY_SI, _BINARY[suffix]
    if re.fullmatch(r"[eE][+-]?[0-9]+", suffix):
        return DECIMAL_EXPONENT, max(-_FARTHEST, min(_FARTHEST, int(suffix[1:])))
    raise QuantityError(_SUFFIX_WRONG)


def _narrow(text: str, digits: str, places: int, form: str, power: int, negative: bool) -> Quantity | None:
    """The quantity in 64 bits, where Kubernetes tries that and it fits."""
    if form == BINARY_SI:
        room, factor, exponent = 14 - len(digits) - power * 3 // 10, 2**power, 0
        if places:
            return None
    else:
        room, factor, exponent = _DIGITS - len(digits), 1, power - places
    if room < 0 or exponent < NANO:
        return None
    number = int(digits)
    if _in_64_bits(number) is None:
        raise QuantityError(_NUMBER_WRONG)
    if _in_64_bits(number * factor) is None:
        return None
    if form == BINARY_SI:
        keeps = number % 8 != 0
    else:
        keeps = exponent % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
    return Quantity(number * factor * (-1 if negative else 1), exponent, form, text=text if keeps else "")


def _wide(digits: str, places: int, form: str, power: int, negative: bool) -> Quantity:
    """The quantity as a decimal: not finer than nano, and binary forms capped at 64 bits."""
    if form == BINARY_SI:
        amount = Quantity(int(digits) * 2**power, -places, form, wide=True)
    else:
        amount = Quantity(int(digits), power - places, form, wide=True)
    if amount.unscaled:
        amount = Quantity(amount.ceiling(NANO), NANO, form, wide=True)
    if form == BINARY_SI and amount.nano > MAX * 10**9:
        amount = Quantity(MAX, 0, form, wide=True)
    if form == BINARY_SI and 0 < amount.nano < 10**9:
        amount = amount._replace(format=DECIMAL_SI)
    return -amount if negative else amount


def _without_factors(number: int, factor: int) -> tuple[int, int]:
    """`number` with all factors divided out, and how often that went."""
    times = 0
    while number and number % factor == 0:
        number, times = number // factor, times + 1
    return number, times


def _in_64_bits(number: int) -> int | None:
    return number if -MAX - 1 <= number <= MAX else None


def _wrapped(number: int) -> int:
    """The low 64 bits, as a signed number."""
    return (number + MAX + 1) % 2**64 - MAX - 1
