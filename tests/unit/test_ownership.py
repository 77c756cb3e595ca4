from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

from qbm.gateways import disk
from qbm.model.ownership import (
    Entries,
    OwnFile,
    Regions,
    SharedFile,
    by_name,
    divided,
    homes,
    owned_paths,
)
from qbm.model.torrent import State, Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN
from tests.factories import a_hash, a_torrent


def some_files(*names: str, progress: float = 1.0) -> tuple[TorrentFile, ...]:
    return tuple(TorrentFile(name, 10, progress) for name in names)


def an_owner(key: str, *names: str, **facts: Any) -> Torrent:
    """A complete torrent with these files, all below one folder or a single one."""
    usual: dict[str, Any] = {
        "files": some_files(*names),
        "content_path": f"/data/{names[0].partition('/')[0] if len(names) > 1 else names[0]}",
    }
    return a_torrent(key, **{**usual, **facts})


def an_incomplete_one(key: str, *names: str, **facts: Any) -> Torrent:
    usual: dict[str, Any] = {
        "progress": 0.5,
        "state": State.STALLED_DL,
        "files": some_files(*names, progress=0.5),
        "completion_on": None,
    }
    return an_owner(key, *names, **{**usual, **facts})


def rivals(removed: Torrent, *torrents: Torrent, entries: Entries = by_name) -> list[TorrentHash]:
    return Regions.of([removed, *torrents], entries).rivals(removed)


def own_paths(removed: Torrent, *survivors: Torrent) -> list[str]:
    return [each.path for each in divided(removed, survivors).own]


# Where files can lie


@pytest.mark.parametrize(
    ("names", "content_path", "expected"),
    [
        (["film.mkv"], "/data/film.mkv", ("/data",)),
        (["film.mkv"], "/old/film.mkv", ("/old", "/data")),
        (["film.mkv"], "/old/film.mkv.!qB", ("/old", "/data")),
        (["Film/film.mkv"], "/old/Film/film.mkv", ("/old", "/data")),
        (["Film/a.mkv", "Film/b/c.nfo"], "/old/Film", ("/old", "/data")),
        (["Film/a.mkv", "Film/b.nfo"], "/Film", ("/", "/data")),
        (["a.mkv", "b.mkv"], "/old", ("/old", "/data")),
        (["One/a.mkv", "Two/b.mkv"], "/old", ("/old", "/data")),
        (["Film/a.mkv", "b.mkv"], "/old/Film", ("/old/Film", "/data")),
        (["a.mkv", "b.mkv"], "/data/", ("/data/",)),
    ],
)
def test_the_content_path_shows_the_folder_that_the_files_are_in_first(
    names: list[str], content_path: str, expected: tuple[str, ...]
) -> None:
    torrent = an_owner("one", *names, content_path=content_path)
    assert homes(torrent) == expected


def test_a_content_path_that_fits_no_file_counts_whatever_it_means() -> None:
    torrent = an_owner("one", "film.mkv", content_path="/old/other.mkv")
    assert homes(torrent) == ("/old/other.mkv", "/old", "/data")


def test_names_are_compared_after_normalisation() -> None:
    composed, decomposed = "/old/Am\u00e9lie.mkv", "Ame\u0301lie.mkv"
    assert homes(an_owner("one", decomposed, content_path=composed)) == ("/old", "/data")


def test_the_folder_for_incomplete_content_counts_only_while_it_is_incomplete() -> None:
    started = an_incomplete_one("one", "film.mkv", download_path="/incomplete")
    assert homes(started) == ("/data", "/incomplete")
    assert homes(an_owner("one", "film.mkv", download_path="/incomplete")) == ("/data",)


def test_each_file_is_owned_in_each_folder_with_and_without_the_suffix() -> None:
    torrent = an_incomplete_one(
        "one", "film.mkv", content_path="/old/film.mkv", download_path="/incomplete"
    )
    names = ("film.mkv", "film.mkv.!qB")
    folders = ("/old", "/data", "/incomplete")
    expected = frozenset(f"{folder}/{name}" for folder in folders for name in names)
    assert owned_paths(torrent) == expected


@pytest.mark.parametrize(
    "facts",
    [
        {"files": UNKNOWN},
        {"save_path": UNKNOWN},
        {"files": ()},
        {"files": (), "progress": 0.0, "total_size": 10},
    ],
)
def test_what_a_torrent_owns_is_unknown_without_its_list_or_save_path(
    facts: dict[str, Any],
) -> None:
    assert owned_paths(an_owner("one", "film.mkv", **facts)) is UNKNOWN


def test_a_torrent_without_metadata_owns_nothing() -> None:
    magnet = a_torrent("magnet", progress=0.0, state=State.META_DL, files=(), total_size=0)
    assert owned_paths(magnet) == frozenset()


# Whose lists must be known


