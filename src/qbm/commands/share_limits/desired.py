"""The state that a torrent should be in, and the changes that lead there.

A change is planned only where the server shows something else. qBittorrent's rounding
(read off 4.2.5 to 5.3.0): whole minutes, no ratio above 9999 before 5.3, and an upload limit
of 2^31 - 1 bytes per second or more is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar, assert_never

from msgspec import Struct

from qbm.commands.seeding_limits import effective, standing
from qbm.commands.share_limits.ruling import REMOVING, Fate, Ruling, World, is_protected
from qbm.commands.share_limits.tags import is_new_to_group, planned, stale_minimum_tags, tag_changes
from qbm.config import ShareLimitGroup
from qbm.model.change import SetShareLimits, SetUploadLimit, Start
from qbm.model.limit import Limit, ShareLimitAction, ShareLimits, ShareLimitsMode
from qbm.model.plan import Planned
from qbm.model.projection import same_limits
from qbm.model.reason import Code, because
from qbm.model.torrent import Torrent

T = TypeVar("T")

_KIB = 1024
_NO_SPEED_FROM = 2**31 - 1
_MOST_RATIO = 9999.0
_MINUTE = timedelta(minutes=1)


class Speed(Struct, frozen=True):
    """A group's upload speed for each of its torrents: KiB/s, 0 or less is unlimited.

    ``members`` is the number of torrents that share it, 0 if they do not.
    """

    kib: int
    members: int = 0


def share_of(group: ShareLimitGroup, members: int) -> Speed:
    """What each of a group's torrents may upload with; at least 1 KiB/s each."""
    total = group.limit_upload_speed
    if not shares_speed(group) or not members:
        return Speed(total)
    return Speed(max(1, round(total / members)), members)


def shares_speed(group: ShareLimitGroup) -> bool:
    """Its torrents have one upload limit together."""
    return group.enable_group_upload_speed and group.limit_upload_speed > 0


def changes(torrent: Torrent, ruling: Ruling, speed: Speed, world: World) -> Iterator[Planned]:
    """What is to be changed of a torrent that stays, in any order."""
    group = world.groups[ruling.group]
    limits = _limits(torrent, ruling, group, world)
    upload = _upload(ruling, group, speed)
    is_changed = is_new_to_group(torrent, ruling, world) or bool(
        stale_minimum_tags(torrent, ruling, world)
    )
    if not same_limits(torrent.share_limits, limits):
        is_changed = True
        yield planned(SetShareLimits(torrent.hash, torrent.share_limits, limits), ruling.reasons)
    if upload is not None and upload != torrent.up_limit:
        is_changed = True
        shared = [because(Code.GROUP_SPEED, speed=speed.kib, number=speed.members)]
        why = (*ruling.reasons, *(shared if speed.members and upload else ()))
        yield planned(SetUploadLimit(torrent.hash, torrent.up_limit, upload), why)
    if group.resume_torrent_after_change and torrent.is_stopped:
        after = effective(limits, world.common)
        if _is_to_run(torrent, ruling, is_changed=is_changed) and (
            standing(torrent, after, world.now).is_over is False
        ):
            why = (*ruling.reasons, because(Code.STARTED_AFTER_CHANGE))
            yield planned(Start(torrent.hash), why)
    yield from tag_changes(torrent, ruling, world)


def _limits(torrent: Torrent, ruling: Ruling, group: ShareLimitGroup, world: World) -> ShareLimits:
    """Of what the server knows of limits, all that should be set."""
    is_limited = ruling.fate in {Fate.SEED, Fate.STOP}
    own = torrent.share_limits
    return ShareLimits(
        ratio_limit=_ratio_limit(group.max_ratio) if is_limited else Limit.UNLIMITED,
        seeding_time_limit=_whole(group.max_seeding_time) if is_limited else Limit.UNLIMITED,
        inactive_seeding_time_limit=_where_known(
            own.inactive_seeding_time_limit, Limit.GLOBAL if is_limited else Limit.UNLIMITED
        ),
        share_limit_action=_where_known(
            own.share_limit_action,
            _action(torrent, group, world) if is_limited else ShareLimitAction.DEFAULT,
        ),
        # One limit that is reached is enough: that is the rule of groups, whatever the
        # server's default mode.
        share_limits_mode=_where_known(
            own.share_limits_mode,
            ShareLimitsMode.MATCH_ANY if is_limited else ShareLimitsMode.DEFAULT,
        ),
    )


def _ratio_limit(limit: float | Limit) -> float | Limit:
    return limit if isinstance(limit, Limit) else min(limit, _MOST_RATIO)


def _whole(limit: timedelta | Limit) -> timedelta | Limit:
    """In whole minutes; never less than the config says."""
    return limit if isinstance(limit, Limit) else math.ceil(limit / _MINUTE) * _MINUTE


def _action(torrent: Torrent, group: ShareLimitGroup, world: World) -> ShareLimitAction:
    """The group's, but none by which the server would remove a protected torrent."""
    action = group.share_limit_action
    effective_action = action
    if action is ShareLimitAction.DEFAULT and world.common:
        effective_action = world.common.max_ratio_act
    if effective_action in REMOVING and is_protected(torrent, world.settings):
        return ShareLimitAction.STOP
    return action


def _where_known(own: object, wanted: T) -> T | None:
    """``wanted``, or None where the server has no such limit."""
    return None if own is None else wanted


def _upload(ruling: Ruling, group: ShareLimitGroup, speed: Speed) -> int | None:
    """The upload limit in bytes per second, 0 for none; None if it stays as it is."""
    if ruling.fate is Fate.SLOW:
        return _bytes(group.upload_speed_on_limit_reached)
    if ruling.fate is not Fate.UNMET:
        return _bytes(speed.kib)
    if group.reset_upload_speed_on_unmet_minimums:
        return 0
    return _bytes(speed.kib) if speed.kib > 0 else None


def _bytes(kib: int) -> int:
    speed = max(0, kib) * _KIB
    return speed if speed < _NO_SPEED_FROM else 0


def _is_to_run(torrent: Torrent, ruling: Ruling, *, is_changed: bool) -> bool:
    """Whether the rules want it started; who stops a torrent later is not overruled."""
    match ruling.fate:
        case Fate.UNMET:
            return ruling.minimum_tag not in torrent.tags
        case Fate.SLOW:
            return is_changed
        case Fate.SEED:
            return is_changed and torrent.is_complete
        case Fate.STOP | Fate.REMOVE:
            return False
    assert_never(ruling.fate)
