"""Spans of time as people read them: `5s`, `3m20s`, `4d2h`.

Source: k8s.io/apimachinery/pkg/util/duration.HumanDuration.
"""

from __future__ import annotations

from rulekube.facts import timestamp

UNKNOWN = "<unknown>"
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400
# (until so many seconds, unit, smaller unit); the first line that fits is taken
_STEPS: tuple[tuple[int, tuple[int, str], tuple[int, str] | None], ...] = (
    (2 * _MINUTE, (_SECOND, "s"), None),
    (10 * _MINUTE, (_MINUTE, "m"), (_SECOND, "s")),
    (3 * _HOUR, (_MINUTE, "m"), None),
    (8 * _HOUR, (_HOUR, "h"), (_MINUTE, "m")),
    (2 * _DAY, (_HOUR, "h"), None),
    (8 * _DAY, (_DAY, "d"), (_HOUR, "h")),
    (2 * 365 * _DAY, (_DAY, "d"), None),
    (8 * 365 * _DAY, (365 * _DAY, "y"), (_DAY, "d")),
)


def span(seconds: int) -> str:
    """A number of seconds in at most two units; clocks may disagree by two seconds."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for limit, unit, smaller in _STEPS:
        if seconds < limit:
            return _text(seconds, unit, smaller)
    return _text(seconds, (365 * _DAY, "y"), None)


def _text(seconds: int, unit: tuple[int, str], smaller: tuple[int, str] | None) -> str:
    whole, rest = divmod(seconds, unit[0])
    tail = f"{rest // smaller[0]}{smaller[1]}" if smaller and rest // smaller[0] else ""
    return f"{whole}{unit[1]}{tail}"


def age_of(stamp: str | None, now: int) -> str:
    """The time from an RFC 3339 stamp to now (microseconds)."""
    if not stamp:
        return UNKNOWN
    return span(int((now - timestamp.parse_time(stamp)) / 1_000_000))
