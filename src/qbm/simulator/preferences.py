"""The server's own share limits, and how ``app/setPreferences`` and ``setShareLimits`` are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from qbm.simulator.calls import RefusedError
from qbm.simulator.profiles import Profile

GLOBAL = -2
"""A torrent's limit that is the server's own."""
_NONE = -1
_MOST_RATIO = 9999
_MOST_MINUTES = 525_600
_LIMITS = ("max_ratio", "max_seeding_time", "max_inactive_seeding_time")
_ACTS = range(4)
_ACTIONS = frozenset({"Default", "Stop", "Remove", "RemoveWithContent", "EnableSuperSeeding"})
_MODES = frozenset({"Default", "MatchAny", "MatchAll"})

Json: TypeAlias = Mapping[str, object]


@dataclass(slots=True)
class Preferences:
    """What can be set; -1 is a limit that is switched off, times are in minutes."""

    max_ratio: float = _NONE
    max_seeding_time: float = _NONE
    max_inactive_seeding_time: float = _NONE
    max_ratio_act: int = 0
    share_limits_mode: str = "MatchAny"
    temp_path: str = ""
    temp_path_enabled: bool = False

    def update(self, profile: Profile, wanted: Json) -> None:
        """``app/setPreferences``.

        Raises:
            RefusedError: 501 for a preference that is not simulated.
        """
        for name in wanted:
            if name.removesuffix("_enabled") not in _LIMITS and name not in self.__slots__:
                raise RefusedError(501, f"the simulator knows no preference {name!r}")
        for name in _limits(profile):
            setattr(self, name, _limit(profile, wanted, name, present=getattr(self, name)))
        if "max_ratio_act" in wanted:
            act = int(_number(wanted["max_ratio_act"]))
            self.max_ratio_act = act if act in _ACTS or not profile.checks_act else 0
        if profile.has_limits_mode and "share_limits_mode" in wanted:
            mode = wanted["share_limits_mode"]
            self.share_limits_mode = "MatchAll" if mode == "MatchAll" else "MatchAny"
        if isinstance(path := wanted.get("temp_path"), str):
            self.temp_path = path
        if "temp_path_enabled" in wanted:
            self.temp_path_enabled = _flag(wanted["temp_path_enabled"])

    def shown(self, profile: Profile) -> dict[str, object]:
        """The limits as ``app/preferences`` shows them."""
        row: dict[str, object] = {"max_ratio_act": self.max_ratio_act}
        for name in _limits(profile):
            limit = getattr(self, name)
            row |= {name: limit, f"{name}_enabled": limit >= 0}
        if profile.has_limits_mode:
            row["share_limits_mode"] = self.share_limits_mode
        return row


def _limits(profile: Profile) -> tuple[str, ...]:
    return _LIMITS if profile.tells_private else _LIMITS[:2]


def _limit(profile: Profile, wanted: Json, name: str, *, present: float) -> float:
    """Up to 5.1 a limit counts only beside its switch; 5.3.0 takes it alone, too."""
    switch = wanted.get(f"{name}_enabled")
    if switch is None and (name not in wanted or not profile.takes_bare_limits):
        return present
    if switch is not None and not _flag(switch):
        return _NONE
    if name not in wanted and profile.takes_bare_limits:
        return present
    number = _number(wanted.get(name, 0))
    return max(_NONE, number if name == "max_ratio" else math.floor(number + 0.5))


def _flag(value: object) -> bool:
    return str(value).lower() == "true" if isinstance(value, str) else bool(value)


def _number(value: object) -> float:
    return _ratio(value) if isinstance(value, str) else float(str(value))


def ratio_of(profile: Profile, text: str) -> float:
    """``ratioLimit`` as it is kept."""
    ratio = _ratio(text)
    if ratio < GLOBAL:
        return _NONE
    return min(ratio, _MOST_RATIO) if profile.cuts_limits else ratio


def minutes_of(profile: Profile, text: str) -> int:
    """``seedingTimeLimit`` or ``inactiveSeedingTimeLimit`` as it is kept."""
    try:
        minutes = int(text)
    except ValueError:
        minutes = 0
    if minutes < GLOBAL:
        return _NONE
    return min(minutes, _MOST_MINUTES) if profile.cuts_limits else minutes


def action_of(text: str) -> str:
    """``shareLimitAction``: a word that is not known, in just this case, is Default."""
    return text if text in _ACTIONS else "Default"


def mode_of(text: str) -> str:
    """``shareLimitsMode``: a word that is not known, in just this case, is Default."""
    return text if text in _MODES else "Default"


def _ratio(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
