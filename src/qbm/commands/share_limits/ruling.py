"""What a group makes of a torrent now: the minimums in their order, then the maximums."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum, auto

from msgspec import Struct

from qbm.commands.seeding_limits import (
    LimitNames,
    SeedingLimits,
    idle_time,
    resolved,
    shown_time,
    standing,
)
from qbm.config import Settings, ShareLimitGroup
from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction
from qbm.model.reason import Code, Reason, because, together
from qbm.model.torrent import Torrent
from qbm.model.unknown import UNKNOWN, Unknown

REMOVING = frozenset({ShareLimitAction.REMOVE, ShareLimitAction.REMOVE_WITH_CONTENT})


class World(Struct, frozen=True):
    """What decides besides the torrent itself.

    ``common`` are the server's limits for all torrents, as they will be.
    """

    groups: Mapping[str, ShareLimitGroup]
    settings: Settings
    common: GlobalLimits | Unknown
    now: datetime


class Fate(Enum):
    """What becomes of a torrent in a group."""

    UNMET = auto()
    """A minimum is not met: no limits."""
    SEED = auto()
    """No limit is reached: the group's limits."""
    STOP = auto()
    """One is: the group's limits, at which the server stops it by itself."""
    SLOW = auto()
    """One is: no limits, but seeding goes on at another speed."""
    REMOVE = auto()
    """One is, and the group cleans up."""


class Ruling(Struct, frozen=True):
    """The fate of a torrent, and why; ``minimum_tag`` says which minimum is not met."""

    group: str
    fate: Fate
    reasons: tuple[Reason, ...]
    minimum_tag: str | None = None


def ruled(torrent: Torrent, name: str, world: World) -> Ruling | Reason:
    """The fate of a torrent in the group ``name``; the reason if what was not read decides it."""
    group = world.groups[name]
    unmet = _few_seeds(torrent, group, world) or _active_lately(torrent, group, world)
    if unmet is not None:
        return _unmet(name, *unmet) if isinstance(unmet, tuple) else _blind(name, unmet)
    now = standing(torrent, _maximums(group, world.common), world.now)
    unread = [each for each in now.unknown if each.code is not Code.LAST_ACTIVITY_UNKNOWN]
    if now.is_over is not True and unread:
        return _blind(name, *unread)
    if now.is_over is not True:
        return Ruling(name, Fate.SEED, (because(Code.GROUP_SEEDS, group=name),))
    minimum = group.min_seeding_time
    if minimum and torrent.seeding_time is UNKNOWN:
        return _blind(name, because(Code.SEEDING_TIME_UNKNOWN))
    if torrent.seeding_time is not UNKNOWN and torrent.seeding_time < minimum:
        texts = {"time": shown_time(torrent.seeding_time), "minimum": shown_time(minimum)}
        tag = world.settings.share_limits_min_seeding_time_tag
        return _unmet(name, tag, because(Code.SEEDED_SHORTLY, **texts), *now.reached)
    return _over(torrent, name, now.reached, world)


def is_protected(torrent: Torrent, settings: Settings) -> bool:
    """It has ``settings.protect_tag``: neither we nor the server may remove it."""
    return settings.protect_tag is not None and settings.protect_tag in torrent.tags


def looks_at_activity(group: ShareLimitGroup) -> bool:
    """The last activity matters to it."""
    return bool(group.min_last_active) or isinstance(group.max_last_active, timedelta)


def looks_at_seeding_time(group: ShareLimitGroup) -> bool:
    """The seeding time matters to it, or may: the server's own limit could be asked for."""
    return bool(group.min_seeding_time) or group.max_seeding_time is not Limit.UNLIMITED


def _few_seeds(
    torrent: Torrent, group: ShareLimitGroup, world: World
) -> tuple[str, Reason] | Reason | None:
    """The tag and the reason if the swarm has too few; a reason alone if nobody knows."""
    minimum = group.min_num_seeds
    if not minimum:
        return None
    if torrent.num_complete is UNKNOWN:
        return because(Code.SEEDS_UNKNOWN)
    if torrent.num_complete >= minimum:
        return None
    reason = because(Code.SEEDS_FEW, seeds=torrent.num_complete, minimum=minimum)
    return world.settings.share_limits_min_num_seeds_tag, reason


def _active_lately(
    torrent: Torrent, group: ShareLimitGroup, world: World
) -> tuple[str, Reason] | None:
    """The tag and the reason; a torrent of which nobody knows it is not lately active."""
    idle = idle_time(torrent, world.now)
    if idle is UNKNOWN or idle >= group.min_last_active:
        return None
    texts = {"time": shown_time(idle), "minimum": shown_time(group.min_last_active)}
    tag = world.settings.share_limits_last_active_tag
    return tag, because(Code.ACTIVE_LATELY, **texts)


def _maximums(group: ShareLimitGroup, common: GlobalLimits | Unknown) -> SeedingLimits:
    ratio: float | Limit | Unknown = UNKNOWN
    seeding_time: timedelta | Limit | Unknown = UNKNOWN
    if common is not UNKNOWN:
        ratio, seeding_time = common.max_ratio, common.max_seeding_time
    return SeedingLimits(
        ratio=resolved(group.max_ratio, ratio),
        seeding_time=resolved(group.max_seeding_time, seeding_time),
        inactive_time=resolved(group.max_last_active, Limit.UNLIMITED),
        names=LimitNames(
            _named("max_ratio", group.max_ratio),
            _named("max_seeding_time", group.max_seeding_time),
            "max_last_active",
        ),
    )


def _named(key: str, limit: float | timedelta | Limit) -> str:
    return f"qBittorrent's {key}" if limit is Limit.GLOBAL else key


def _over(
    torrent: Torrent, name: str, reached: tuple[Reason, ...], world: World
) -> Ruling | Reason:
    """All minimums are met, and a limit is reached."""
    group = world.groups[name]
    removes = group.cleanup or group.share_limit_action in REMOVING
    if removes and looks_at_activity(group) and torrent.last_activity is UNKNOWN:
        return _blind(name, because(Code.LAST_ACTIVITY_UNKNOWN))
    reasons = reached
    if group.cleanup:
        if not is_protected(torrent, world.settings):
            return Ruling(name, Fate.REMOVE, (*reached, because(Code.GROUP_CLEANS_UP, group=name)))
        reasons = (*reached, because(Code.PROTECTED, tag=world.settings.protect_tag))
    if group.upload_speed_on_limit_reached:
        return Ruling(name, Fate.SLOW, (*reasons, because(Code.GROUP_SLOWS_DOWN, group=name)))
    return Ruling(name, Fate.STOP, (*reasons, because(Code.GROUP_MAXIMUM, group=name)))


def _unmet(name: str, tag: str, *reasons: Reason) -> Ruling:
    why = (*reasons, because(Code.GROUP_MINIMUM, group=name))
    return Ruling(name, Fate.UNMET, why, minimum_tag=tag)


def _blind(name: str, *unread: Reason) -> Reason:
    return together([*unread, because(Code.GROUP_BLIND, group=name)])
