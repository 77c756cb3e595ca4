"""Durations and sizes as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qbm.config.quantities import duration, size, written

_MINUTES = {
    "0": 0,
    "90": 90,
    " 90 ": 90,
    "1.5": 1.5,
    "32m": 32,
    "2h32m": 152,
    "1h30": 90,
    "2h 30": 150,
    "1d12": 2160,
    "1w3": 14400,
    "3d2h32m": 4472,
    "1w3d2h32m": 14552,
    "1.5d": 2160,
    "30 days": 43200,
    "1 day, 2 hours": 1560,
    "7D": 10080,
    "1:30:00": 90,
    "100:00:30": 6000.5,
    "2mo": 86400,
    "1y": 525600,
    "90s": 1.5,
}


@pytest.mark.parametrize(("text", "minutes"), _MINUTES.items())
def test_a_duration_is_read_as_people_write_it(text: str, minutes: float) -> None:
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    [
        *("", "h", "soon", "-1", "1h-2m", "1d1d", "2m1h", "1:30", "1:60:00", "1e3", "inf", "nan"),
        *("1M", "1M2d", "2mo5", "1y3", "1h30x", "1d 5 3m", "9" * 400, "9" * 5000, f"{'9' * 400}d"),
        *("1::2", "1 fortnight", "1h,,;2m"),
    ],
)
def test_what_could_mean_two_things_or_nothing_is_no_duration(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize("text", ["43200", "90", "0", "1h30m5s", "3d5s", "30.5s"])
def test_a_duration_is_written_so_that_it_reads_the_same(text: str) -> None:
    time = duration(text)
    assert time is not None
    assert duration(str(written(time))) == time


def test_whole_minutes_are_written_as_a_number() -> None:
    assert written(timedelta(days=30)) == 43200
    assert written(timedelta(hours=25, seconds=1)) == "1d1h1s"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("5", 5),
        ("5b", 5),
        ("5 bytes", 5),
        ("10k", 10 * 2**10),
        ("200MB", 200 * 2**20),
        ("1024MiB", 2**30),
        ("40GB", 40 * 2**30),
        ("40 gib", 40 * 2**30),
        ("1.5TiB", 3 * 2**39),
        ("1P", 2**50),
    ],
)
def test_a_size_counts_in_1024(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize("text", ["", "MB", "-1", "1EB", "1 2", "1,5GB", "9" * 5000, "many"])
def test_what_is_no_size_is_none(text: str) -> None:
    assert size(text) is None
