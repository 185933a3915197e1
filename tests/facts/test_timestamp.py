"""RFC 3339 by arithmetic; the standard library is the twin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekube.facts.timestamp import format_micro_time, format_time, parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_agree_with_the_standard_library(moment):
    delta = moment - EPOCH
    micros = (delta.days * 86400 + delta.seconds) * 10**6 + delta.microseconds
    assert parse_time(moment.isoformat()) == micros
    assert format_micro_time(micros) == moment.strftime("%Y").rjust(4, "0") + moment.strftime("-%m-%dT%H:%M:%S.%fZ")
    assert parse_time(format_time(micros)) == micros // 10**6 * 10**6


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-23T05:12:50.828837Z", 1795410770828837),
        ("2026-11-23T05:12:50.8288379Z", 1795410770828837),
        ("2026-11-23T07:12:50+02:00", 1795410770000000),
        ("2026-11-22T23:42:50-05:30", 1795410770000000),
        ("2000-02-29T00:00:00Z", 951782400000000),
    ],
)
def test_known_times(text, micros):
    assert parse_time(text) == micros


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"time|moment"):
        parse_time(text)
