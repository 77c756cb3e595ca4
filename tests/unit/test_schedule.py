"""A schedule is read as people write it, and its next time is the right one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from qbm.service.schedule import Cron, Interval, in_words, next_run, read_schedule

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def due(text: str, now: datetime = NOW) -> str:
    found = next_run(read_schedule(text), now, now)
    return f"{found:%Y-%m-%d %H:%M:%S}" if found else ""


@pytest.mark.parametrize("text", ["1440", " 30 ", "1", "525600"])
def test_a_number_is_minutes(text: str) -> None:
    assert read_schedule(text) == Interval(int(text))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0 4 * * *", "2026-03-02 04:00:00"),
        ("*/15 * * * *", "2026-03-01 12:15:00"),
        ("0 4 * JAN mon", "2027-01-04 04:00:00"),
        ("0 4 * * 7", "2026-03-08 04:00:00"),
        ("@daily", "2026-03-02 00:00:00"),
        ("@Hourly", "2026-03-01 13:00:00"),
        ("@weekly", "2026-03-08 00:00:00"),
        ("@monthly", "2026-04-01 00:00:00"),
        ("@yearly", "2027-01-01 00:00:00"),
        ("0  4 *\t* *", "2026-03-02 04:00:00"),
        ("0 12 29 2 *", "2028-02-29 12:00:00"),
    ],
)
def test_cron_is_read_with_names_and_nicknames(utc: None, text: str, at: str) -> None:
    assert due(text) == at


def test_the_sixth_field_is_seconds_as_in_the_older_tool(utc: None) -> None:
    # 4.14.0 with --schedule "7 3 * * * 15" named 03:07:15 as its next run.
    assert due("7 3 * * * 15") == "2026-03-02 03:07:15"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", None),
        ("  ", "interval"),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("525601", None),
        ("9" * 400, None),
        ("٣٠", None),
        ("often", None),
        ("* * * *", None),
        ("* * * * * * *", None),
        ("61 * * * *", None),
        ("0 4 30 2 *", None),
        ("@reboot", None),
        ("30", "cron"),
        ("0 4 * * *", "interval"),
        ("30", "sometimes"),
        ("* " * 200, None),
        ("0 4 * * \0", None),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_is_allowed(text: str, kind: str | None) -> None:
    with pytest.raises(ValueError, match=r"minutes|cron"):
        read_schedule(text, kind)


def test_a_cron_expression_is_kept_as_it_was_written() -> None:
    assert read_schedule("0 4 * * *") == Cron("0 4 * * *")
    assert str(read_schedule("@daily")) == "@daily"


def test_an_interval_counts_from_when_it_began() -> None:
    began = NOW - timedelta(minutes=100)
    assert next_run(Interval(30), NOW, began) == began + timedelta(minutes=120)
    assert next_run(Interval(30), NOW, NOW) == NOW + timedelta(minutes=30)
    assert next_run(Interval(50), NOW, began) == began + timedelta(minutes=150)


def test_cron_is_in_local_time(berlin: None) -> None:
    assert due("0 4 * * *") == "2026-03-02 03:00:00"


def test_summer_time_moves_it(berlin: None) -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert due("0 4 * * *", before) == "2026-03-29 02:00:00"


def test_a_time_that_the_clock_skips_still_comes(berlin: None) -> None:
    before = datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert due("30 2 * * *", before) in ("2026-03-29 00:30:00", "2026-03-29 01:30:00")


def test_it_never_lies_in_the_past_when_the_clock_goes_back(berlin: None) -> None:
    moment = datetime(2026, 10, 24, 22, tzinfo=UTC)
    for _ in range(40):
        found = next_run(read_schedule("*/10 * * * *"), moment, moment)
        assert found is not None
        assert found > moment
        moment += timedelta(minutes=7)


def test_the_next_run_is_told_as_in_the_older_tool(utc: None) -> None:
    assert in_words(NOW, NOW + timedelta(days=1)) == (
        "Current Time: 12:00 PM | 1 day until the next run at 2026-03-02 12:00 PM"
    )
    told = in_words(NOW, NOW + timedelta(hours=8, minutes=59))
    assert "| 8 hours and 59 minutes until" in told
    assert "| 2 days, 1 hour and 1 minute until" in in_words(
        NOW, NOW + timedelta(hours=49, minutes=1)
    )
    assert "| 0 minutes until" in in_words(NOW, NOW)
