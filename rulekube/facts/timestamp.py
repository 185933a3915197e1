"""RFC 3339 ⇄ integer microseconds since 1970, by arithmetic: the facts package reads no clock and needs no calendar.

Days are counted as in Howard Hinnant's "chrono-compatible low-level date algorithms": years begin in March, so that the
leap day comes last, and 400 years are one era of 146,097 days.
"""

from __future__ import annotations

import re
from functools import lru_cache

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
_ERA = 146_097
_EPOCH = 719_468  # days from 0000-03-01 to 1970-01-01
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
LATEST = 253_402_300_799 * SECOND  # 9999-12-31T23:59:59Z, the last moment that RFC 3339 can write
_DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date in the proleptic Gregorian calendar."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * _ERA + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - _EPOCH


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of a count of days since 1970-01-01."""
    era, day_of_era = divmod(days + _EPOCH, _ERA)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * march_month + 2) // 5 + 1


def parse_time(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time, cut off below the microsecond. Raises ValueError."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2006-01-02T15:04:05Z")
    date, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    days = _days(date)
    if days is None or hour > "23" or minute > "59" or second > "59":
        raise ValueError(f"{text!r} names no moment: a field is out of range")
    micros = days * DAY + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND
    micros += int(fraction.ljust(6, "0")[:6]) if fraction else 0
    offset = (int(off_hour) * HOUR + int(off_minute) * MINUTE) if sign else 0
    return micros + offset if sign == "-" else micros - offset


@lru_cache(maxsize=256)
def _days(date: str) -> int | None:
    """Days since 1970-01-01 of `2006-01-02`, None where the calendar has no such day."""
    year, month, day = (int(part) for part in date.split("-"))
    common = month == 2 and (year % 4 or (year % 100 == 0 and year % 400))
    if not (1 <= month <= 12 and 1 <= day <= _DAYS[month] - bool(common)):
        return None
    return days_from_civil(year, month, day)


def _clock(seconds: int) -> str:
    seconds = min(max(seconds, -62_167_219_200), LATEST // SECOND)  # years 0000 to 9999
    days, rest = divmod(seconds, 86400)
    year, month, day = civil_from_days(days)
    return f"{year:04}-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def format_time(micros: int) -> str:
    """As metav1.Time writes it: whole seconds, `2006-01-02T15:04:05Z`."""
    return _clock(micros // SECOND) + "Z"


def format_micro_time(micros: int) -> str:
    """As metav1.MicroTime writes it: `2006-01-02T15:04:05.000000Z`."""
    return f"{_clock(micros // SECOND)}.{micros % SECOND:06}Z"
