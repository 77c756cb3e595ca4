"""The deliberate differences from the older tool that the scenes show, and nothing else.

Each stands in ``docs/explanation/differences.md`` under the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.lab.suites import Suite

IS_THERE = "is there"


@dataclass(frozen=True, slots=True)
class Seen:
    """One place where two outcomes differ; None is nothing there."""

    key: str
    older: Any
    ours: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs at the keys that match one of ``at``, and in which way.

    ``docs`` is the first cell of its row in the docs, which also give the reason.
    """

    docs: str
    scenes: Collection[str]
    at: tuple[str, ...]
    holds: Callable[[Any, Any], bool]
    """Whether the older tool's value and ours are those that are meant."""
    suites: Collection[Suite] = (Suite.BOOKWORM, Suite.TRIXIE)

    def covers(self, seen: Seen) -> bool:
        """It is this difference that was seen."""
        return self.unseen([seen]) != self.at

    def unseen(self, seen: Collection[Seen]) -> tuple[str, ...]:
        """The patterns at which it was not seen."""
        return tuple(
            pattern
            for pattern in self.at
            if not any(
                fnmatchcase(one.key, pattern) and self.holds(one.older, one.ours) for one in seen
            )
        )


def between(older: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Seen]:
    """Where two outcomes differ; of a torrent that is gone from one, only that it is."""
    for key in sorted({*older, *ours}):
        one, other = older.get(key), ours.get(key)
        has_gone = f"{key.rpartition('/')[0]}/{IS_THERE}"
        is_told = older.get(has_gone) != ours.get(has_gone) and key != has_gone
        if one != other and not is_told:
            yield Seen(key, one, other)


def rows_of(scene: str, suite: Suite) -> list[Difference]:
    """Those that must be seen there."""
    return [row for row in DIFFERENCES if scene in row.scenes and suite in row.suites]


def _only_ours_removed(older: Any, ours: Any) -> bool:
    return bool(older is True and ours is False)


def _only_older_removed(older: Any, ours: Any) -> bool:
    return bool(older is False and ours is True)


def _one_of_them_removed(older: Any, ours: Any) -> bool:
    return {older, ours} == {True, False}


def _moved_only_by_older(older: tuple[str, ...] | None, ours: tuple[str, ...] | None) -> bool:
    return ours == ("mixed/Mixed/one.mkv",) != older


def _set_only_by_older(older: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    return "now" in older and set(ours) == {"kept"}


def _kept_apart(older: Any, ours: Any) -> bool:
    """Two files in our bin, where the older tool's has one in the other's place."""
    if isinstance(older, tuple):
        return older == (".RecycleBin/y/same",) and len(ours) == 1 and ours != older
    return older is None and ours is not None


def _nothing_moved(older: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    return {**older, "deleted_contents": False} == ours


def _a_record_each(older: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> bool:
    trackers = len(older["tracker_torrent_files"]) if older else 0
    return trackers in {0, 2} and len(ours["tracker_torrent_files"]) == 1


def _fewer(older: Collection[str], ours: Collection[str]) -> bool:
    return set(ours) < set(older)


def _more(older: Collection[str], ours: Collection[str]) -> bool:
    return set(older) < set(ours)


def _differently(older: Any, ours: Any) -> bool:
    return bool(older != ours)


def _only_by_older(older: Any, ours: Any) -> bool:
    return bool(older and not ours)


def _only_by_ours(older: Any, ours: Any) -> bool:
    return bool(ours and not older)


def _again_by_older(older: int, ours: int) -> bool:
    return older == 2 * ours


_JUDGING = ("rem_unregistered", "both on trackers")
_BIN = "recycle bin"
_SAVED = "recycle bin, split and saved"
_NO_BIN = "no recycle bin"
_RECHECK = ("recheck",)
_LIMITS = ("share_limits",)

DIFFERENCES = (
    Difference(
        "maintenance or outage on another tracker",
        _JUDGING,
        ("unregistered + */is there", "* + unregistered/is there"),
        _only_older_removed,
    ),
    Difference(
        "`Trumped by …`, `Tracker nicht registriert`",
        _JUDGING,
        ("trumped/is there", "in German/is there"),
        _only_ours_removed,
    ),
    Difference(
        "a listed word with a comma or full stop behind it",
        _JUDGING,
        ("with a link/is there", "wrong passkey/is there"),
        _one_of_them_removed,
    ),
    Difference(
        "a file that another torrent owns under another name",
        (_BIN, _SAVED, _NO_BIN),
        ("files/mixed/Mixed/one.mkv",),
        _moved_only_by_older,
    ),
    Difference(
        "a file that another torrent owns under another name",
        (_NO_BIN,),
        ("times/mixed/Mixed/one.mkv", "empty folders/mixed"),
        _differently,
    ),
    Difference(
        "times of files moved to a bin",
        (_BIN, _SAVED, *_LIMITS),
        ("times/*",),
        _set_only_by_older,
    ),
    Difference(
        "a file of that name is in the bin already",
        (_BIN,),
        ("files/y/same", "other files/.RecycleBin/y/same"),
        _kept_apart,
    ),
    Difference(
        "the folder of a category, left empty by a removal",
        (_BIN,),
        ("empty folders/films",),
        _only_by_ours,
    ),
    Difference(
        "a torrent without any of its files",
        (_SAVED,),
        ("other files/missing/.RecycleBin/torrents_json/gone.json",),
        _nothing_moved,
    ),
    Difference(
        "`save_torrents`, torrents of one name",
        (_SAVED,),
        ("other files/cross/.RecycleBin/torrents_json/both*.json",),
        _a_record_each,
    ),
    Difference(
        "nothing of it checked, but all files there",
        _RECHECK,
        ("all there/rechecked", "all there/started"),
        _only_by_ours,
    ),
    Difference(
        "a recheck that finds nothing",
        _RECHECK,
        ("twin of that, nothing there/rechecked",),
        _again_by_older,
    ),
    Difference(
        "a limit that is reached",
        _RECHECK,
        ("global limits/started",),
        _only_by_older,
    ),
    Difference(
        "a limit that is reached",
        _RECHECK,
        ("inactive time reached/started",),
        _only_by_older,
        suites=(Suite.TRIXIE,),
    ),
    Difference(
        "share-limit tags",
        _LIMITS,
        ("tag that looks like one/tags",),
        _more,
    ),
    Difference(
        "share-limit tags of a torrent without a group",
        _LIMITS,
        ("no group, stale tags/tags",),
        _fewer,
    ),
    Difference(
        "other minimum tags",
        _LIMITS,
        ("another minimum unmet/tags", "seeding time met/tags"),
        _fewer,
    ),
    Difference(
        "limits behind `MinSeedTimeNotReached`",
        _LIMITS,
        ("seeding time met/*_limit",),
        _differently,
    ),
    Difference(
        "`upload_speed_on_limit_reached: -1`",
        _LIMITS,
        ("unlimited on limit/*_limit",),
        lambda older, ours: (older, ours) == (-2, -1),
    ),
    Difference(
        'a duration of digits in quotes, `"43200"`',
        _LIMITS,
        ("minutes in quotes/seeding_time_limit",),
        lambda older, ours: (older, ours) == (43_200 // 60, 43_200),
    ),
    Difference(
        "global limits with a −2 group",
        ("share_limits, a group with global limits",),
        ("preferences/*",),
        _differently,
    ),
)
