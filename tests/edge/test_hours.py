"""Time windows: valid texts, windows over midnight, and the two days a year when clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impp_edge import hours

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, fold: int = 0) -> float:
    """Berlin's wall clock in seconds since 1970. 2026-01-12 was a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


OPEN = [
    ("22:00-06:00", "2026-01-15 21:59", False),
    ("22:00-06:00", "2026-01-15 22:00", True),
    ("22:00-06:00", "2026-01-15 05:59", True),
    ("22:00-06:00", "2026-01-15 06:00", False),
    ("9:30-17:00", "2026-01-15 09:30", True),
    ("00:00-24:00", "2026-01-15 23:59", True),
    ("22:00-00:00", "2026-01-15 23:59", True),
    ("22:00-00:00", "2026-01-15 00:00", False),
    ("fri 22:00-06:00", "2026-01-16 22:00", True),  # Friday
    ("fri 22:00-06:00", "2026-01-17 05:59", True),  # its end on Saturday
    ("fri 22:00-06:00", "2026-01-16 05:59", False),  # Thursday's night is not included
    ("sun 22:00-06:00", "2026-01-12 05:00", True),  # over the end of the week
    ("Mon-Fri 22:00 - 06:00", "2026-01-17 23:00", False),
    ("sat,sun 08:00-20:00", "2026-01-18 19:59", True),
    ("sat, mon 08:00-20:00", "2026-01-18 12:00", False),
    ("fri-mon 08:00-20:00", "2026-01-18 12:00", True),  # over the end of the week
    ("fri-mon 08:00-20:00", "2026-01-13 12:00", False),
]


@pytest.mark.parametrize(("text", "when", "is_open"), OPEN)
def test_open(text: str, when: str, is_open: bool) -> None:
    assert hours.parse(text, zone=BERLIN).is_open(at(when)) is is_open


def test_windows_are_combined_and_none_means_always() -> None:
    both = hours.parse("mon-fri 22:00-06:00", "sat,sun 08:00-20:00", zone=BERLIN)
    assert both.is_open(at("2026-01-14 23:00")) and both.is_open(at("2026-01-17 12:00"))
    assert not both.is_open(at("2026-01-14 12:00"))
    assert hours.parse().is_open(0) and hours.parse().next_change(0) is None
    assert hours.parse("00:00-24:00", zone=BERLIN).next_change(at("2026-01-14 12:00")) is None


@pytest.mark.parametrize(
    ("text", "now", "change"),
    [
        ("22:00-06:00", "2026-01-15 12:00", "2026-01-15 22:00"),
        ("22:00-06:00", "2026-01-15 22:00", "2026-01-16 06:00"),
        ("22:00-06:00", "2026-01-15 21:59:59.9", "2026-01-15 22:00"),
        ("sat 08:00-20:00", "2026-01-17 20:00", "2026-01-24 08:00"),
        ("02:30-08:00", "2026-03-28 23:00", "2026-03-29 03:00"),  # 02:30 does not exist that night
        ("22:00-06:00", "2026-10-24 23:00", "2026-10-25 06:00"),  # a night of 25 hours
    ],
)
def test_next_change(text: str, now: str, change: str) -> None:
    assert hours.parse(text, zone=BERLIN).next_change(at(now)) == at(change)


def test_a_repeated_hour_counts_twice() -> None:
    window = hours.parse("02:15-02:45", zone=BERLIN)
    assert window.is_open(at("2026-10-25 02:30", fold=0)) and window.is_open(at("2026-10-25 02:30", fold=1))
    assert window.next_change(at("2026-10-25 02:30", fold=0)) == at("2026-10-25 02:45", fold=0)
    assert window.next_change(at("2026-10-25 02:45", fold=0)) == at("2026-10-25 02:15", fold=1)


@given(
    days=st.sets(st.sampled_from(hours.DAYS), min_size=1),
    start=st.integers(0, hours.DAY - 1),
    length=st.integers(1, hours.DAY - 1),
    now=st.integers(int(at("2026-01-01")), int(at("2027-01-01"))),
)
def test_next_change_is_the_next_moment_with_another_result(days: set[str], start: int, length: int, now: int) -> None:
    def text(minute: int) -> str:
        return f"{minute // 60 % 24:02}:{minute % 60:02}"

    window = hours.parse(f"{','.join(days)} {text(start)}-{text(start + length)}", zone=BERLIN)
    change = window.next_change(now)
    assert change is not None and change > now
    assert window.is_open(change) is not window.is_open(now)
    assert window.is_open(change - 1) is window.is_open(now)


WRONG = {
    "": "is not a time window: write it like 22:00-06:00",
    "22-6": "is not a time window",
    "22:00": "is not a time window",
    "22:00-06:00 mon": "is not a time window",
    "25:00-06:00": "25:00 is not a time of day from 00:00 to 24:00",
    "22:60-06:00": "22:60 is not a time of day",
    "24:00-06:00": "a day begins at 00:00",
    "10:00-10:00": "for the whole day write 00:00-24:00",
    "monday 22:00-06:00": "'monday' is not a day; use mon, tue",
    "mon- 22:00-06:00": "'' is not a day",
    "mon,,tue 22:00-06:00": "'' is not a day",
    "mon-tue-wed 22:00-06:00": "'tue-wed' is not a day",
    "٢٢:00-06:00": "is not a time window",
}


@pytest.mark.parametrize("text", WRONG)
def test_invalid_windows_are_reported_with_the_valid_format(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG[text]) as error:
        hours.parse(text)
    assert repr(text) in str(error.value)


@given(st.text())
def test_any_text_parses_or_raises_a_value_error(text: str) -> None:
    try:
        hours.parse(text)
    except ValueError as error:
        assert repr(text) in str(error)


def test_formats_a_moment() -> None:
    now = at("2026-01-15 12:00")
    assert hours.clock(at("2026-01-15 22:00"), now, BERLIN) == "22:00"
    assert hours.clock(at("2026-01-17 08:00"), now, BERLIN) == "sat 08:00"
