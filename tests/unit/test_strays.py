"""Which files below the roots are nobody's: real files, and simulated servers that own some.

What a torrent owns in whatever way is never an orphan; what nobody owns, and is old enough,
always is (spec: commands, *rem_orphaned*).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import unicodedata
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbm.commands.rem_orphaned import plan
from qbm.config import Config
from qbm.engine.owning import still_unowned
from qbm.engine.tools import LookAround, Neighbour, Surroundings, alone
from qbm.engine.tree.strays import scanned, with_tree
from qbm.gateways.clock import SystemClock
from qbm.gateways.qbittorrent import Connection, QBittorrent
from qbm.model.change import MoveFile
from qbm.model.paths import PathMap
from qbm.model.plan import Plan
from qbm.model.reason import Code
from qbm.model.snapshot import Selection
from qbm.model.torrent import State
from qbm.simulator import Credentials, SimulatedFile, SimulatedTorrent, Simulator
from tests.disks import as_nobody, bound, nobodys_folder
from tests.engine import tools_on

_SEEDED = "seeded.mkv"
_LATER = timedelta(days=1)
"""After this every file is old enough."""


class House:
    """A disk with the root ``/data`` and a server that seeds one file there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "disk/data"
        self.server = _server()
        self.other = _server()
        self.roots = {"/data": self.data}
        self.write(_SEEDED)
        self.own(_SEEDED)

    def write(self, name: str) -> Path:
        """A file of 10 bytes below the root."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0123456789")
        return path

    def own(self, *files: str, by: Simulator | None = None, **facts: Any) -> None:
        """Give a server a torrent with ``files``, complete and in the root by default."""
        server = by or self.server
        number = len(server.shown.torrents) + (1 << 60 if by else 1)
        usual = {
            "name": f"torrent {number}",
            "infohash_v1": f"{number:040x}",
            "save_path": "/data",
            "completion_on": 1_750_000_000,
            "files": tuple(SimulatedFile(name=each, size=10) for each in files),
        }
        server.add([SimulatedTorrent(**{**usual, **facts})])

    def keep_incomplete(self, folder: str) -> None:
        """Have the server keep all incomplete downloads there."""
        preferences = self.server.library.preferences
        preferences.temp_path, preferences.temp_path_enabled = folder, True

    def plan(
        self,
        *,
        after: timedelta = _LATER,
        meanwhile: Callable[[], object] = lambda: None,
        **orphaned: Any,
    ) -> Plan:
        """What ``rem_orphaned`` would do; ``meanwhile`` comes after the disk was listed."""
        config = self._config(orphaned)

        async def whole(url: str, other: str) -> Plan:
            async with AsyncExitStack() as ends:
                state = self.folder / "state"
                look_around = await self._neighbours(other, ends)
                tools = await ends.enter_async_context(
                    tools_on(url, state, look_around=look_around)
                )
                await tools.server.connect()
                scan = await scanned(config, tools)
                meanwhile()
                snapshot = await tools.server.snapshot(frozenset())
                now = SystemClock().now() + after
                seen = await with_tree(scan, snapshot, config, now, tools)
                return plan(seen, config, Selection(), now)

        with self.server.run_in_thread() as url, self.other.run_in_thread() as other:
            return asyncio.run(whole(url, other))

    def unowned(self, *paths: str) -> frozenset[str]:
        """Those of ``paths`` that are nobody's right before they are moved."""

        async def whole(url: str) -> frozenset[str]:
            async with tools_on(url, self.folder / "state") as tools:
                await tools.server.connect()
                return (await still_unowned(paths, self._config({}), tools)).unowned

        with self.server.run_in_thread() as url:
            return asyncio.run(whole(url))

    def orphans(self, **facts: Any) -> list[str]:
        """Those that would be moved, by their paths below the disk."""
        planned = self.plan(**facts)
        assert planned.refused == ()
        changes = [each.change for each in planned.planned]
        assert all(isinstance(each, MoveFile) for each in changes)
        return [
            os.path.relpath(each.source, self.data)
            for each in changes
            if isinstance(each, MoveFile)
        ]

    def refusal(self, **facts: Any) -> Code:
        """Why none is looked for."""
        planned = self.plan(**facts)
        assert planned.planned == ()
        [refused] = planned.refused
        return refused.reason.code

    async def _neighbours(self, url: str, ends: AsyncExitStack) -> LookAround:
        """The other server, which has the same folder as ``/b``, if it has torrents."""
        if not self.other.shown.torrents:
            return alone
        server = QBittorrent(Connection(url=url))
        ends.push_async_callback(server.close)
        await server.connect()
        known = Surroundings((Neighbour("b.yml", "b", server, PathMap((("/b", str(self.data)),))),))

        async def look_around() -> Surroundings:
            return known

        return look_around

    def _config(self, orphaned: dict[str, Any]) -> Config:
        directory = {
            "root_dir": [*self.roots],
            "remote_dir": [str(each) for each in self.roots.values()],
        }
        sections = {"directory": directory, "orphaned": orphaned}
        return Config.model_validate({"qbt": {"host": "127.0.0.1:8080"}, **sections})


