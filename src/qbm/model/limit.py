"""Share limits: a torrent's own, the server's for all torrents, and what happens at one.

Names are those of qBittorrent's Web API. A limit that a server does not know at all (the
inactive time before 5.0, the action before 5.2) is None: it is neither compared nor written.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, StrEnum

from msgspec import Struct


class Limit(Enum):
    """No number: qBittorrent's -1 and -2. Not an int, so that neither is ever compared as one."""

    UNLIMITED = -1
    GLOBAL = -2
    """The server's own limit for all torrents, if it has one."""


class ShareLimitAction(StrEnum):
    """What qBittorrent 5.2 and later does with a torrent that reaches a limit of its own."""

    DEFAULT = "Default"
    STOP = "Stop"
    REMOVE = "Remove"
    REMOVE_WITH_CONTENT = "RemoveWithContent"
    ENABLE_SUPER_SEEDING = "EnableSuperSeeding"


class ShareLimitsMode(StrEnum):
    """Whether one limit that is reached is enough (qBittorrent 5.3 and later)."""

    DEFAULT = "Default"
    MATCH_ANY = "MatchAny"
    MATCH_ALL = "MatchAll"


class ShareLimits(Struct, frozen=True, kw_only=True):
    """The share limits of one torrent, all of them: the server takes them only together."""

    ratio_limit: float | Limit = Limit.GLOBAL
    seeding_time_limit: timedelta | Limit = Limit.GLOBAL
    inactive_seeding_time_limit: timedelta | Limit | None = None
    share_limit_action: ShareLimitAction | None = None
    share_limits_mode: ShareLimitsMode | None = None


class GlobalLimits(Struct, frozen=True, kw_only=True):
    """The server's limits for torrents whose own are ``GLOBAL``, and what it does there.

    Of ``app/preferences``: a limit that is switched off there is ``UNLIMITED``.
    ``max_ratio_act`` is ``DEFAULT`` only where 4.x holds a number that means nothing.
    """

    max_ratio: float | Limit = Limit.UNLIMITED
    max_seeding_time: timedelta | Limit = Limit.UNLIMITED
    max_inactive_seeding_time: timedelta | Limit | None = None
    max_ratio_act: ShareLimitAction = ShareLimitAction.STOP
