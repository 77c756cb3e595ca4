"""What the two programs are set to do: a library, a config and the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Flag, auto
from functools import partial
from itertools import permutations
from typing import Any, TypeAlias

from tests.differential.library import Entry, Past, Shelf
from tests.lab import torrents
from tests.lab.library import Content
from tests.lab.ports import refusing_port
from tests.lab.torrents import Torrent
from tests.lab.tracker import (
    UNKNOWN_HOST_URL,
    UNREGISTERED,
    Answer,
    Fails,
    Page,
    Status,
    Tracker,
    Works,
)

Config: TypeAlias = dict[str, Any]


class Look(Flag):
    """What is compared beside tags, categories, limits and which torrents are there."""

    STATES = auto()
    """Which torrents are stopped."""
    FILES = auto()
    """Where all files lie."""
    ASKED = auto()
    """How often each torrent was started and rechecked."""


@dataclass(frozen=True, slots=True)
class Scene:
    """``flags`` are those of the classic command line; ``sections`` take the content's root."""

    name: str
    flags: tuple[str, ...]
    entries: Callable[[Tracker], Sequence[Entry]]
    sections: Callable[[Shelf], Config] = lambda _shelf: {}
    looks: Look = Look.STATES
    runs: int = 1
    prepare: Callable[[Shelf], None] = lambda _shelf: None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    completes: tuple[str, ...] = ()
    """What each run must have left complete before the next begins."""

    def config(self, shelf: Shelf, url: str) -> Config:
        """The sections of the config file of one side, whose server answers at ``url``."""
        whole: Config = {
            "qbt": {"host": url},
            "directory": {"root_dir": str(shelf.root)},
            "tracker": {"other": {"tag": "other"}},
            "settings": {
                "rem_unregistered_grace_minutes": 0,
                "rem_unregistered_max_torrents": 0,
                # The library is small: what is removed would be too much of it.
                "max_removal_percent": 0,
            },
            "recyclebin": {"enabled": True},
        }
        for name, section in self.sections(shelf).items():
            whole[name] = {**whole.get(name, {}), **section}
        return whole


# --- judging trackers --------------------------------------------------------------------

_TAG = "issue"
_ANSWERS: Mapping[str, Answer] = {
    "working": Works(),
    "working with a warning": Works(warning="Unregistered torrent"),
    "unregistered": UNREGISTERED,
    "not found in words": Fails("Torrent not found"),
    "unknown": Fails("unknown torrent"),
    "with a link": Fails("Unregistered, see https://tracker.example/down"),
    "trumped": Fails("Trumped by a better release"),
    "in German": Fails("Tracker nicht registriert"),
    "error": Fails("some odd thing"),
    "banned client": Fails("client is banned"),
    "postponed": Fails("torrent has been postponed"),
    "wrong passkey": Fails("Invalid passkey, unregistered"),
    "ignored by the config": Fails("Unregistered for a while"),
    "down": Fails("The tracker is down"),
    "unregistered and down": Fails("Unregistered. The site is down"),
    "nothing said": Fails(""),
    "status 404": Status(404),
    "status 404 with a reason": Status(404, "Unregistered torrent"),
    "status 502": Status(502),
    "status 503": Status(503),
    "login page": Page(),
}
_MIXED = ("working", "unregistered", "error", "postponed", "down", "status 404")


