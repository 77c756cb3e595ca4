"""The names of the commands, as configs, flags and API calls spell them."""

from __future__ import annotations

from enum import StrEnum


class CommandName(StrEnum):
    """The eight commands in run order, and what runs carry along unasked."""

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
    CLEANUP_DIRS = "cleanup_dirs"
    """Emptying the bins of what is old, at the end; the name is that of its webhook."""
    RESTORE = "restore"
    """Putting back what a run has removed, asked for by itself."""


_UNASKED = frozenset({CommandName.FORCE_AUTO_TMM, CommandName.CLEANUP_DIRS, CommandName.RESTORE})

COMMANDS: tuple[CommandName, ...] = tuple(name for name in CommandName if name not in _UNASKED)
"""What a request may name, in run order."""
