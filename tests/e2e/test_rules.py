"""Every rule of cat_update, cat_change and tag_update on real servers of every generation.

One library holds all cases. It is planned (dry), run, and run again; the tests look at what
the server then shows for each case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.proxy import Proxy
from tests.lab.servers import Server, differences, state_of
from tests.lab.torrents import Kind, Torrent
from tests.lab.tracker import Tracker
from tests.program import Ended, classic, write_config

_HOST_TAG = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Case:
    """One torrent as it is added, and the category and tags it should end with."""

    name: str
    torrent: Torrent
    place: str = "films"
    """The save path, below the server's own."""
    category: str = ""
    tags: tuple[str, ...] = ()
    auto_tmm: bool = False
    content: Content = Content.COMPLETE
    is_stopped: bool = True
    ends_in: str = ""
    ends_with: frozenset[str] = frozenset({_HOST_TAG})
    ends_managed: bool | None = None
    """Automatic Torrent Management afterwards; None is as before."""


def _setting_cases(tracker: Tracker) -> list[Case]:
    """Those of the settings that are off unless asked for, and of ``other``."""
    number = iter(range(1000))

    def one(*keys: str, **rest: Any) -> Torrent:
        urls = [tracker.url(key) for key in keys or ("alpha",)]
        return torrents.single(f"set-{next(number):03}.bin", *urls, **rest)

    a = frozenset({"A"})
    return [
        Case("save path", one(), ends_in="films", ends_with=a, ends_managed=True),
        Case(
            "incomplete",
            one(),
            content=Content.MISSING,
            is_stopped=False,
            ends_in="films",
            ends_with=a,
            ends_managed=True,
        ),
        Case("last folder", one(), "deep/music", ends_in="music", ends_with=a, ends_managed=True),
        Case(
            "by hand, but forced",
            one(),
            "tv",
            category="tv",
            ends_in="tv",
            ends_with=a,
            ends_managed=True,
        ),
        Case(
            "spared by its tag",
            one(),
            "tv",
            category="tv",
            tags=("mine",),
            ends_in="tv",
            ends_with=a | {"mine"},
        ),
        Case(
            "only uncategorised ones",
            one(),
            "wrong",
            category="wrong",
            auto_tmm=True,
            ends_in="wrong",
            ends_with=a,
            ends_managed=True,
        ),
        Case(
            "cat_change all the same",
            one(),
            "old",
            category="old",
            ends_in="new",
            ends_with=a,
            ends_managed=True,
        ),
        Case(
            "other",
            one("unlisted"),
            ends_in="rest",
            ends_with=frozenset({"O", "P"}),
            ends_managed=True,
        ),
        Case(
            "no tracker",
            Torrent("free", {"free": b"free"}),
            ends_in="rest",
            ends_with=frozenset({"O", "P"}),
            ends_managed=True,
        ),
        Case(
            "stalled tag is somebody else's",
            one(),
            tags=("stalledDL",),
            ends_in="films",
            ends_with=a | {"stalledDL"},
            ends_managed=True,
        ),
    ]


def _setting_config(url: str, root: Path) -> dict[str, Any]:
    return {
        "qbt": {"host": url},
        "settings": {
            "force_auto_tmm": True,
            "force_auto_tmm_ignore_tags": ["mine"],
            "cat_filter_completed": False,
            "cat_update_all": False,
            "cat_update_use_folder_name": True,
            "tag_stalled_torrents": False,
        },
        "cat": {"films": f"{root}/films", "tv": f"{root}/tv", "right": f"{root}/wrong"},
        "cat_change": {"old": "new"},
        "tracker": {"alpha": {"tag": "A"}, "other": {"tag": ["O", "P"], "cat": "rest"}},
    }


