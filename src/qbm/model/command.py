"""The names of the commands, as configs, flags and API calls spell them."""

from __future__ import annotations

from enum import StrEnum


class CommandName(StrEnum):
    """The eight commands in run order, and the setting that works like one."""

    CAT_UPDATE = "cat_update"
    TAG_UPDATE = "tag_update"
    REM_UNREGISTERED = "rem_unregistered"
    TAG_TRACKER_ERROR = "tag_tracker_error"
    RECHECK = "recheck"
    REM_ORPHANED = "rem_orphaned"
    TAG_NOHARDLINKS = "tag_nohardlinks"
    SHARE_LIMITS = "share_limits"
    FORCE_AUTO_TMM = "force_auto_tmm"
    """``settings.force_auto_tmm``: nobody asks for it by name, runs carry it along."""


COMMANDS: tuple[CommandName, ...] = tuple(
    name for name in CommandName if name is not CommandName.FORCE_AUTO_TMM
)
"""What a request may name, in run order."""
