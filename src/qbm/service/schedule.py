"""Reading a schedule: every so many minutes, or a cron expression (spec: cli.md, *Scheduling*).

Cron is in the machine's local time, as people write it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from cronsim import CronSim, CronSimError
from msgspec import Struct

Kind: TypeAlias = Literal["interval", "cron"]

_NICKNAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LONGEST_MINUTES: Final = 525_600
"""A year."""
_LONGEST_TEXT: Final = 200
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_ALLOWED: Final = (
    "Allowed: a number of minutes (1 to 525600), or a cron expression of five or six fields "
    "such as 0 4 * * * (the sixth is seconds), or @daily, @hourly, @weekly, @monthly, @yearly."
)


class Interval(Struct, frozen=True):
    """Every so many minutes."""

    minutes: int

    kind: Kind = "interval"

    def __str__(self) -> str:
        return str(self.minutes)


class Cron(Struct, frozen=True):
    """At the times that ``expression`` names; it is kept as it was written."""

    expression: str

    kind: Kind = "cron"

    def __str__(self) -> str:
        return self.expression


Schedule: TypeAlias = Interval | Cron


def read_schedule(text: str, kind: str | None = None) -> Schedule:
    """The schedule that ``text`` means; ``kind`` None is told by its look.

    Raises:
        ValueError: it is none; the text says what is wrong and what is allowed.
    """
    text = " ".join(text.split())
    if not text:
        raise ValueError(f"Schedule value is required. {_ALLOWED}")
    if kind not in (None, "interval", "cron"):
        raise ValueError("Schedule type must be 'cron' or 'interval'.")
    if kind == "cron" or (kind is None and not _NUMBER.fullmatch(text)):
        return _cron(text)
    minutes = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= minutes <= _LONGEST_MINUTES:
        raise ValueError(f"Invalid interval value. {_ALLOWED}")
    return Interval(minutes)


def _cron(text: str) -> Cron:
    cron = Cron(text)
    try:
        _iterator(cron, datetime(2026, 1, 1))  # noqa: DTZ001 - cron is in local time
    except CronSimError as error:
        raise ValueError(f"Invalid schedule format: {error}. {_ALLOWED}") from error
    return cron


def next_run(schedule: Schedule, now: datetime, since: datetime) -> datetime | None:
    """The first time after ``now`` at which it is due, in UTC; None if that never comes.

    ``since`` is when the schedule began to count: the start of the last scheduled run, or of
    the program. Both times are aware.
    """
    if isinstance(schedule, Cron):
        return _next_of_cron(schedule, now)
    step = timedelta(minutes=schedule.minutes)
    passed = max(0, (now - since) // step)
    return (since + (passed + 1) * step).astimezone(UTC)


def _next_of_cron(cron: Cron, now: datetime) -> datetime | None:
    """In naive local time, so that a change to or from summer time is the system's business."""
    local = now.astimezone().replace(tzinfo=None)
    for due in _iterator(cron, local):
        found = due.astimezone(UTC)
        # What the clock skips in spring, or has had once already in autumn, is not after now.
        if found > now:
            return found
    return None


def _iterator(cron: Cron, local: datetime) -> CronSim:
    """Raises CronSimError."""
    if len(cron.expression) > _LONGEST_TEXT:
        raise CronSimError("it is too long")
    expression = _NICKNAMES.get(cron.expression.lower(), cron.expression)
    *fields, last = expression.split()
    # The older tool takes seconds for the sixth field, CronSim for the first.
    if len(fields) == 5:  # noqa: PLR2004 - of cron
        expression = " ".join((last, *fields))
    return CronSim(expression, local)


def in_words(now: datetime, due: datetime) -> str:
    """As the older tool says it: ``Current Time: 05:49 PM | 1 day until the next run at …``."""
    here, there = now.astimezone(), due.astimezone()
    return (
        f"Current Time: {here:%I:%M %p} | {_span(due - now)} until the next run at "
        f"{there:%Y-%m-%d %I:%M %p}"
    )


def _span(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [
        f"{number} {name}{'s' if number != 1 else ''}"
        for number, name in ((days, "day"), (hours, "hour"), (minutes, "minute"))
        if number
    ]
    return (
        " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part) or "0 minutes"
    )
