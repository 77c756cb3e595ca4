"""What a share limit may be besides a number, and what the server does when one is reached."""

from __future__ import annotations

from enum import Enum, StrEnum


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