def _judged(tracker: Tracker) -> list[Entry]:
    for key, answer in _ANSWERS.items():
        tracker.answer(key, answer)
    url = {key: tracker.url(key) for key in _ANSWERS}
    url["refused"] = f"http://127.0.0.1:{refusing_port()}/announce/refused"
    url["host unknown"] = UNKNOWN_HOST_URL
    urls: dict[str, tuple[str, ...]] = {key: (one,) for key, one in url.items()}
    urls |= {
        f"{one} + {other}": (url[one], url[other])
        for one, other in permutations((*_MIXED, "refused", "host unknown"), 2)
    }
    urls["three"] = (url["error"], url["unknown"], url["unregistered"])
    urls["no tracker"] = ()
    started = [
        Entry(label, torrents.single(label, *each), is_stopped=False, tags=_tags_of(label))
        for label, each in urls.items()
    ]
    more = torrents.single("never announced", url["unregistered"])
    missing = torrents.single("incomplete", url["unregistered"])
    return [
        *started,
        Entry("never announced", more, tags=(_TAG,)),
        Entry("incomplete", missing, is_stopped=False, content=Content.MISSING),
    ]


def _tags_of(label: str) -> tuple[str, ...]:
    has_been_tagged = "working" in label or label in {"no tracker", "down"}
    return ("mine", _TAG) if has_been_tagged else ("mine",)


def _judging(shelf: Shelf) -> Config:
    del shelf
    return {
        "settings": {
            "rem_unregistered_grace_minutes": 0,
            "rem_unregistered_max_torrents": 0,
            "max_removal_percent": 0,
            "rem_unregistered_ignore_list": ["for a while"],
        },
    }


# --- the recycle bin ---------------------------------------------------------------------


def _removed(tracker: Tracker) -> list[Entry]:
    tracker.answer("unregistered", UNREGISTERED)
    gone, stays = tracker.url("unregistered"), tracker.url("working")
    elsewhere = tracker.url("unregistered", "localhost")

    def entry(label: str, torrent: Torrent, place: str, **rest: Any) -> Entry:
        return Entry(label, torrent, place=place, is_stopped=False, **rest)

    shared, both, apart = (torrents.single(name) for name in ("shared", "both", "apart"))
    mixed = torrents.folder("Mixed", gone, paths=("one.mkv", "two.mkv"))
    part = torrents.Torrent(
        "one.mkv",
        {"one.mkv": mixed.files["one.mkv"]},
        tiers=torrents.tiers(stays),
    )
    return [
        entry("one file", torrents.single("film.mkv", gone), "films", category="films"),
        entry("folder", torrents.folder("A series", gone), "tv"),
        entry("in the root", torrents.single("loose.mkv", gone), "."),
        entry("with a foreign file", torrents.folder("Foreign", gone), "tv"),
        entry("same name, there", torrents.single("same", gone, size=1500), "x"),
        entry("same name, here", torrents.single("same", gone, size=1600), "y"),
        entry("shared, removed", shared.cross_seed("a", gone), "cross"),
        entry("shared, stays", shared.cross_seed("b", stays), "cross", content=Content.ON_DISK),
        entry("both, one", both.cross_seed("a", gone), "cross"),
        entry("both, other", both.cross_seed("b", elsewhere), "cross", content=Content.ON_DISK),
        entry("apart, removed", apart.cross_seed("a", gone), "p1"),
        entry("apart, stays", apart.cross_seed("b", stays), "p2"),
        entry("mixed, removed", mixed, "mixed"),
        entry("mixed, stays", part, "mixed/Mixed", content=Content.ON_DISK),
        entry("partly missing", torrents.folder("Part", gone), "missing"),
        entry("all missing", torrents.single("gone", gone), "missing"),
        entry(
            "incomplete", torrents.single("inc", gone, size=40_000), "inc", content=Content.WRONG
        ),
        # Were most of a tracker's torrents unregistered, it would be the tracker's trouble.
        *(entry(torrent.name, torrent, "more") for torrent in torrents.many(16, stays)),
    ]


def _disturb(shelf: Shelf) -> None:
    """Makes the disk what disks are: files that are gone, linked, in the way, and nobody's."""
    root = shelf.root
    (root / "missing/Part/one.mkv").unlink()
    (root / "missing/gone").unlink()
    (root / "tv/Foreign/notes.txt").write_text("nobody's", encoding="utf-8")
    (root / "media").mkdir()
    (root / "media/film.mkv").hardlink_to(root / "films/film.mkv")