def _server() -> Simulator:
    return Simulator(credentials=Credentials(required=False))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One that is as usual."""
    return House(tmp_path)


# What is nobody's


def test_what_no_torrent_has_is_an_orphan(house: House) -> None:
    house.write("films/a.mkv")
    assert house.orphans() == ["films/a.mkv"]


def test_a_name_that_is_no_text_is_an_orphan_too(house: House) -> None:
    name = os.fsdecode(b"caf\xe9.mkv")
    house.write(name)
    assert house.orphans() == [name]


def test_a_torrents_name_in_another_folder_does_not_own(house: House) -> None:
    house.write(f"films/{_SEEDED}")
    assert house.orphans() == [f"films/{_SEEDED}"]


def test_another_case_is_another_file(house: House) -> None:
    house.write(_SEEDED.upper())
    assert house.orphans() == [_SEEDED.upper()]


def test_a_second_name_of_a_torrents_file_is_an_orphan(house: House) -> None:
    (house.data / "second.mkv").hardlink_to(house.data / _SEEDED)
    assert house.orphans() == ["second.mkv"]


# What is somebody's


def test_a_place_behind_a_linked_folder_is_owned(house: House) -> None:
    house.write("real/pack/a.mkv")
    (house.data / "films").symlink_to(house.data / "real")
    house.own("pack/a.mkv", save_path="/data/films")
    assert house.orphans() == []


def test_what_a_torrents_linked_file_leads_to_is_owned(house: House) -> None:
    house.write("library/a.mkv")
    (house.data / "hop.mkv").symlink_to("library/a.mkv")
    (house.data / "a.mkv").symlink_to("hop.mkv")
    house.own("a.mkv")
    assert house.orphans() == []


def test_a_place_behind_a_bind_mount_is_owned(house: House) -> None:
    house.write("real/pack/a.mkv")
    house.own("pack/a.mkv", save_path="/data/films")
    with bound(house.data / "real", house.data / "films"):
        assert house.orphans() == []


def test_what_a_folder_from_outside_the_roots_holds_is_owned(house: House) -> None:
    outside = house.folder / "outside"
    outside.mkdir()
    (outside / "a.mkv").write_text("0123456789")
    house.own("a.mkv", save_path=str(outside))
    with bound(outside, house.data / "mounted"):
        assert house.orphans() == []


def test_a_torrent_outside_the_roots_may_be_where_nobody_can_look() -> None:
    with nobodys_folder() as folder:
        house = House(folder)
        house.write("a.mkv")
        (folder / "state").mkdir()
        (folder / "state").chmod(0o777)
        (folder / "closed").mkdir(mode=0o700)
        house.own("pack/b.mkv", save_path=str(folder / "closed/films"))
        with as_nobody():
            assert house.orphans() == ["a.mkv"]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("told", ["NFC", "NFD"])
def test_accents_are_the_same_in_both_spellings(house: House, on_disk: Any, told: Any) -> None:
    house.write(unicodedata.normalize(on_disk, "Amélie/é.mkv"))
    house.own(unicodedata.normalize(told, "Amélie/é.mkv"), name="Amélie")
    assert house.orphans() == []


@pytest.mark.parametrize("progress", [1.0, 0.5])
def test_what_is_not_wanted_is_owned_in_its_folder(house: House, progress: float) -> None:
    house.write("pack/a.mkv")
    house.write("pack/.unwanted/b.mkv")
    house.write("pack/.unwanted/c.mkv")
    files = (
        SimulatedFile(name="pack/a.mkv", size=10),
        SimulatedFile(name="pack/b.mkv", size=10, progress=0.1, is_wanted=False),
    )
    house.own(files=files, progress=progress)
    assert house.orphans() == ["pack/.unwanted/c.mkv"]


def test_what_is_not_wanted_is_owned_when_asked_once_more(house: House) -> None:
    path = str(house.write("pack/.unwanted/b.mkv"))
    free = str(house.write("pack/.unwanted/c.mkv"))
    house.own("pack/a.mkv", "pack/b.mkv")
    assert house.unowned(path, free) == {free}


def test_the_single_file_that_is_not_wanted_is_owned(house: House) -> None:
    house.write(".unwanted/b.mkv")
    files = (SimulatedFile(name="b.mkv", size=10, progress=0.1, is_wanted=False),)
    house.own(files=files, progress=0.1, state=State.STOPPED_DL)
    assert house.orphans() == []


def test_content_that_has_yet_to_be_moved_is_owned_where_it_is(house: House) -> None:
    house.write("old/pack/a.mkv")
    house.write("old/pack/b.mkv")
    content = {"content_path": "/data/old/pack"}
    house.own("pack/a.mkv", "pack/b.mkv", save_path="/data/new", auto_tmm=True, extra=content)
    assert house.orphans() == []


def test_a_folder_of_incomplete_downloads_is_left_alone_whole(house: House) -> None:
    house.write("incomplete/left over.mkv")
    house.keep_incomplete("/data/incomplete")
    assert house.orphans() == []


def test_a_linked_folder_of_incomplete_downloads_is_left_alone(house: House) -> None:
    house.write("real/pack/left over.mkv")
    (house.data / "incomplete").symlink_to(house.data / "real")
    house.keep_incomplete("/data/incomplete")
    assert house.orphans() == []


@pytest.mark.parametrize(
    "name",
    [
        "a.mkv.!qB",
        ".hash.parts",
        ".fuse_hidden01",
        ".nfs01",
        ".stfolder/a",
        ".RecycleBin/a",
        "films/orphaned_data/a",
        "lost+found/a",
        ".Trash-1000/a",
        "@eaDir/a",
        ".snapshots/a",
    ],
)
def test_what_others_keep_is_never_an_orphan(house: House, name: str) -> None:
    house.write(name)
    assert house.orphans() == []


def test_a_symbolic_link_is_never_an_orphan(house: House) -> None:
    (house.data / "link.mkv").symlink_to(house.data / _SEEDED)
    (house.data / "nowhere.mkv").symlink_to("nowhere")
    assert house.orphans() == []


@pytest.mark.parametrize("notation", ["/data", "{local}"])
def test_patterns_are_understood_in_both_notations(house: House, notation: str) -> None:
    house.write("keep/deep/a.mkv")
    house.write("films/a.nfo")
    house.write("films/b.mkv")
    base = notation.format(local=house.data)
    assert house.orphans(exclude_patterns=[f"{base}/keep/*", f"{base}*.nfo"]) == ["films/b.mkv"]


def test_a_neighbours_file_is_owned(house: House) -> None:
    house.write("films/a.mkv")
    house.write("films/b.mkv")
    house.own("a.mkv", by=house.other, save_path="/b/films")
    assert house.orphans() == ["films/b.mkv"]


# Time


def test_a_young_file_waits(house: House) -> None:
    house.write("a.mkv")
    planned = house.plan(after=timedelta(minutes=5), min_file_age_minutes=10)
    assert planned.planned == ()
    assert [each.reason.code for each in planned.notices] == [Code.ORPHANS_YOUNG]
    assert house.orphans(after=timedelta(minutes=11), min_file_age_minutes=10) == ["a.mkv"]


def test_a_new_hard_link_to_an_old_file_is_young(house: House) -> None:
    file = house.write("a.mkv")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert house.orphans(after=timedelta(), min_file_age_minutes=10) == []


def test_a_file_of_a_torrent_added_after_the_listing_is_owned(house: House) -> None:
    house.write("a.mkv")
    assert house.orphans(meanwhile=lambda: house.own("a.mkv")) == []


def test_a_folder_that_becomes_a_link_meanwhile_is_still_owned(house: House) -> None:
    house.write("pack/a.mkv")
    house.own("pack/a.mkv")

    def move() -> None:
        (house.data / "pack").rename(house.data / "moved")
        (house.data / "pack").symlink_to(house.data / "moved")

    assert house.orphans(meanwhile=move) == []
    assert house.orphans() == []


def test_a_file_renamed_after_its_list_was_kept_is_owned(house: House) -> None:
    house.write("pack/a.mkv")
    house.write("pack/b.mkv")
    house.own("pack/a.mkv", "pack/b.mkv", name="pack")
    assert house.orphans() == []
    [known] = [each for each in house.server.shown.torrents.values() if each.name == "pack"]
    renamed = tuple(
        SimulatedFile(name=each, size=10) for each in ("pack/renamed.mkv", "pack/b.mkv")
    )
    house.server.change(known.infohash_v1, files=renamed)
    (house.data / "pack/a.mkv").rename(house.data / "pack/renamed.mkv")
    assert house.orphans() == []


# Refusals


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_a_root_that_is_missing_or_empty_refuses(house: House, state: str) -> None:
    second = house.folder / "disk/second"
    house.roots["/second"] = second
    if state == "empty":
        second.mkdir()
    assert house.refusal() is Code.ORPHANS_ROOT_ABSENT


def test_a_root_without_torrents_refuses(house: House) -> None:
    second = house.folder / "disk/second"
    second.mkdir()
    (second / "a.mkv").write_text("0123456789")
    house.roots["/second"] = second
    assert house.refusal() is Code.ORPHANS_NONE_INSIDE


def test_a_folder_that_cannot_be_read_refuses() -> None:
    with nobodys_folder() as folder:
        house = House(folder)
        house.write("closed/a.mkv")
        (folder / "state").mkdir(mode=0o777)
        (folder / "state").chmod(0o777)
        (house.data / "closed").chmod(0)
        with as_nobody():
            assert house.refusal() is Code.ORPHANS_UNREADABLE


# Any mixture

_NAMES = st.text(st.sampled_from("aAbéße\u0301ﬁ .[*"), min_size=1, max_size=6).filter(
    lambda name: name.strip(".") != "" and not name.startswith(".Trash")
)
_WAYS = [
    "saved",
    "content",
    "incomplete",
    "suffixed",
    "unwanted",
    "linked folder",
    "linked file",
    "other form",
    "neighbour",
    "nested root",
]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    owned=st.lists(st.tuples(st.sampled_from(_WAYS), _NAMES), max_size=6),
    free=st.lists(_NAMES, max_size=3),
)
def test_what_is_owned_in_any_way_is_none_and_what_is_not_is_one(
    owned: list[tuple[str, str]], free: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name))
        house.roots["/nested"] = house.data / "nested"
        house.write("nested/there")
        house.own("there", save_path="/nested")
        for number, (way, file) in enumerate(owned):
            _place(house, way, f"place {number}", file)
        free_files = sorted({f"nobody {number}/{each}" for number, each in enumerate(free)})
        for each in free_files:
            house.write(each)
        assert sorted(house.orphans()) == free_files


def _place(house: House, way: str, place: str, file: str) -> None:
    """A file below ``place`` that somebody owns in that way."""
    told, below = f"top/{file}", f"/data/{place}"
    files = (SimulatedFile(name=told, size=10), SimulatedFile(name="top/more than that", size=10))
    house.write(f"{place}/top/more than that")
    match way:
        case "content":
            content = {"content_path": f"{below}/top"}
            house.write(f"{place}/{told}")
            house.own(files=files, save_path="/data/elsewhere", auto_tmm=True, extra=content)
        case "incomplete":
            house.write(f"{place}/{told}")
            house.own(files=files, save_path="/data/elsewhere", download_path=below, progress=0.5)
        case "suffixed":
            house.write(f"{place}/{told}.!qB")
            house.own(files=files, save_path=below, progress=0.5)
        case "unwanted":
            house.write(f"{place}/top/.unwanted/{file}")
            house.own(files=files, save_path=below)
        case "linked folder":
            house.write(f"{place}/{told}")
            (house.data / f"link to {place}").symlink_to(place)
            house.own(files=files, save_path=f"/data/link to {place}")
        case "linked file":
            target = house.write(f"library of {place}/kept")
            (house.data / place / told).symlink_to(target)
            house.own(files=files, save_path=below)
        case "other form":
            house.write(f"{place}/{unicodedata.normalize('NFD', told)}")
            house.own(files=files, save_path=below)
        case "neighbour":
            house.write(f"{place}/{told}")
            house.own(files=files, by=house.other, save_path=f"/b/{place}")
        case "nested root":
            house.write(f"nested/{place}/{told}")
            house.write(f"nested/{place}/top/more than that")
            house.own(files=files, save_path=f"/nested/{place}")
            house.own(files=files, save_path=below)
        case _:
            house.write(f"{place}/{told}")
            house.own(files=files, save_path=below)