@pytest.mark.parametrize(
    ("other", "is_rival"),
    [
        ({"content_path": "/data/Film"}, True),
        ({"content_path": "/data/Film/a.mkv"}, True),
        ({"content_path": "/data"}, True),
        ({"content_path": "/data/Film 2"}, False),
        ({"content_path": "/data/Other"}, False),
        ({"content_path": "/data/Film/z.mkv"}, False),
        ({"content_path": UNKNOWN}, True),
        ({"content_path": ""}, True),
        ({"content_path": UNKNOWN, "save_path": "/data/Film"}, True),
        ({"content_path": UNKNOWN, "save_path": "/data/Film 2"}, False),
        ({"content_path": UNKNOWN, "save_path": "/"}, True),
        ({"content_path": UNKNOWN, "save_path": "/data-2"}, False),
        ({"content_path": UNKNOWN, "save_path": "/other"}, False),
        ({"content_path": "/old/Film"}, True),
        ({"content_path": "/other/Film", "save_path": "/other"}, False),
        ({"content_path": "/data/x", "state": State.MOVING}, True),
        ({"content_path": "/data/x", "progress": 0.9}, True),
        ({"save_path": UNKNOWN, "content_path": "/elsewhere/x"}, True),
    ],
)
def test_rivals_are_those_whose_content_can_lie_in_the_same_place(
    other: dict[str, Any], is_rival: bool
) -> None:
    removed = an_owner("removed", "Film/a.mkv", "Film/b.mkv")
    assert rivals(removed, a_torrent("other", **other)) == [a_hash("other")] * is_rival


def test_without_its_list_a_torrents_whole_region_counts() -> None:
    removed = a_torrent("removed", content_path=UNKNOWN, files=UNKNOWN)
    below = a_torrent("below", save_path="/data/tv", content_path="/data/tv/x")
    beside = a_torrent("beside", save_path="/data-2", content_path="/data-2/x")
    assert rivals(removed, below, beside) == [below.hash]


def test_all_are_rivals_of_one_whose_save_path_is_unknown() -> None:
    removed = a_torrent("removed", save_path=UNKNOWN, files=UNKNOWN)
    others = [a_torrent("far", save_path="/far", content_path="/far/x"), a_torrent("near")]
    assert rivals(removed, *others) == sorted(each.hash for each in others)


def test_both_values_of_a_torrent_that_the_run_moves_count() -> None:
    removed = an_owner("removed", "film.mkv")
    observed = a_torrent("other", content_path="/data/film.mkv")
    planned = a_torrent("other", save_path="/far", content_path=UNKNOWN)
    assert rivals(removed, observed, planned) == [observed.hash]
    assert rivals(removed, planned) == []


def test_torrents_of_equal_size_are_rivals_since_links_can_lead_anywhere() -> None:
    removed = an_owner("removed", "film.mkv", total_size=10)
    linked = a_torrent("linked", save_path="/links", content_path="/links/x", total_size=10)
    other = a_torrent("other", save_path="/links", content_path="/links/y", total_size=11)
    assert rivals(removed, linked, other) == [linked.hash]


def test_the_order_of_the_torrents_changes_nothing() -> None:
    removed = an_owner("removed", "Film/a.mkv", "Film/b.mkv")
    others = [a_torrent(key, content_path="/data/Film") for key in "abcd"]
    assert rivals(removed, *others) == rivals(removed, *reversed(others))


# What only it owns


def test_a_file_that_nobody_else_owns_is_its_own() -> None:
    removed = an_owner("removed", "film.mkv")
    other = an_owner("other", "other.mkv")
    assert divided(removed, [removed, other]).own == (OwnFile("film.mkv", "/data/film.mkv", 10),)


def test_a_shared_file_stays_when_one_owner_goes() -> None:
    removed = an_owner("removed", "Film/film.mkv", "Film/own.nfo")
    other = an_owner(
        "other", "film.mkv", save_path="/data/Film", content_path="/data/Film/film.mkv"
    )
    division = divided(removed, [other])
    assert division.shared == (SharedFile("Film/film.mkv", "/data/Film/film.mkv", other.hash),)
    assert [each.path for each in division.own] == ["/data/Film/own.nfo"]


def test_a_file_stays_that_another_torrent_is_still_moved_to() -> None:
    removed = an_owner("removed", "film.mkv")
    moving = an_owner("moving", "film.mkv", content_path="/old/film.mkv", state=State.MOVING)
    assert own_paths(removed, moving) == []


def test_a_file_stays_that_another_torrent_downloads_under_its_final_name() -> None:
    removed = an_owner("removed", "film.mkv")
    started = an_incomplete_one("started", "film.mkv", content_path="/data/film.mkv.!qB")
    assert own_paths(removed, started) == []


