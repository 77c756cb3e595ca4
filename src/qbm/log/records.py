"""A log event on its way out, and the shapes in which it can be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final, TypeAlias

from msgspec import Struct

from qbm.log.screen import wrapped

_NARROWEST: Final = 40


class Level(IntEnum):
    """How much a record matters, with the numbers of Python's logging."""

    TRACE = 5
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


_WARNINGS: Final = {
    Level.WARNING: "warning: ",
    Level.ERROR: "error: ",
    Level.CRITICAL: "error: ",
}


class Record(Struct, frozen=True):
    """One event; ``time`` is local, as ``YYYY-MM-DD HH:MM:SS``.

    ``event`` has its name under ``event``, and its fields; ``text`` is its wording, without
    control characters. Neither holds a secret. ``traceback`` is for those who look into a
    fault. ``threshold`` is the level that whoever wrote it asked for.
    """

    level: Level
    time: str
    event: Mapping[str, Any]
    text: str
    traceback: str = ""
    threshold: Level = Level.CRITICAL


def each_text(fields: Mapping[str, object], change: Callable[[str], str]) -> dict[str, object]:
    """The fields of an event with every text in them, however deep, put through ``change``."""
    return {name: _changed(value, change) for name, value in fields.items()}


def _changed(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return each_text(value, change)
    if isinstance(value, list | tuple):
        return [_changed(each, change) for each in value]
    return value


Layout: TypeAlias = Callable[[Record], str]
"""Writes a record as one or more lines, each with its line feed."""


def as_json(record: Record) -> str:
    """One line of JSON, in ASCII: whatever a name holds cannot drive a terminal."""
    fields = {
        "time": record.time,
        "level": record.level.name.lower(),
        **record.event,
        "text": record.text,
    }
    if record.traceback:
        fields["traceback"] = record.traceback
    return f"{json.dumps(fields)}\n"


def as_stamped_text(width: int) -> Layout:
    """Date, time, level and sentence; broken after ``width`` columns (0: never)."""

    def layout(record: Record) -> str:
        stamp = f"{record.time} {record.level.name:<8} "
        return _broken(stamp, record.text, width, len(stamp)) + record.traceback

    return layout


def as_plain_text(width: int) -> Layout:
    """A sentence for a person at a terminal; only warnings and worse say what they are."""

    def layout(record: Record) -> str:
        stamp = _WARNINGS.get(record.level, "")
        return _broken(stamp, record.text, width, 4) + record.traceback

    return layout


def _broken(stamp: str, text: str, width: int, indent: int) -> str:
    """The line, in as many as it takes; all but the first begin with ``indent`` blanks."""
    if not width:
        return f"{stamp}{text}\n"
    lines = wrapped(stamp + text, max(width, _NARROWEST), indent)
    return "\n".join([*lines, ""])
