"""Durations and sizes as people write them (spec: commands.md, share_limits)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)[\s,]*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])(?:i?b)?|b(?:ytes?)?)?", re.IGNORECASE)

_UNITS = (
    (("y", "yr", "yrs", "year", "years"), timedelta(days=365)),
    (("mo", "mon", "mos", "month", "months"), timedelta(days=30)),
    (("w", "wk", "wks", "week", "weeks"), timedelta(weeks=1)),
    (("d", "day", "days"), timedelta(days=1)),
    (("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    (("m", "min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    (("s", "sec", "secs", "second", "seconds"), timedelta(seconds=1)),
)
_UNIT = {word: unit for words, unit in _UNITS for word in words}
_UNIT_BELOW = {
    timedelta(weeks=1): timedelta(days=1),
    timedelta(days=1): timedelta(hours=1),
    timedelta(hours=1): timedelta(minutes=1),
    timedelta(minutes=1): timedelta(seconds=1),
}
"""What the last number of ``1h30`` counts. After months and years it could be anything."""
_FACTORS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}

DURATION = "minutes as a number, or a time such as 90m, 2h30m, 7d, 1w3d, 30 days, 1:30:00"
SIZE = "bytes as a number, or a size such as 200MB, 40GB, 1.5TiB (of 1024 each)"


def duration(text: str) -> timedelta | None:
    """The time that ``text`` says; None if it says none. A number alone counts minutes.

    A month is 30 days, a year 365. Units go from large to small, each at most once. A lone
    capital ``M`` could be minutes or months, so it is neither.
    """
    text = text.strip()
    try:
        if _NUMBER.fullmatch(text):
            return timedelta(minutes=float(text))
        if clock := _CLOCK.fullmatch(text):
            hours, minutes, seconds = map(int, clock.groups())
            return timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return _sum(text)
    except (OverflowError, ValueError):  # ValueError: more digits than Python converts
        return None


def _sum(text: str) -> timedelta | None:
    total, end, last = timedelta(), 0, timedelta.max
    for part in _PART.finditer(text):
        unit = _unit(part[2], last)
        is_bare_inside = not part[2] and part.end() < len(text)
        if part.start() != end or unit is None or unit >= last or is_bare_inside:
            return None
        total += float(part[1]) * unit
        end, last = part.end(), unit
    return total if end == len(text) and end else None


def _unit(word: str, last: timedelta) -> timedelta | None:
    if not word:
        return _UNIT_BELOW.get(last)
    return None if word == "M" else _UNIT.get(word.lower())


def size(text: str) -> int | None:
    """The bytes that ``text`` says; None if it says none. Every unit is one of 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return int(float(found[1]) * _FACTORS[(found[2] or "").lower()])
    except OverflowError:
        return None


def written(time: timedelta) -> str | int:
    """A duration as one would write it: minutes where they are whole, else ``1h30m5s``."""
    if time % timedelta(minutes=1) == timedelta():
        return time // timedelta(minutes=1)
    return "".join(_parts(time))


def _parts(time: timedelta) -> Iterator[str]:
    for words, unit in _UNITS[3:-1]:
        if count := time // unit:
            yield f"{count}{words[0]}"
        time %= unit
    yield f"{time.total_seconds():g}s"