def _in_the_way(shelf: Shelf) -> None:
    _disturb(shelf)
    taken = shelf.root / ".RecycleBin/y/same"
    taken.parent.mkdir(parents=True)
    taken.write_text("was removed last week", encoding="utf-8")


def _bin(shelf: Shelf, **options: bool) -> Config:
    return {
        "directory": {
            "root_dir": str(shelf.root),
            "recycle_bin": str(shelf.root / ".RecycleBin"),
            "torrents_dir": str(shelf.server.torrents_folder),
        },
        "cat": {"films": str(shelf.root / "films"), "tv": str(shelf.root / "tv")},
        "recyclebin": {"enabled": True, **options},
    }


# --- recheck -----------------------------------------------------------------------------

_SEEDED = Past(ratio=3, seeding_time=timedelta(hours=2), active_ago=timedelta(hours=2))


def _stopped(tracker: Tracker) -> list[Entry]:
    del tracker
    twin, running, apart, lost = (torrents.single(f"twin-{n}", size=1500 + n) for n in range(4))
    missing = Content.MISSING
    limits = {
        "ratio reached": {"ratioLimit": 2, "seedingTimeLimit": -1},
        "ratio not reached": {"ratioLimit": 5, "seedingTimeLimit": -1},
        "time reached": {"ratioLimit": -1, "seedingTimeLimit": 60},
        "time not reached": {"ratioLimit": -1, "seedingTimeLimit": 600},
        "ratio reached, time not": {"ratioLimit": 2, "seedingTimeLimit": 600},
        "time reached, ratio not": {"ratioLimit": 5, "seedingTimeLimit": 60},
        "inactive time reached": {
            "ratioLimit": -1,
            "seedingTimeLimit": -1,
            "inactiveSeedingTimeLimit": 30,
        },
        "no limits": {"ratioLimit": -1, "seedingTimeLimit": -1},
        "global limits": {},
    }
    return [
        Entry("complete", torrents.single("complete", size=5000)),
        Entry("nothing there", torrents.single("nothing there", size=3000), content=missing),
        Entry("all there", torrents.single("all there", size=2000), content=missing),
        Entry("twin, complete", twin.cross_seed("a")),
        Entry("twin, empty", twin.cross_seed("b"), content=missing),
        Entry("twin, runs", running.cross_seed("a"), is_stopped=False),
        Entry("twin of that, empty", running.cross_seed("b"), content=missing),
        Entry("twin elsewhere", apart.cross_seed("a"), place="elsewhere"),
        Entry("twin of that, nothing there", apart.cross_seed("b"), content=missing),
        Entry("empty twin", lost.cross_seed("a"), content=missing),
        Entry("other empty twin", lost.cross_seed("b"), content=missing),
        Entry("running", torrents.single("running", size=700), content=missing, is_stopped=False),
        *(
            Entry(label, torrents.single(label), past=_SEEDED, limits=each)
            for label, each in limits.items()
        ),
    ]


def _put_there(shelf: Shelf) -> None:
    torrents.single("all there", size=2000).write(shelf.root / "seeds")


# --- share limits ------------------------------------------------------------------------

