"""The hard links of torrents' large files, on real files and a simulated server."""

from __future__ import annotations

import asyncio
import os
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbm.engine.tree.links import with_links
from qbm.model.disk import Doubt, FileLinks
from qbm.model.links import outside_category, outside_roots
from qbm.model.torrent import TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.simulator.records import SimulatedFile
from tests.disks import as_nobody, bound, nobodys_folder, other_device
from tests.engine import tools_on
from tests.factories import a_config


def torrent(number: int, *files: tuple[str, int], **facts: Any) -> SimulatedTorrent:
    """A complete torrent of the category films with ``files`` of these sizes."""
    return SimulatedTorrent(
        **{
            "name": f"torrent {number}",
            "infohash_v1": f"{number:040x}",
            "save_path": "/data/films",
            "category": "films",
            "completion_on": 1_750_000_000,
            "files": tuple(SimulatedFile(name=name, size=size) for name, size in files),
            **facts,
        }
    )


class Place:
    """A root ``/data`` of a server, which is ``data`` on this machine, and a library beside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.library = folder / "library"
        for each in (self.data / "films", self.library):
            each.mkdir(parents=True)
        self.directory: dict[str, Any] = {"root_dir": "/data", "remote_dir": str(self.data)}
        self.sections: dict[str, Any] = {"nohardlinks": ["films", "tv"]}
        self.torrents: list[SimulatedTorrent] = []
        self.reading: Callable[[], None] = lambda: None

    def file(self, name: str) -> Path:
        """A file in the films."""
        path = self.data / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"abc")
        return path

    def linked(self, path: Path, to: Path) -> Path:
        """A second name of ``path``."""
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, to)
        return to

    def links(self) -> Sequence[tuple[FileLinks, ...] | Unknown]:
        """What is found of each torrent, in the order of their numbers."""
        config = a_config(directory=self.directory, **self.sections)
        simulator = Simulator(credentials=Credentials(required=False))
        simulator.add(self.torrents)

        async def looked(url: str) -> Mapping[TorrentHash, tuple[FileLinks, ...] | Unknown]:
            async with tools_on(url, self.folder / "state") as tools:
                await tools.server.connect()
                snapshot = await tools.server.snapshot(frozenset())
                hashes = list(snapshot.torrents)
                found = await with_links(snapshot, hashes, config, tools, may_write=False)
                return {each.hash: each.links for each in found.torrents.values()}

        with simulator.run_in_thread() as url:
            told = asyncio.run(looked(url))
        return [told[each] for each in sorted(told)]

    def only(self) -> FileLinks:
        """The only large file of the only torrent."""
        ((found,),) = map(_known, self.links())
        return found


def _known(files: tuple[FileLinks, ...] | Unknown) -> tuple[FileLinks, ...]:
    assert files is not UNKNOWN
    return files


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_link_in_a_library_is_outside(place: Place) -> None:
    film = place.file("a.mkv")
    place.linked(film, place.library / "a.mkv")
    place.torrents = [torrent(1, ("a.mkv", 3))]
    found = place.only()
    assert (found.path, found.links, found.in_roots, outside_roots(found)) == (str(film), 2, 1, 1)


@pytest.mark.parametrize(
    "to", ["data/tv/a.mkv", "data/.RecycleBin/films/a.mkv", "data/orphaned_data/a.mkv"]
)
def test_a_link_in_a_root_or_a_bin_is_not_outside(place: Place, to: str) -> None:
    place.linked(place.file("a.mkv"), place.folder / to)
    place.torrents = [torrent(1, ("a.mkv", 3))]
    found = place.only()
    assert (found.links, found.in_roots, found.doubt) == (2, 2, None)


def test_a_link_in_another_root_is_not_outside(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.library / "a.mkv")
    place.directory = {
        "root_dir": ["/data", "/library"],
        "remote_dir": [str(place.data), str(place.library)],
    }
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert outside_roots(place.only()) == 0


@pytest.mark.parametrize("is_there", [True, False])
def test_links_that_may_be_in_a_root_that_is_empty_or_missing_are_unseen(
    place: Place, is_there: bool
) -> None:
    place.linked(place.file("a.mkv"), place.library / "a.mkv")
    other = place.folder / "other"
    if is_there:
        other.mkdir()
    place.directory = {
        "root_dir": ["/data", "/other"],
        "remote_dir": [str(place.data), str(other)],
    }
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().doubt is Doubt.UNSEEN


def test_a_missing_root_hides_nothing_of_a_file_with_one_name(place: Place) -> None:
    place.file("a.mkv")
    place.directory = {
        "root_dir": ["/data", "/other"],
        "remote_dir": [str(place.data), str(place.folder / "other")],
    }
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().doubt is None


def test_cross_seeds_see_each_others_names(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.data / "films/cross/a.mkv")
    place.torrents = [torrent(1, ("a.mkv", 3)), torrent(2, ("cross/a.mkv", 3))]
    assert [(each.links, each.in_roots) for files in place.links() for each in _known(files)] == [
        (2, 2),
        (2, 2),
    ]


def test_torrents_at_one_path_share_the_name(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.library / "a.mkv")
    place.torrents = [torrent(1, ("a.mkv", 3)), torrent(2, ("a.mkv", 3))]
    assert [outside_roots(each) for files in place.links() for each in _known(files)] == [1, 1]


def test_only_files_of_a_tenth_of_the_largest_are_looked_at(place: Place) -> None:
    sizes = {"film": 1000, "tenth": 100, "sample": 99}
    for each in sizes:
        place.file(f"pack/{each}")
    place.torrents = [torrent(1, *((f"pack/{each}", size) for each, size in sizes.items()))]
    (files,) = place.links()
    assert [Path(each.path).name for each in _known(files)] == ["film", "tenth"]


def test_a_missing_file_is_in_doubt(place: Place) -> None:
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().doubt is Doubt.MISSING


def test_a_symbolic_link_is_not_followed(place: Place) -> None:
    (place.data / "films/a.mkv").symlink_to(place.file("b.mkv"))
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().doubt is Doubt.SYMLINK


def test_a_torrent_outside_all_roots_is_in_doubt(place: Place) -> None:
    place.torrents = [torrent(1, ("a.mkv", 3), save_path="/elsewhere")]
    assert place.only().doubt is Doubt.OUTSIDE


def test_a_file_behind_a_closed_folder_cannot_be_read() -> None:
    with nobodys_folder() as folder:
        place = Place(folder)
        closed = place.file("closed/a.mkv").parent
        place.torrents = [torrent(1, ("closed/a.mkv", 3))]
        (folder / "state").mkdir()
        (folder / "state").chmod(0o777)
        closed.chmod(0)
        with as_nobody():
            assert place.only().doubt is Doubt.UNREADABLE


def test_links_that_may_be_in_a_closed_folder_are_unseen() -> None:
    with nobodys_folder() as folder:
        place = Place(folder)
        film = place.file("a.mkv")
        closed = place.linked(film, place.data / "closed/a.mkv").parent
        place.torrents = [torrent(1, ("a.mkv", 3))]
        (folder / "state").mkdir()
        (folder / "state").chmod(0o777)
        closed.chmod(0)
        with as_nobody():
            assert place.only().doubt is Doubt.UNSEEN


def test_an_equal_inode_on_another_device_is_another_file(place: Place) -> None:
    film = place.file("a.mkv")
    place.linked(film, place.library / "a.mkv")
    with other_device(place.folder) as device:
        twin = device / "b.mkv"
        twin.write_bytes(b"abc")
        os.link(twin, device / "c.mkv")
        place.directory = {
            "root_dir": ["/data", "/device"],
            "remote_dir": [str(place.data), str(device)],
        }
        place.torrents = [
            torrent(1, ("a.mkv", 3)),
            torrent(2, ("b.mkv", 3), save_path="/device"),
        ]
        assert [outside_roots(each) for files in place.links() for each in _known(files)] == [1, 0]


def test_roots_that_overlap_count_each_name_once(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.library / "a.mkv")
    place.directory = {
        "root_dir": ["/data", "/data/films"],
        "remote_dir": [str(place.data), str(place.data / "films")],
    }
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert outside_roots(place.only()) == 1


def test_a_bind_mount_counts_each_name_once(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.library / "a.mkv")
    place.torrents = [torrent(1, ("a.mkv", 3))]
    with bound(place.data / "films", place.data / "again"):
        assert outside_roots(place.only()) == 1


def test_a_name_is_found_however_its_accents_are_composed(place: Place) -> None:
    name = "Amélie.mkv"
    film = place.file(unicodedata.normalize("NFD", name))
    place.linked(film, place.data / "tv" / name)
    place.torrents = [torrent(1, (unicodedata.normalize("NFC", name), 3))]
    found = place.only()
    assert (found.path, found.in_roots, found.doubt) == (str(film), 2, None)


def test_a_link_whose_name_is_no_text_counts(place: Place) -> None:
    place.linked(place.file("a.mkv"), place.data / os.fsdecode(b"\xff\xfe.mkv"))
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().in_roots == 2


def test_links_on_a_mount_that_proves_nothing_are_unproven(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unproven(_path: str, *, may_write: bool) -> bool:
        return may_write

    monkeypatch.setattr("qbm.gateways.disk.proven", unproven)
    place.file("a.mkv")
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert place.only().doubt is Doubt.UNPROVEN


def test_links_in_the_categorys_own_folder_are_told_apart(place: Place) -> None:
    film = place.file("a.mkv")
    place.linked(film, place.data / "films/lib/a.mkv")
    place.linked(film, place.data / "tv/a.mkv")
    place.sections["cat"] = {"films": "/data/films"}
    place.torrents = [torrent(1, ("a.mkv", 3))]
    found = place.only()
    assert (found.links, found.in_roots, outside_category(found)) == (3, 3, 1)


def test_a_categorys_folder_may_be_a_symbolic_link_within_the_root(place: Place) -> None:
    film = place.file("a.mkv")
    place.linked(film, place.data / "films/lib/a.mkv")
    (place.data / "by category").symlink_to(place.data / "films")
    place.sections["cat"] = {"films": "/data/by category"}
    place.torrents = [torrent(1, ("a.mkv", 3))]
    assert outside_category(place.only()) == 0


_FOLDERS = ("data/films", "data/tv", "data/.RecycleBin", "data/orphaned_data", "library")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(_FOLDERS), max_size=5),
        min_size=1,
        max_size=5,
    )
)
def test_names_are_counted_as_a_walk_of_everything_counts_them(others: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name))
        place.sections["cat"] = {"films": "/data/films"}
        for number, folders in enumerate(others):
            film = place.file(f"{number}.mkv")
            for index, folder in enumerate(folders):
                place.linked(film, place.folder / folder / f"{number}-{index}")
        place.torrents = [torrent(each + 1, (f"{each}.mkv", 3)) for each in range(len(others))]
        found = [each for files in place.links() for each in _known(files)]
    assert [outside_roots(each) for each in found] == [
        sum(folder == "library" for folder in folders) for folders in others
    ]
    assert [outside_category(each) for each in found] == [
        sum(folder != "data/films" for folder in folders) for folders in others
    ]
