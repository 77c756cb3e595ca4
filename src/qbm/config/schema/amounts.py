"""Ratios, times, sizes and speeds of share limits, as people write them (spec: commands.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from qbm.config import quantities
from qbm.config.schema.kinds import LARGEST_NUMBER
from qbm.config.schema.section import wrong
from qbm.model.limit import Limit, ShareLimitAction

_LONGEST = timedelta(minutes=525_600)
_RATIOS = "a number from 0, -1 for no limit, -2 for the server's own"
_ACTIONS = {action.lower(): action for action in ShareLimitAction}


def _number(value: object) -> float | None:
    """The number that ``value`` is or says, an int if it is written as one; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not abs(number) <= LARGEST_NUMBER:  # so for infinity, and for what is no number at all
        return None
    is_whole = isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal())
    return int(number) if is_whole else number


def _limit(value: object) -> Limit | None:
    if isinstance(value, Limit):
        return value
    number = _number(value)
    return Limit(int(number)) if number in (-1, -2) else None


def _duration(value: object) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return quantities.duration(str(value)) if is_number or isinstance(value, str) else None


def _ratio(value: object) -> float | Limit:
    if limit := _limit(value):
        return limit
    number = _number(value)
    if number is None or number < 0:
        raise wrong("it is no ratio", _RATIOS)
    return float(number)


def _seeding_time(value: object) -> timedelta | Limit:
    if limit := _limit(value):
        return limit
    time = _duration(value)
    if time is None:
        allowed = f"-1 for no limit, -2 for the server's own, {quantities.DURATION}"
        raise wrong("it is no duration", allowed)
    if time > _LONGEST:
        raise wrong("qBittorrent takes no more than a year", "at most 525600 minutes, or 1y")
    return time


def _inactive_time(value: object) -> timedelta | Limit:
    limit, time = _limit(value), _duration(value)
    if limit is Limit.UNLIMITED:
        return limit
    if time is None:
        raise wrong("it is no duration", f"-1 for no limit, {quantities.DURATION}")
    return time


def _time(value: object) -> timedelta:
    time = _duration(value)
    if time is None:
        raise wrong("it is no duration", quantities.DURATION)
    return time


def _size(value: object) -> int:
    number = value if isinstance(value, (str, int, float)) else ""
    size = quantities.size(str(number))
    if size is None:
        raise wrong("it is no size", quantities.SIZE)
    return size


def _priority(value: object) -> float:
    number = _number(value)
    if number is None or number < 1:
        raise wrong("it is no priority", "a number from 1, such as 1 or 2.5")
    return number


def _action(value: object) -> ShareLimitAction:
    action = _ACTIONS.get(str(value).strip().lower())
    if action is None:
        raise wrong("it is no action of qBittorrent", ", ".join(ShareLimitAction))
    return action


def _written(value: float | timedelta | Limit) -> float | str:
    """What people write for it: minutes, a number, -1 or -2."""
    if isinstance(value, Limit):
        return int(value.value)
    return quantities.written(value) if isinstance(value, timedelta) else value


_AS_WRITTEN = PlainSerializer(_written, return_type=Any, when_used="json")


def _kind(*types: str, **more: object) -> WithJsonSchema:
    return WithJsonSchema({"type": list(types) if len(types) > 1 else types[0], **more})


_DURATION = _kind("number", "string", format="qbm-duration")
_SIZE = _kind("number", "string", format="qbm-size")
Ratio: TypeAlias = Annotated[
    float | Limit, PlainValidator(_ratio), _AS_WRITTEN, _kind("number", minimum=-2)
]
SeedingTime: TypeAlias = Annotated[
    timedelta | Limit, PlainValidator(_seeding_time), _AS_WRITTEN, _DURATION
]
InactiveTime: TypeAlias = Annotated[
    timedelta | Limit, PlainValidator(_inactive_time), _AS_WRITTEN, _DURATION
]
Time: TypeAlias = Annotated[timedelta, PlainValidator(_time), _AS_WRITTEN, _DURATION]
Size: TypeAlias = Annotated[int, PlainValidator(_size), _SIZE]
Priority: TypeAlias = Annotated[
    float, PlainValidator(_priority), _AS_WRITTEN, _kind("number", minimum=1)
]
Action: TypeAlias = Annotated[
    ShareLimitAction,
    PlainValidator(_action),
    _AS_WRITTEN,
    _kind("string", enum=[*ShareLimitAction]),
]
Speed: TypeAlias = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
"""KiB/s."""