_Options: TypeAlias = Mapping[str, Any]
_UNMET = {"min_num_seeds": 5, "max_ratio": 5}
_GROUPS: Mapping[str, _Options] = {
    "nothing set": {},
    "limits": {"max_ratio": 5, "max_seeding_time": 1000},
    "global limits": {"max_ratio": -2, "max_seeding_time": -2},
    "days and hours": {"max_ratio": 5, "max_seeding_time": "1d2h"},
    "minutes in quotes": {"max_ratio": 5, "max_seeding_time": "43200"},
    "ratio reached": {"max_ratio": 2},
    "ratio just reached": {"max_ratio": 3},
    "time reached": {"max_seeding_time": 60},
    "inactive": {"max_last_active": 60},
    "not inactive": {"max_last_active": 600},
    "ratio reached, cleanup": {"max_ratio": 2, "cleanup": True},
    "ratio not reached, cleanup": {"max_ratio": 5, "cleanup": True},
    "time reached, cleanup": {"max_ratio": 5, "max_seeding_time": 60, "cleanup": True},
    "inactive, cleanup": {"max_last_active": 60, "cleanup": True},
    "too few seeds": {"min_num_seeds": 5, "max_ratio": 2, "cleanup": True},
    "active lately": {"min_last_active": 600, "max_ratio": 2, "cleanup": True},
    "not active lately": {"min_last_active": 60, "max_ratio": 2, "cleanup": True},
    "seeded too little": {"min_seeding_time": 600, "max_ratio": 2, "cleanup": True},
    "seeded too little, nothing reached": {"min_seeding_time": 600, "max_ratio": 5},
    "seeded too little, inactive": {
        "min_seeding_time": 600,
        "max_ratio": 5,
        "max_last_active": 60,
        "cleanup": True,
    },
    "seeded enough": {"min_seeding_time": 60, "max_ratio": 2, "cleanup": True},
    "slow on limit": {"max_ratio": 2, "upload_speed_on_limit_reached": 50},
    "unlimited on limit": {"max_ratio": 2, "upload_speed_on_limit_reached": -1},
    "slow on limit, not reached": {
        "max_ratio": 5,
        "upload_speed_on_limit_reached": 50,
        "limit_upload_speed": 10,
    },
    "slow when inactive": {"max_last_active": 60, "upload_speed_on_limit_reached": 50},
    "slow on limit, cleanup": {
        "max_ratio": 2,
        "upload_speed_on_limit_reached": 50,
        "cleanup": True,
    },
    "speed": {"max_ratio": 5, "limit_upload_speed": 100},
    "speed lifted": {"max_ratio": 5, "limit_upload_speed": -1},
    "group speed": {
        "max_ratio": 5,
        "limit_upload_speed": 100,
        "enable_group_upload_speed": True,
    },
    "custom tag": {"max_ratio": 5, "custom_tag": "my own"},
    "no tag": {"max_ratio": 5, "add_group_to_tag": False},
    "not resumed": {"max_ratio": 5, "resume_torrent_after_change": False},
    "not resumed, unmet": {**_UNMET, "resume_torrent_after_change": False},
    "speed lifted when unmet": {**_UNMET, "limit_upload_speed": 77},
    "speed when unmet": {
        **_UNMET,
        "limit_upload_speed": 77,
        "reset_upload_speed_on_unmet_minimums": False,
    },
    "speed left when unmet": {**_UNMET, "reset_upload_speed_on_unmet_minimums": False},
    "minimums met": {"max_ratio": 5},
    "seeding time met": {"max_ratio": 5},
    "another minimum unmet": _UNMET,
    "stale tags": {"max_ratio": 5},
    "tag that looks like one": {"max_ratio": 5},
    "runs": {"max_ratio": 5},
    "runs, unmet": _UNMET,
    "incomplete": {"max_ratio": 5},
    "size fits": {"max_ratio": 5, "min_torrent_size": "1KB", "max_torrent_size": "1MB"},
    "too small": {"max_ratio": 5, "min_torrent_size": "1MB"},
}
_TAGGED: Mapping[str, tuple[str, ...]] = {
    "minimums met": ("MinSeedsNotMet", "LastActiveLimitNotReached"),
    "seeding time met": ("MinSeedTimeNotReached",),
    "another minimum unmet": ("MinSeedTimeNotReached", "LastActiveLimitNotReached"),
    "stale tags": ("~share_limit_9.old", "~share_limit_1.speed", "old.share_limit", "keep"),
    "tag that looks like one": ("my~share_limit_x",),
}
_SLOW = frozenset(
    {"speed lifted", "speed lifted when unmet", "speed when unmet", "speed left when unmet"},
)


