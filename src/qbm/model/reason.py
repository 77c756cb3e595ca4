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


class Reason(Struct, frozen=True, gc=False):
    """Why something was decided: a code, the facts that decided it, and what else did."""

    code: Code
    fields: Mapping[str, str] = {}
    also: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.code.text.format_map(self.fields), *map(str, self.also)])


def because(code: Code, **fields: object) -> Reason:
    """A reason whose fields are kept as text.

    Raises:
        ValueError: its sentence needs more of them; better here than when it is read.
    """
    if missing := code.fields - fields.keys():
        raise ValueError(f"{code} lacks {sorted(missing)}")
    return Reason(code, {name: str(value) for name, value in fields.items()})


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
