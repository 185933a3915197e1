"""Quantities and times as text: what `quantity("1.5Gi")` and `time("2026-01-02T03:04:05Z")` mean in a rule.

A quantity is an exact integer of nano units; suffixes are Kubernetes' (n u m k M G T P E, Ki Mi Gi Ti Pi Ei, e3). A
time is an integer of microseconds since 1970, its text RFC 3339. Calendar dates are counted as days from the civil
calendar, leap years included; no clock and no time zone database is asked.
"""

from __future__ import annotations

import re
from typing import Any

from rulekube.engine.values import NO_VALUE

_NANO = 9
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_QUANTITY = re.compile(
    r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_MICRO, _DAY = 10**6, 86400


def quantity(text: Any) -> Any:
    """The nano units of a quantity's text, rounded up where they are no integer; numbers are whole units."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text * 10**_NANO
    found = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return NO_VALUE
    sign, digits, exponent, suffix = found.groups()
    whole, _, fraction = digits.partition(".")
    amount, scale = int(whole + fraction or "0"), -len(fraction)
    if suffix in _BINARY:
        amount <<= _BINARY[suffix]
    else:
        scale += int(exponent) if exponent else _DECIMAL[suffix or ""]
    scale += _NANO
    nano = amount * 10**scale if scale >= 0 else -(-amount // 10**-scale)
    return -nano if sign == "-" else nano


def days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that leap days come last."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month, from the days since 1970-01-01."""
    era, of_era = divmod(day + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def time(text: Any) -> Any:
    """The microseconds since 1970 of an RFC 3339 text."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return NO_VALUE
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    since = days(year, month, day)
    if civil(since) != (year, month, day) or hour > 23 or minute > 59 or second > 59:
        return NO_VALUE
    fraction, sign, zone_hours, zone_minutes = found.groups()[6:]
    seconds = since * _DAY + hour * 3600 + minute * 60 + second
    if sign:
        seconds -= (int(zone_hours) * 3600 + int(zone_minutes) * 60) * (1 if sign == "+" else -1)
    return seconds * _MICRO + int((fraction or "0").ljust(6, "0")[:6])


def rfc3339(micros: int) -> str:
    """The RFC 3339 text of a time, in UTC; a fraction only where there is one."""
    seconds, fraction = divmod(micros, _MICRO)
    day, second = divmod(seconds, _DAY)
    year, month, of_month = civil(day)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{year:04}-{month:02}-{of_month:02}T{clock}" + (f".{fraction:06}".rstrip("0") if fraction else "") + "Z"