def _limited(tracker: Tracker) -> list[Entry]:
    del tracker

    def entry(label: str, *tags: str, **rest: Any) -> Entry:
        torrent = torrents.single(label, size=2000)
        return Entry(label, torrent, tags=tags, **({"past": _SEEDED} | rest))

    in_groups = [
        entry(
            label,
            _group(label),
            *_TAGGED.get(label, ()),
            is_stopped=not label.startswith("runs"),
            up_limit=5000 if label in _SLOW else 0,
        )
        for label in _GROUPS
        if label != "incomplete"
    ]
    own = {"ratioLimit": 9, "seedingTimeLimit": 9}
    return [
        *in_groups,
        entry("incomplete", _group("incomplete"), content=Content.MISSING, past=None),
        entry("group speed, second", _group("group speed")),
        entry("group speed, third", _group("group speed")),
        entry("no group", "keep", limits=own),
        entry("no group, stale tags", "~share_limit_9.old", "my~share_limit_x", limits=own),
        entry("no group, minimum tag", "MinSeedsNotMet", limits=own),
    ]


def _group(label: str) -> str:
    return label.replace(",", "").replace(" ", "-")


def _groups(shelf: Shelf, names: Sequence[str] = tuple(_GROUPS)) -> Config:
    del shelf
    return {
        "share_limits": {
            _group(name): {
                "priority": number,
                "include_any_tags": [_group(name)],
                **_GROUPS[name],
            }
            for number, name in enumerate(names, start=1)
        },
    }


_GLOBAL = {
    "max_ratio_enabled": True,
    "max_ratio": 50,
    "max_seeding_time_enabled": True,
    "max_seeding_time": 400_000,
    "max_ratio_act": 1,
}
_FEW = ("limits", "speed", "ratio reached, cleanup")
_FEW_WITH_GLOBAL = (*_FEW, "global limits")


def _few(tracker: Tracker) -> list[Entry]:
    return [entry for entry in _limited(tracker) if entry.label in _FEW_WITH_GLOBAL]


_REMOVE = "--rem-unregistered"
_TAG_ERRORS = "--tag-tracker-error"
_LIMITS = ("--share-limits",)

SCENES = (
    Scene("rem_unregistered", (_REMOVE,), _judged, _judging),
    Scene("tag_tracker_error", (_TAG_ERRORS,), _judged, _judging),
    Scene("both on trackers", (_REMOVE, _TAG_ERRORS), _judged, _judging),
    Scene("recycle bin", (_REMOVE,), _removed, _bin, looks=Look.FILES, prepare=_in_the_way),
    Scene(
        "recycle bin, split and saved",
        (_REMOVE,),
        _removed,
        partial(_bin, split_by_category=True, save_torrents=True),
        looks=Look.FILES,
        prepare=_disturb,
    ),
    Scene(
        "no recycle bin",
        (_REMOVE,),
        _removed,
        partial(_bin, enabled=False),
        looks=Look.FILES,
        prepare=_disturb,
    ),
    Scene(
        "recheck",
        ("--recheck",),
        _stopped,
        looks=Look.ASKED,
        runs=2,
        prepare=_put_there,
        preferences={"max_ratio_enabled": True, "max_ratio": 2, "max_ratio_act": 0},
        completes=("twin, empty", "twin of that, empty"),
    ),
    Scene("share_limits", _LIMITS, _limited, _groups, looks=Look.STATES | Look.FILES),
    Scene(
        "share_limits, global limits",
        _LIMITS,
        _few,
        partial(_groups, names=_FEW),
        preferences=_GLOBAL,
    ),
    Scene(
        "share_limits, a group with global limits",
        _LIMITS,
        _few,
        partial(_groups, names=_FEW_WITH_GLOBAL),
        preferences=_GLOBAL,
    ),
)
