"""Which limits hold for a torrent's seeding, and which of them it has reached.

``share_limits`` asks for the maximums of a group, ``recheck`` for the *effective* limits: the
torrent's own, else the server's global ones, inactive time included (spec: decisions).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from qbm.model.limit import GlobalLimits, Limit, ShareLimits, ShareLimitsMode
from qbm.model.reason import Code, Reason, because
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN, Unknown

T = TypeVar("T", float, timedelta)

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


class LimitNames(Struct, frozen=True):
    """What people know the three limits by."""

    ratio: str = "the ratio limit"
    seeding_time: str = "the seeding time limit"
    inactive_time: str = "the inactive time limit"


class SeedingLimits(Struct, frozen=True, kw_only=True):
    """The limits that hold; None is none, ``UNKNOWN`` one that could not be read.

    ``needs_all`` says that only all of them together end the seeding (``MatchAll`` of
    qBittorrent 5.3).
    """

    ratio: float | Unknown | None = None
    seeding_time: timedelta | Unknown | None = None
    inactive_time: timedelta | Unknown | None = None
    needs_all: bool = False
    names: LimitNames = LimitNames()


class Standing(Struct, frozen=True):
    """How a torrent stands to its limits: those it has reached, and those nobody can tell of.

    ``is_over`` says whether its seeding has come to its end.
    """

    is_over: bool | Unknown
    reached: tuple[Reason, ...] = ()
    unknown: tuple[Reason, ...] = ()


def effective(own: ShareLimits, common: GlobalLimits | Unknown) -> SeedingLimits:
    """The torrent's own limits, with the server's in place of those that are ``GLOBAL``.

    A mode of ``Default`` is taken for the server's usual one: any limit is enough.
    """
    ratio, seeding_time, inactive_time = _global(common)
    inactive = own.inactive_seeding_time_limit
    return SeedingLimits(
        ratio=resolved(own.ratio_limit, ratio),
        seeding_time=resolved(own.seeding_time_limit, seeding_time),
        inactive_time=None if inactive is None else resolved(inactive, inactive_time),
        needs_all=own.share_limits_mode is ShareLimitsMode.MATCH_ALL,
    )


def _global(
    common: GlobalLimits | Unknown,
) -> tuple[float | Limit | Unknown, timedelta | Limit | Unknown, timedelta | Limit | Unknown]:
    if common is UNKNOWN:
        return UNKNOWN, UNKNOWN, UNKNOWN
    inactive = common.max_inactive_seeding_time
    return (
        common.max_ratio,
        common.max_seeding_time,
        Limit.UNLIMITED if inactive is None else inactive,
    )


def resolved(own: T | Limit, common: T | Limit | Unknown) -> T | Unknown | None:
    """The number that holds where ``GLOBAL`` stands for ``common``; None if there is no limit."""
    limit = common if own is Limit.GLOBAL else own
    return None if isinstance(limit, Limit) else limit


def standing(torrent: Torrent, limits: SeedingLimits, now: datetime) -> Standing:
    """Compares what the torrent has with each limit; who was never active is not inactive."""
    verdicts = list(_verdicts(torrent, limits, now))
    reached = tuple(reason for is_met, reason in verdicts if is_met is True)
    unknown = tuple(reason for is_met, reason in verdicts if is_met is UNKNOWN)
    met = [is_met for is_met, _ in verdicts]
    return Standing(_all(met) if limits.needs_all else _any(met), reached, unknown)


def _any(met: list[bool | Unknown]) -> bool | Unknown:
    if True in met:
        return True
    return UNKNOWN if UNKNOWN in met else False


def _all(met: list[bool | Unknown]) -> bool | Unknown:
    if False in met or not met:
        return False
    return UNKNOWN if UNKNOWN in met else True


def _verdicts(
    torrent: Torrent, limits: SeedingLimits, now: datetime
) -> Iterator[tuple[bool | Unknown, Reason]]:
    """For each limit that there is: whether it is reached, and what to say of that."""
    names = limits.names
    if limits.ratio is not None:
        yield _of_ratio(torrent.ratio, limits.ratio, names.ratio)
    if limits.seeding_time is not None:
        codes = (Code.SEEDING_TIME_REACHED, Code.SEEDING_TIME_UNKNOWN)
        yield _of_time(torrent.seeding_time, limits.seeding_time, names.seeding_time, *codes)
    if limits.inactive_time is not None:
        codes = (Code.INACTIVE_TIME_REACHED, Code.LAST_ACTIVITY_UNKNOWN)
        idle = idle_time(torrent, now)
        yield _of_time(idle, limits.inactive_time, names.inactive_time, *codes)


def _of_ratio(
    ratio: float | Unknown, limit: float | Unknown, name: str
) -> tuple[bool | Unknown, Reason]:
    if limit is UNKNOWN:
        return UNKNOWN, because(Code.GLOBAL_LIMITS_UNKNOWN)
    if ratio is UNKNOWN:
        return UNKNOWN, because(Code.RATIO_UNKNOWN)
    texts = {"ratio": shown_ratio(ratio), "name": name, "limit": f"{limit:g}"}
    return ratio >= limit, because(Code.RATIO_REACHED, **texts)


def _of_time(
    time: timedelta | Unknown, limit: timedelta | Unknown, name: str, reached: Code, unread: Code
) -> tuple[bool | Unknown, Reason]:
    if limit is UNKNOWN:
        return UNKNOWN, because(Code.GLOBAL_LIMITS_UNKNOWN)
    if time is UNKNOWN:
        return UNKNOWN, because(unread)
    texts = {"time": shown_time(time), "name": name, "limit": shown_time(limit)}
    return time >= limit, because(reached, **texts)


def idle_time(torrent: Torrent, now: datetime) -> timedelta | Unknown:
    """How long ago its last activity was, by our own clock; never less than nothing."""
    if torrent.last_activity is UNKNOWN:
        return UNKNOWN
    return max(now - torrent.last_activity, timedelta())


def shown_ratio(ratio: float) -> str:
    """Two decimals, cut off: a ratio that is not reached must not read as if it were."""
    return f"{math.floor(ratio * 100) / 100:.2f}" if math.isfinite(ratio) else "∞"


def shown_time(time: timedelta) -> str:
    """As people write it, such as ``3d2h32m``, cut off at whole minutes; below, in seconds."""
    if time < timedelta(minutes=1):
        return f"{int(time.total_seconds())}s"
    text = ""
    for letter, unit in _UNITS:
        count, time = divmod(time, unit)
        text += f"{count}{letter}" if count else ""
    return text
