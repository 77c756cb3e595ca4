"""Reasons: a code and its fields, turned into text late (log, API, Web UI, explain).

Every decision that a user could ask about has one. The code is stable (history counts by
it); the text is free to improve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from string import Formatter
from typing import Self

from msgspec import Struct

from qbm.model.paths import legible


class Code(StrEnum):
    """A kind of decision, and the sentence it reads as."""

    text: str
    fields: frozenset[str]

    def __new__(cls, code: str, text: str) -> Self:
        """A member whose value is ``code`` and which carries its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.text = text
        member.fields = frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
        return member

    # Shared by commands
    NOT_COMPLETE = "not_complete", "it is not complete yet ({state}, {percent} %)"
    TRACKERS_UNKNOWN = "trackers_unknown", "its trackers could not be read"
    SAVE_PATH_UNKNOWN = (
        "save_path_unknown",
        "its save path is known only after qBittorrent has moved its files",
    )
    UNSETTLED = "unsettled", "its files are being checked or moved just now ({state})"
    PROTECTED = "protected", "its tag {tag} protects it from being removed"

    # Removing a torrent, whatever for
    REMOVALS_REFUSED = (
        "removals_refused",
        (
            "it would remove {number} of {library} torrents, and settings.max_removal_percent "
            "({percent}) allows {most} at most, so none is removed. If that is meant, allow "
            "more for one run. They are: {torrents}"
        ),
    )
    REMOVAL_REFUSED = (
        "removal_refused",
        (
            "to be removed, but this run would remove {number} of {library} torrents, more than "
            "the {most} that settings.max_removal_percent ({percent}) allows"
        ),
    )
    CONTENT_UNKNOWN = (
        "content_unknown",
        (
            "to be removed, but which files are its own is not known: qBittorrent does not tell "
            "the files of {torrents}"
        ),
    )
    CONTENT_UNHEARD = (
        "content_unheard",
        "not removed, because the server of {config_file} may own some of the files: {why}",
    )
    CONTENT_UNREADABLE = (
        "content_unreadable",
        "to be removed, but its files cannot be looked at: {why}",
    )
    ROOT_ABSENT = (
        "root_absent",
        (
            "to be removed, but {root} is empty or not there: see that the disk is mounted and "
            "that directory.remote_dir is right"
        ),
    )
    CONTENT_STUCK = "content_stuck", "to be removed, but its files cannot be moved: {why}"
    CONTENT_SHARED = "content_shared", "files that belong to {torrents} as well stay"
    CONTENT_OUTSIDE_ROOTS = (
        "content_outside_roots",
        "its files stay, because not all of them are in directory.root_dir",
    )
    CONTENT_MISSING = "content_missing", "none of its files is where it should be"
    NOT_RESTORABLE = (
        "not_restorable",
        (
            "its .torrent cannot be kept (this qBittorrent cannot export it, and "
            "directory.torrents_dir is not set), so it cannot be restored"
        ),
    )

    # cat_update, cat_change, force_auto_tmm
    CATEGORY_FROM_TRACKER = "category_from_tracker", "its tracker matches the entry {entry}"
    CATEGORY_FROM_PATH = "category_from_path", "its save path {save_path} is listed under it"
    CATEGORY_FROM_PATTERN = "category_from_pattern", "its save path {save_path} matches {entry}"
    CATEGORY_FROM_FOLDER = "category_from_folder", "the last folder of its save path {save_path}"
    CATEGORY_CHANGED = "category_changed", "cat_change moves {old} to {new}"
    CATEGORY_MISSING = "category_missing", "qBittorrent has no category {name} yet"
    CATEGORY_RIGHT = "category_right", "it is in the right category {category} already"
    CATEGORY_CHOSEN_BY_HAND = (
        "category_chosen_by_hand",
        "it keeps its category {category}: with Automatic Torrent Management off, that is yours",
    )
    CATEGORY_KEPT = "category_kept", "it has the category {category}, and cat_update_all is off"
    CATEGORY_UNWANTED = (
        "category_unwanted",
        "its save path {save_path} is listed under Uncategorized",
    )
    NO_CATEGORY_ENTRY = "no_category_entry", "its save path {save_path} has no entry under cat"
    PATH_WITHOUT_ENTRY = (
        "path_without_entry",
        "no entry under cat covers the save path {save_path} (torrents there: {number})",
    )
    CATEGORY_GOES_ROUND = (
        "category_goes_round",
        "each category that its entries lead to moves its files to where they lead on: {way}",
    )
    FILES_WILL_MOVE = (
        "files_will_move",
        "managed automatically, qBittorrent will move its files from {save_path} to {folder}",
    )
    FILES_MAY_MOVE = (
        "files_may_move",
        "managed automatically, its files move to the category's default folder if not there yet",
    )
    CHANGE_DELAYED = (
        "change_delayed",
        "cat_change moves {old} to {new} only {delay} minutes after completion, at {due}",
    )
    AUTO_TMM_FORCED = "auto_tmm_forced", "force_auto_tmm is on and it has a category"
    AUTO_TMM_IGNORED = "auto_tmm_ignored", "its tag {tag} is in force_auto_tmm_ignore_tags"

    # tag_update
    TAG_FROM_TRACKER = "tag_from_tracker", "its tracker {host} matches the entry {entry}"
    TAG_FROM_OTHER = "tag_from_other", "no entry matches its tracker {host}: other"
    TAG_FROM_HOST = "tag_from_host", "no entry matches its tracker: the host's name {host}"
    TAG_NO_TRACKER = "tag_no_tracker", "it has no tracker: other"
    TAG_STALLED = "tag_stalled", "it is stalled"
    TAG_NOT_STALLED = "tag_not_stalled", "it is no longer stalled"
    TAG_PRIVATE = "tag_private", "it is private"
    TAG_NONE_WANTED = "tag_none_wanted", "the entry of its tracker has no tags"
    TAGS_PRESENT = "tags_present", "it has all its tags already ({tags})"

    # rem_unregistered, tag_tracker_error
    TRACKER_WORKS = "tracker_works", "its tracker {host} works"
    TRACKER_UNDECIDED = "tracker_undecided", "its tracker {host} has not answered yet"
    TRACKERS_DISABLED = "trackers_disabled", "its trackers are switched off"
    NO_TRACKER = "no_tracker", "it has no tracker"
    TRACKER_UNREGISTERED = (
        "tracker_unregistered",
        'its tracker {host} does not know it: "{message}" ({word})',
    )
    TRACKER_MAINTENANCE = (
        "tracker_maintenance",
        'its tracker {host} may know it, but not now: "{message}" ({word})',
    )
    TRACKER_OUTAGE = "tracker_outage", 'its tracker {host} is down: "{message}" ({word})'
    TRACKER_ERROR = "tracker_error", 'its tracker {host} reports an error: "{message}"'
    TRACKER_SILENT = "tracker_silent", "its tracker {host} does not work and says nothing"
    UNREGISTERED_TOO_NEW = (
        "unregistered_too_new",
        "added at {added}: for {minutes} minutes its tracker may not know it yet",
    )
    UNREGISTERED_VETOED = (
        "unregistered_vetoed",
        "another tracker may know it, so it stays for {hours} hours from {first} on",
    )
    UNREGISTERED_TOO_FEW = (
        "unregistered_too_few",
        "seen unregistered in {runs} of the {wanted} runs that it takes",
    )
    UNREGISTERED_TOO_SHORT = (
        "unregistered_too_short",
        "seen unregistered since {first}, not yet for {minutes} minutes",
    )
    UNREGISTERED_CAPPED = (
        "unregistered_capped",
        "no more than {cap} torrents of {host} are removed in one run",
    )
    UNREGISTERED_EN_MASSE = (
        "unregistered_en_masse",
        "{host} does not know {number} of its {whole} torrents: its own trouble, so none goes",
    )
    TRACKER_ERROR_TAGGED = "tracker_error_tagged", "it has the tag {tag} already"

    # rem_orphaned
    ORPHAN = "orphan", "it belongs to no torrent"
    ORPHANS_YOUNG = (
        "orphans_young",
        "files without an owner that are younger than {minutes} minutes are left: {number}",
    )
    ORPHANS_TREE_UNKNOWN = "orphans_tree_unknown", "the folders of the downloads were not listed"
    ORPHANS_NO_TORRENTS = (
        "orphans_no_torrents",
        "qBittorrent has no torrents, so every file would be an orphan",
    )
    ORPHANS_LOADING = (
        "orphans_loading",
        "qBittorrent is still loading its torrents ({number}): run again when it is done",
    )
    ORPHANS_VANISHED = (
        "orphans_vanished",
        (
            "{number} of the {remembered} torrents of the last run are gone, as if qBittorrent had "
            "not loaded them yet: if they really are, a run in {minutes} minutes goes on"
        ),
    )
    ORPHANS_UNHEARD = (
        "orphans_unheard",
        ("what the server of {config_file} owns in the same folder is not known: {why}"),
    )
    ORPHANS_ROOT_ABSENT = (
        "orphans_root_absent",
        "{root} is empty or not there: see that the disk is mounted and that the path is right",
    )
    ORPHANS_UNREADABLE = (
        "orphans_unreadable",
        "a part of the folder cannot be read, and nobody knows what is in there: {why}",
    )
    ORPHANS_LISTLESS = (
        "orphans_listless",
        "complete torrents report no files, as while qBittorrent loads: {torrents}",
    )
    ORPHANS_NONE_INSIDE = (
        "orphans_none_inside",
        (
            "no torrent has its content in directory.root_dir: it must be the path that "
            "qBittorrent uses, and directory.remote_dir the same folder as this machine sees it"
        ),
    )
    ORPHANS_MISPLACED = (
        "orphans_misplaced",
        (
            "the content of {number} of {complete} complete torrents is not where "
            "directory.root_dir and directory.remote_dir put it, more than {percent} %: {name}, "
            "for one, should be at {path}"
        ),
    )
    ORPHANS_TOO_MANY = (
        "orphans_too_many",
        (
            "{number} files belong to no torrent, and orphaned.max_orphaned_files_to_delete "
            "allows {most}: look at them in a dry run with a higher number, then allow as many"
        ),
    )

    # cleanup
    BINNED_LONG = (
        "binned_long",
        "put into {bin} at {put_at}, where files stay for {days} days",
    )
    BINNED_UNRECORDED = (
        "binned_unrecorded",
        "in {bin} and unchanged since {put_at}, where files stay for {days} days",
    )
    BINNED_OWNED = (
        "binned_owned",
        "files of torrents stay in {bin} although their time is over ({number}): {owners}",
    )
    BINNED_UNSURE = (
        "binned_unsure",
        "files stay in {bin} ({number}), because nobody knows whose they are: {why}",
    )
    BIN_UNREADABLE = (
        "bin_unreadable",
        "{folder} was not emptied, because a part of it cannot be read: {why}",
    )
    BIN_HOLDS_MORE = (
        "bin_holds_more",
        (
            "{folder} is not emptied, because it is or holds {what}: a bin must be a folder of "
            "its own (directory.recycle_bin, directory.orphaned_dir)"
        ),
    )

    # restore
    RESTORED = "restored", "asked for; it was removed at {removed_at}: {why}"
    RESTORED_IN_PART = "restored_in_part", "the rest is to be downloaded again: {lost}"
    ORPHAN_RESTORED = "orphan_restored", "asked for; it was put away at {moved_at}"
    NOT_RESTORED = "not_restored", "{what} cannot be restored: {why}"

    # tag_nohardlinks
    LINKS_NONE = (
        "links_none",
        "its large files ({number}) have no hard link anywhere else ({scope})",
    )
    LINKS_INSIDE = (
        "links_inside",
        "the hard links of its large files ({number}) are all among the downloads ({scope})",
    )
    LINKS_FOUND = (
        "links_found",
        "hard links of {path} that count: {others} ({scope})",
    )
    LINKS_EXCLUDED = "links_excluded", "its tag {tag} is in exclude_tags"
    LINKS_UNKNOWN = "links_unknown", "its files could not be looked at"
    LINKS_FILE_MISSING = "links_file_missing", "{path} is not there"
    LINKS_FILE_UNREADABLE = "links_file_unreadable", "{path} cannot be read"
    LINKS_FILE_SYMLINK = "links_file_symlink", "{path} is a symbolic link"
    LINKS_FILE_OUTSIDE = "links_file_outside", "{path} is not in directory.root_dir"
    LINKS_UNPROVEN = (
        "links_unproven",
        "the file system of {path} does not number its files in a way that proves hard links",
    )
    LINKS_UNSEEN = (
        "links_unseen",
        "a part of directory.root_dir could not be read, so links of {path} may be there",
    )
    LINKS_CATEGORY_UNUSED = (
        "links_category_unused",
        "no torrent has the category {category} that stands under nohardlinks",
    )

    # recheck, share_limits: what a torrent's seeding has come to
    RATIO_REACHED = "ratio_reached", "ratio {ratio} ≥ {name} {limit}"
    SEEDING_TIME_REACHED = "seeding_time_reached", "seeding time {time} ≥ {name} {limit}"
    INACTIVE_TIME_REACHED = "inactive_time_reached", "inactive for {time} ≥ {name} {limit}"
    RATIO_UNKNOWN = "ratio_unknown", "its ratio could not be read"
    SEEDING_TIME_UNKNOWN = "seeding_time_unknown", "its seeding time could not be read"
    LAST_ACTIVITY_UNKNOWN = "last_activity_unknown", "nobody knows when it was last active"
    GLOBAL_LIMITS_UNKNOWN = (
        "global_limits_unknown",
        "qBittorrent's limits for all torrents could not be read",
    )

    # recheck
    NOT_STOPPED = "not_stopped", "it is not stopped ({state})"
    COMPLETE_AND_STOPPED = "complete_and_stopped", "it is complete, and no limit is reached"
    PARTLY_THERE = "partly_there", "it is incomplete: {percent} % of it are there"
    CONTENT_OF_NAMESAKE = (
        "content_of_namesake",
        "a complete torrent has the same name and size",
    )
    CONTENT_OF_OTHER = (
        "content_of_other",
        "a complete torrent has the same files at the same paths",
    )
    CONTENT_ON_DISK = "content_on_disk", "all its files are there at their full size"
    CONTENT_NOT_FOUND = "content_not_found", "nothing says that its content is there"
    RECHECK_UNDER_WAY = "recheck_under_way", "a later run starts it if the recheck finds all of it"
    RECHECKED_ALREADY = (
        "rechecked_already",
        "it was rechecked at {at} and is not complete ({percent} %)",
    )

    # share_limits
    IN_NO_GROUP = "in_no_group", "it is in no group"
    GROUP_UNDECIDED = (
        "group_undecided",
        "whether it is in the group {group} is not known: its {filter} could not be read",
    )
    GROUP_SEEDS = "group_seeds", "it is in the group {group}, and no limit is reached"
    GROUP_MINIMUM = "group_minimum", "its group {group} gives no limits before that minimum is met"
    GROUP_MAXIMUM = "group_maximum", "a limit of its group {group} is reached"
    GROUP_CLEANS_UP = "group_cleans_up", "group {group} removes what has reached a limit"
    GROUP_SLOWS_DOWN = (
        "group_slows_down",
        "group {group} goes on seeding at upload_speed_on_limit_reached",
    )
    GROUP_BLIND = "group_blind", "the group {group} looks at what could not be read"
    SEEDS_FEW = "seeds_few", "seeds {seeds} < min_num_seeds {minimum}"
    ACTIVE_LATELY = "active_lately", "active {time} ago, within min_last_active {minimum}"
    SEEDED_SHORTLY = "seeded_shortly", "seeding time {time} < min_seeding_time {minimum}"
    SEEDS_UNKNOWN = "seeds_unknown", "the number of its seeds could not be read"
    LIMITS_RIGHT = "limits_right", "it has its limits and tags already"
    LIMITS_LIFTED = (
        "limits_lifted",
        "no limit holds it any longer: the next recheck starts it",
    )
    GROUP_SPEED = "group_speed", "{speed} KiB/s shared by the {number} torrents of the group"
    GROUP_TAG_NEW = "group_tag_new", "the tag of the group {group}"
    GROUP_TAG_STALE = "group_tag_stale", "it is in no group of that tag ({tags})"
    MINIMUM_TAG_STALE = "minimum_tag_stale", "the minimum of that tag is met ({tags})"
    STARTED_AFTER_CHANGE = "started_after_change", "resume_torrent_after_change is on"
    GLOBAL_LIMITS_ACT = (
        "global_limits_act",
        "qBittorrent's own action at its limits for all torrents is {action}, not Stop",
    )
    GLOBAL_LIMITS_KEPT = (
        "global_limits_kept",
        "qBittorrent's limits for all torrents stay, with {action} at them: {group} uses them (-2)",
    )


class Reason(Struct, frozen=True, gc=False):
    """Why something was decided: a code, the facts that decided it, and what else did."""

    code: Code
    fields: Mapping[str, str] = {}
    also: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.code.text.format_map(self.fields), *map(str, self.also)])


def because(code: Code, **fields: object) -> Reason:
    """A reason whose fields are kept as text that can be printed and sent.

    Raises:
        ValueError: its sentence needs more of them; better here than when it is read.
    """
    if missing := code.fields - fields.keys():
        raise ValueError(f"{code} lacks {sorted(missing)}")
    return Reason(code, {name: legible(str(value)) for name, value in fields.items()})


def together(reasons: Iterable[Reason]) -> Reason:
    """Several reasons of one change as one, in their order, each once.

    Raises:
        ValueError: there is none.
    """
    unique: list[Reason] = []
    for reason in reasons:
        if reason not in unique:
            unique.append(reason)
    if not unique:
        raise ValueError("a change needs a reason")
    first, *rest = unique
    return Reason(first.code, first.fields, (*first.also, *rest))
