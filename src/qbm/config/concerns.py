"""Which part of a config concerns which commands; a part that is not named concerns all.

A run that asks for other commands is not stopped by such a part (spec: config.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from qbm.model.command import COMMANDS, CommandName

Part: TypeAlias = tuple[str, ...]
"""A section, or a section and one of its keys."""

_C = CommandName
_SAVE_PATHS = frozenset({_C.CAT_UPDATE})
_TRACKERS = frozenset({_C.REM_UNREGISTERED, _C.TAG_TRACKER_ERROR})
_REMOVAL = frozenset({_C.REM_UNREGISTERED, _C.SHARE_LIMITS})
_NOTHING_YET: frozenset[CommandName] = frozenset()
_AUTO_TMM = frozenset(COMMANDS) - {_C.TAG_UPDATE, _C.REM_ORPHANED}

CONCERNS: Mapping[Part, frozenset[CommandName]] = {
    ("cat",): _SAVE_PATHS,
    ("cat_change",): _SAVE_PATHS,
    ("tracker",): _TRACKERS | {_C.CAT_UPDATE, _C.TAG_UPDATE},
    ("tracker_messages",): _TRACKERS,
    ("directory",): _REMOVAL | {_C.REM_ORPHANED, _C.TAG_NOHARDLINKS},
    ("nohardlinks",): frozenset({_C.TAG_NOHARDLINKS}),
    ("share_limits",): frozenset({_C.SHARE_LIMITS}),
    ("recyclebin",): _REMOVAL,
    ("orphaned",): frozenset({_C.REM_ORPHANED}),
    ("settings", "force_auto_tmm"): _AUTO_TMM,
    ("settings", "force_auto_tmm_ignore_tags"): _AUTO_TMM,
    ("settings", "stalled_tag"): frozenset({_C.TAG_UPDATE}),
    ("settings", "tag_stalled_torrents"): frozenset({_C.TAG_UPDATE}),
    ("settings", "private_tag"): frozenset({_C.TAG_UPDATE}),
    ("settings", "cat_filter_completed"): _SAVE_PATHS,
    ("settings", "cat_update_all"): _SAVE_PATHS,
    ("settings", "cat_update_use_folder_name"): _SAVE_PATHS,
    ("settings", "tracker_error_tag"): _TRACKERS,
    ("settings", "rem_unregistered_filter_completed"): _TRACKERS,
    ("settings", "rem_unregistered_ignore_list"): _TRACKERS,
    ("settings", "rem_unregistered_grace_minutes"): _TRACKERS,
    ("settings", "rem_unregistered_max_torrents"): _TRACKERS,
    ("settings", "rem_unregistered_min_sightings"): _TRACKERS,
    ("settings", "rem_unregistered_min_age_minutes"): _TRACKERS,
    ("settings", "rem_unregistered_veto_hours"): _TRACKERS,
    ("settings", "nohardlinks_tag"): frozenset({_C.TAG_NOHARDLINKS}),
    ("settings", "tag_nohardlinks_filter_completed"): frozenset({_C.TAG_NOHARDLINKS}),
    ("settings", "share_limits_tag"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "share_limits_suffix_tag"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "share_limits_min_seeding_time_tag"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "share_limits_min_num_seeds_tag"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "share_limits_last_active_tag"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "share_limits_filter_completed"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "disable_qbt_default_share_limits"): frozenset({_C.SHARE_LIMITS}),
    ("settings", "max_removal_percent"): _REMOVAL,
    ("apprise",): _NOTHING_YET,
    ("notifiarr",): _NOTHING_YET,
    ("webhooks",): _NOTHING_YET,
}


def part_of(path: str) -> Part | None:
    """The part that a problem's path lies in; None if it concerns every command."""
    keys = path.split(".")
    return next((part for part in (tuple(keys[:1]), tuple(keys[:2])) if part in CONCERNS), None)
