"""Share limits as the Web API writes them, and what they mean: a torrent's own, the server's.

A time is in whole minutes, -1 is "none" and -2 "the server's own". Servers up to 5.1 cut a
ratio down to 9999 and a seeding time to 525600 minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from qbm.model.limit import GlobalLimits, Limit, ShareLimitAction, ShareLimits, ShareLimitsMode

_MINUTE: Final = timedelta(minutes=1)
_MOST_MINUTES: Final = timedelta.max // _MINUTE

_NUMBERS: Final[Mapping[ShareLimitAction, int]] = {
    ShareLimitAction.DEFAULT: -1,
    ShareLimitAction.STOP: 0,
    ShareLimitAction.REMOVE: 1,
    ShareLimitAction.ENABLE_SUPER_SEEDING: 2,
    ShareLimitAction.REMOVE_WITH_CONTENT: 3,
}
"""``max_ratio_act``, which 5.3.0 still writes as a number."""
_ACTS: Final[Mapping[int, ShareLimitAction]] = {number: act for act, number in _NUMBERS.items()}
_ACTIONS: Final[Mapping[str, ShareLimitAction]] = {each.value: each for each in ShareLimitAction}
_MODES: Final[Mapping[str, ShareLimitsMode]] = {each.value: each for each in ShareLimitsMode}


class WirePreferences(Struct, frozen=True):
    """The part of ``app/preferences`` that is read."""

    max_ratio: float = -1
    max_ratio_enabled: bool = False
    max_seeding_time: int = -1
    max_seeding_time_enabled: bool = False
    max_inactive_seeding_time: int | UnsetType = UNSET
    max_inactive_seeding_time_enabled: bool = False
    max_ratio_act: int = 0
    temp_path: str = ""
    temp_path_enabled: bool = False


def ratio_limit(number: float) -> float | Limit:
    """A ratio, or none."""
    return number if number >= 0 else _no_number(number)


def time_limit(minutes: int) -> timedelta | Limit:
    """A time, or none."""
    if minutes < 0:
        return _no_number(minutes)
    return timedelta(minutes=min(minutes, _MOST_MINUTES))


def share_limit_action(text: str) -> ShareLimitAction:
    """A word that nobody knows is ``DEFAULT``: so the server itself takes one."""
    return _ACTIONS.get(text, ShareLimitAction.DEFAULT)


def share_limits_mode(text: str) -> ShareLimitsMode:
    """A word that nobody knows is ``DEFAULT``: so the server itself takes one."""
    return _MODES.get(text, ShareLimitsMode.DEFAULT)


def share_limits_form(limits: ShareLimits) -> dict[str, str]:
    """All parameters of ``torrents/setShareLimits``.

    5.1.0 demands the third and 5.3.0 all of them; older servers pass over what they do not
    know. What is None goes out as its default.
    """
    inactive = limits.inactive_seeding_time_limit
    return {
        "ratioLimit": _plain(limits.ratio_limit),
        "seedingTimeLimit": _plain(limits.seeding_time_limit),
        "inactiveSeedingTimeLimit": _plain(Limit.GLOBAL if inactive is None else inactive),
        "shareLimitAction": limits.share_limit_action or ShareLimitAction.DEFAULT,
        "shareLimitsMode": limits.share_limits_mode or ShareLimitsMode.DEFAULT,
    }


def global_limits_of(wire: WirePreferences) -> GlobalLimits:
    """The server's own limits; one that is switched off is ``UNLIMITED``."""
    inactive: timedelta | Limit | None = None
    if wire.max_inactive_seeding_time is not UNSET:
        inactive = Limit.UNLIMITED
        if wire.max_inactive_seeding_time_enabled:
            inactive = time_limit(wire.max_inactive_seeding_time)
    return GlobalLimits(
        max_ratio=ratio_limit(wire.max_ratio) if wire.max_ratio_enabled else Limit.UNLIMITED,
        max_seeding_time=(
            time_limit(wire.max_seeding_time) if wire.max_seeding_time_enabled else Limit.UNLIMITED
        ),
        max_inactive_seeding_time=inactive,
        max_ratio_act=_ACTS.get(wire.max_ratio_act, ShareLimitAction.DEFAULT),
    )


def preferences_between(after: GlobalLimits, before: GlobalLimits) -> dict[str, object]:
    """The preferences that turn ``before`` into ``after``; none where they are alike.

    A limit and its switch go together: up to 5.1 neither has an effect without the other.
    """
    changed: dict[str, object] = {}
    if after.max_ratio != before.max_ratio:
        changed |= _switched("max_ratio", after.max_ratio)
    if after.max_seeding_time != before.max_seeding_time:
        changed |= _switched("max_seeding_time", after.max_seeding_time)
    inactive = after.max_inactive_seeding_time
    if inactive is not None and inactive != before.max_inactive_seeding_time:
        changed |= _switched("max_inactive_seeding_time", inactive)
    if after.max_ratio_act != before.max_ratio_act:
        changed["max_ratio_act"] = _NUMBERS[after.max_ratio_act]
    return changed


def _no_number(number: float) -> Limit:
    return Limit.GLOBAL if number == Limit.GLOBAL.value else Limit.UNLIMITED


def _switched(name: str, limit: float | timedelta | Limit) -> dict[str, object]:
    if isinstance(limit, Limit):
        return {f"{name}_enabled": False}
    return {f"{name}_enabled": True, name: _number(limit)}


def _plain(limit: float | timedelta | Limit) -> str:
    return str(limit.value if isinstance(limit, Limit) else _number(limit))


def _number(limit: float | timedelta) -> float:
    return limit // _MINUTE if isinstance(limit, timedelta) else limit