def _cases(tracker: Tracker) -> list[Case]:
    def at(key: str) -> str:
        return tracker.url(key)

    plain = at("nobody")
    number = iter(range(1000))

    def one(*urls: str, **rest: Any) -> Torrent:
        return torrents.single(f"file-{next(number):03}.bin", *(urls or (plain,)), **rest)

    return [
        Case("save path", one(), ends_in="films"),
        Case("several files", torrents.folder("A series", plain), ends_in="films"),
        Case("pattern, the folder itself", one(), "tv", ends_in="tv"),
        Case("pattern, below", one(), "tv/show/season 1", ends_in="tv"),
        Case("no entry", one(), "elsewhere"),
        Case("no entry, a sibling of one", one(), "films-4k"),
        Case("uncategorized", one(), "misc"),
        Case("incomplete", one(), content=Content.MISSING),
        Case("by hand", one(), category="kept", ends_in="kept"),
        Case("managed", one(), "managed", category="managed", auto_tmm=True, ends_in="films"),
        Case("right already", one(), "tv", category="tv", ends_in="tv"),
        Case("category that is missing", one(), "fresh", ends_in="fresh / ünï"),
        Case("category with a comma", one(), "comma", ends_in='a, "b" & c'),
        Case(
            "tracker's category", one(at("kat")), ends_in="by tracker", ends_with=frozenset({"K"})
        ),
        Case("cat_change", one(), "elsewhere", category="old", ends_in="new"),
        Case("cat_change in steps", one(), "elsewhere", category="step 1", ends_in="step 3"),
        Case("cat_change after cat_update", one(), "renamed", ends_in="new"),
        Case("cat_change too early", one(), "elsewhere", category="later", ends_in="later"),
        Case(
            "cat_change incomplete", one(), category="old", content=Content.MISSING, ends_in="old"
        ),
        Case("first word", one(at("alpha")), ends_with=frozenset({"A", "shared"}), ends_in="films"),
        Case("second word", one(at("beta")), ends_with=frozenset({"A", "shared"}), ends_in="films"),
        Case(
            "the file's order",
            one(at("gamma"), at("alpha")),
            ends_with=frozenset({"A", "shared"}),
            ends_in="films",
        ),
        Case("the word as tag", one(at("gamma")), ends_with=frozenset({"gamma"}), ends_in="films"),
        Case(
            "tags with commas",
            one(at("delta")),
            ends_with=frozenset({"c 1", "c2"}),
            ends_in="films",
        ),
        Case(
            "some there already",
            one(at("alpha")),
            tags=("shared", "mine"),
            ends_with=frozenset({"A", "shared", "mine"}),
            ends_in="films",
        ),
        Case(
            "no tracker",
            Torrent("free", {"free": b"free"}),
            ends_with=frozenset({"other"}),
            ends_in="films",
        ),
        Case(
            "not stalled any more",
            one(),
            tags=("stalledDL",),
            ends_with=frozenset({_HOST_TAG}),
            ends_in="films",
        ),
        Case(
            "stalled",
            one(),
            content=Content.MISSING,
            is_stopped=False,
            ends_with=frozenset({_HOST_TAG, "stalledDL"}),
        ),
        Case(
            "private",
            one(is_private=True),
            ends_with=frozenset({_HOST_TAG, "priv"}),
            ends_in="films",
        ),
        Case("hybrid", one(kind=Kind.HYBRID), ends_in="films"),
        Case("v2 only", one(kind=Kind.V2), ends_in="films"),
        Case(
            "cross-seed",
            one().cross_seed("there", at("alpha")),
            "tv/cross",
            ends_in="tv",
            ends_with=frozenset({"A", "shared"}),
        ),
        Case(
            "equal name, here",
            Torrent("same", {"same": b"here"}, tiers=((plain,),)),
            ends_in="films",
        ),
        Case(
            "equal name, there",
            Torrent("same", {"same": b"there"}, tiers=((plain,),)),
            "tv/there",
            ends_in="tv",
        ),
        *(
            Case(f"name that hurts {index}", torrents.single(name, plain), "hurt", ends_in="films")
            for index, name in enumerate(torrents.HARD_NAMES)
        ),
    ]


def _config(url: str, root: Path) -> dict[str, Any]:
    return {
        "qbt": {"host": url},
        "settings": {"private_tag": "priv"},
        "cat": {
            "Uncategorized": f"{root}/misc",
            "films": [f"{root}/films", f"{root}/managed", f"{root}/hurt/"],
            "tv": f"{root}/tv/*",
            "fresh / ünï": f"{root}/fresh",
            'a, "b" & c': f"{root}/comma",
            "old": f"{root}/renamed",
        },
        "cat_change": {
            "step 2": "step 3",
            "step 1": "step 2",
            "old": "new",
            "later": {"new_cat": "new", "delay_minutes": 60},
        },
        "tracker": {
            "alpha|beta": {"tag": ["A", "shared"]},
            "gamma": None,
            "delta": {"tag": "c 1, c2"},
            "kat": {"tag": "K", "cat": "by tracker"},
        },
    }


Config: TypeAlias = Callable[[str, Path], dict[str, Any]]
"""A config for the server at a URL, whose save path is the folder."""


@dataclass(slots=True)
class Played:
    """What one server showed before, between and after the runs."""

    cases: Sequence[Case]
    hashes: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Any]]
    categories: Mapping[str, Any]
    changed_by_dry_run: list[str]
    dry: Ended
    first: Ended
    second: Ended
    second_writes: list[str]
    root: Path


