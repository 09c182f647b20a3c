"""Durations: what people write, and what is shown of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("250ms", 0.25),
        ("15", 15.0),
        ("0.5", 0.5),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("0", 0.0),
        (" 7s ", 7.0),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "15 s", "15sec", "-1s", "1h30", "12:30", "1e3", "inf", "nan", "٣s", "15s\nx"]
)
def test_what_is_no_duration_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 250ms, 15s, 2m"):
        parse_duration(text)


def test_more_than_a_year_is_surely_a_slip() -> None:
    with pytest.raises(ValueError, match="at most a year"):
        parse_duration("9999h")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (7.5, "7500ms"),
        (70.0, "1m10s"),
        (3600.0, "1h"),
        (90061.0, "25h1m1s"),
        (60.5, "60.5s"),
    ],
)
def test_a_duration_is_shown_in_whole_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 366 * 86400 * 1000))
def test_what_is_shown_is_read_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)