def test_an_incomplete_file_is_looked_for_with_its_suffix_first() -> None:
    removed = an_incomplete_one("removed", "film.mkv")
    assert own_paths(removed) == ["/data/film.mkv.!qB"]


def test_a_file_that_differs_only_in_normalisation_is_the_same() -> None:
    removed = an_owner("removed", "Ame\u0301lie.mkv")
    assert own_paths(removed, an_owner("other", "Am\u00e9lie.mkv")) == []


def test_with_an_unread_list_nothing_is_its_own() -> None:
    removed, other = an_owner("removed", "film.mkv"), a_torrent("other")
    division = divided(removed, [other])
    assert (division.own, division.unknown) == ((), (other.hash,))


def test_with_its_own_list_unread_nothing_is_its_own() -> None:
    removed = a_torrent("removed")
    assert divided(removed, []).unknown == (removed.hash,)


def test_a_file_shared_by_removed_torrents_goes_with_the_last_of_them() -> None:
    first, last = an_owner("first", "film.mkv"), an_owner("last", "film.mkv")
    assert own_paths(first, last) == []
    assert own_paths(last) == ["/data/film.mkv"]


def test_files_that_are_not_there_are_told_if_they_should_be() -> None:
    names = ["Film/there.mkv", "Film/gone.mkv", "Film/unwanted.mkv", "Film/not begun.mkv"]
    removed = a_torrent(
        "removed",
        content_path="/data/Film",
        progress=0.7,
        files=(
            TorrentFile(names[0], 10, 1.0),
            TorrentFile(names[1], 10, 0.5),
            TorrentFile(names[2], 10, 0.5, priority=0),
            TorrentFile(names[3], 10, 0.0),
        ),
    )
    division = divided(removed, [], lambda path: (path,) if path.endswith("there.mkv") else ())
    assert [each.name for each in division.own] == [names[0]]
    assert division.missing == ("/data/Film/gone.mkv.!qB",)


def test_a_file_is_at_the_first_of_its_places_where_something_is() -> None:
    removed = an_owner("removed", "film.mkv", content_path="/old/film.mkv")

    def entries(path: str) -> tuple[Hashable, ...]:
        return (path,) if path == "/data/film.mkv" else ()

    assert [each.path for each in divided(removed, [], entries).own] == ["/data/film.mkv"]
    assert own_paths(removed) == ["/old/film.mkv"]


# By the disk


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.mkv").write_bytes(b"film")
    (tmp_path / "linked").symlink_to(tmp_path / "films")
    (tmp_path / "seeds" / "Film").mkdir(parents=True)
    (tmp_path / "seeds" / "Film" / "film.mkv").symlink_to(tmp_path / "films" / "film.mkv")
    (tmp_path / "hard").mkdir()
    (tmp_path / "hard" / "film.mkv").hardlink_to(tmp_path / "films" / "film.mkv")
    return tmp_path


def in_folder(key: str, folder: Path, *names: str) -> Torrent:
    content = folder / names[0].partition("/")[0]
    return an_owner(key, *names, save_path=str(folder), content_path=str(content))


def test_a_torrent_in_a_linked_folder_keeps_its_files(library: Path) -> None:
    removed = in_folder("removed", library / "films", "film.mkv")
    linked = in_folder("linked", library / "linked", "film.mkv")
    assert rivals(removed, linked, entries=disk.stands_for) == [linked.hash]
    assert divided(removed, [linked], disk.stands_for).own == ()
    assert divided(linked, [removed], disk.stands_for).own == ()


def test_the_file_that_a_survivors_link_leads_to_stays(library: Path) -> None:
    removed = in_folder("removed", library / "films", "film.mkv")
    linked = in_folder("linked", library / "seeds", "Film/film.mkv")
    assert divided(removed, [linked], disk.stands_for).own == ()


def test_a_link_goes_without_what_it_leads_to(library: Path) -> None:
    removed = in_folder("removed", library / "seeds", "Film/film.mkv")
    target = in_folder("target", library / "films", "film.mkv")
    division = divided(removed, [target], disk.stands_for)
    assert [each.path for each in division.own] == [str(library / "seeds" / "Film" / "film.mkv")]


def test_hard_links_are_files_of_their_own(library: Path) -> None:
    removed = in_folder("removed", library / "films", "film.mkv")
    other = in_folder("other", library / "hard", "film.mkv")
    division = divided(removed, [other], disk.stands_for)
    assert [each.path for each in division.own] == [str(library / "films" / "film.mkv")]


def test_a_link_in_a_chain_of_links_stays(library: Path) -> None:
    (library / "chain").mkdir()
    (library / "chain" / "film.mkv").symlink_to(library / "seeds" / "Film" / "film.mkv")
    middle = in_folder("middle", library / "seeds", "Film/film.mkv")
    last = in_folder("last", library / "chain", "film.mkv")
    assert divided(middle, [last], disk.stands_for).own == ()