def _add(server: Server, case: Case) -> str:
    place = server.save_path / case.place
    if case.auto_tmm:
        server.api.post("torrents/createCategory", category=case.category, savePath=str(place))
    [found] = library.add(
        server,
        case.torrent,
        content=case.content,
        is_stopped=case.is_stopped,
        category=case.category,
        tags=case.tags,
        save_path=None if case.auto_tmm else place,
        auto_tmm=case.auto_tmm,
    )
    return found


def _play(server: Server, folder: Path, cases: Sequence[Case], config: Config) -> Played:
    """The library of the cases on one server, and three runs over it."""
    with Proxy(server.url) as proxy:
        hashes = {case.name: _add(server, case) for case in cases}
        if "stalled" in hashes:
            library.settle(server, [hashes["stalled"]], lambda row: row["state"] == "stalledDL")
        write_config(folder, config(proxy.url, server.save_path))
        flags = ("--cat-update", "--tag-update")
        before = state_of(server)
        dry = classic(folder, *flags, "--dry-run", "--log-level", "debug")
        changed_by_dry_run = differences(before, state_of(server))
        first = classic(folder, *flags)
        proxy.forget()
        second = classic(folder, *flags)
        return Played(
            cases=cases,
            hashes=hashes,
            rows=server.api.by_hash(),
            categories=server.api.categories(),
            changed_by_dry_run=changed_by_dry_run,
            dry=dry,
            first=first,
            second=second,
            second_writes=[each.path for each in proxy.writes],
            root=server.save_path,
        )


def _tags(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(filter(None, row["tags"].split(", ")))


def _assert_ended_well(played: Played) -> None:
    assert (played.first.status, played.second.status) == (0, 0), played.first.errors
    rows = {case.name: played.rows[played.hashes[case.name]] for case in played.cases}
    assert {name: row["category"] for name, row in rows.items()} == {
        case.name: case.ends_in for case in played.cases
    }
    assert {name: _tags(row) for name, row in rows.items()} == {
        case.name: case.ends_with for case in played.cases
    }
    assert {name: row["auto_tmm"] for name, row in rows.items()} == {
        case.name: case.auto_tmm if case.ends_managed is None else case.ends_managed
        for case in played.cases
    }
    assert played.dry.status == 0
    assert played.changed_by_dry_run == []
    assert played.second_writes == []


# One test each, for a library takes longer to build than all of it takes to check.


def test_every_rule_makes_of_its_case_what_it_should(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    cases = _cases(tracker)
    if server.version.startswith("4.2."):  # libtorrent 1 knows no v2
        cases = [case for case in cases if case.torrent.kind is not Kind.V2]
    played = _play(server, tmp_path, cases, _config)
    _assert_ended_well(played)
    # A category that was missing has its torrent's save path.
    assert played.categories["fresh / ünï"]["savePath"] == f"{played.root}/fresh"
    assert played.categories['a, "b" & c']["savePath"] == f"{played.root}/comma"
    assert "by tracker" in played.dry.errors


def test_every_setting_makes_of_its_case_what_it_should(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    for name, folder in {"films": "films", "tv": "tv", "old": "old", "new": "old"}.items():
        path = str(server.save_path / folder)
        server.api.post("torrents/createCategory", category=name, savePath=path)
    _assert_ended_well(_play(server, tmp_path, _setting_cases(tracker), _setting_config))


def test_a_magnet_without_metadata_is_tagged_and_left_without_a_category(
    server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    magnet = library.add_magnet(server, torrents.single("film.mkv", tracker.url("alpha")))
    write_config(tmp_path, _config(server.url, server.save_path))
    ended = classic(tmp_path, "--cat-update", "--tag-update")
    assert ended.status == 0, ended.errors
    row = server.api.by_hash()[magnet]
    assert row["category"] == ""
    assert _tags(row) >= {"A", "shared"}


def test_a_category_and_its_subcategory_each_get_their_torrents_folder(
    server: Server, tmp_path: Path
) -> None:
    """Made the other way round, 5.3 would give the parent the default folder and move files."""
    root = server.save_path
    made = torrents.many(2)
    hashes = [
        *library.add(server, made[0], save_path=root / "x"),
        *library.add(server, made[1], save_path=root / "y"),
    ]
    sections = {
        "qbt": {"host": server.url},
        "settings": {"force_auto_tmm": True},
        "cat": {"tv/hd": f"{root}/x", "tv": f"{root}/y"},
    }
    write_config(tmp_path, sections)
    ended = classic(tmp_path, "--cat-update")
    assert ended.status == 0, ended.errors
    paths = {name: each["savePath"] for name, each in server.api.categories().items()}
    assert paths == {"tv/hd": f"{root}/x", "tv": f"{root}/y"}
    rows = library.settle(server, hashes)
    assert [row["category"] for row in rows] == ["tv/hd", "tv"]
    assert [row["save_path"].rstrip("/") for row in rows] == [f"{root}/x", f"{root}/y"]
