"""What holds for every removal, whatever the names, the overlap and the order (spec: safety, 1).

Whole runs on the simulator, with real files; what must stay and what must go is worked out
here from how the library was laid out, not by the rules under test.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from qbm.engine.request import Mode, RunReport
from qbm.gateways.recycle_bin import FileState, RecordedFile, Records
from qbm.model.command import CommandName
from qbm.model.plan import Applied
from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator import (
    PROFILES,
    Credentials,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
    Simulator,
)
from tests.engine import a_request, carry_out
from tests.factories import a_hash

_EXAMPLES = settings().max_examples // 8
"""Each is several whole runs."""
_ROOT = "/srv"
_FOLDERS = ("films", "films/sub", "tv", "linked", "tv/hop")
_LINKED = {"linked": "films", "tv/hop": "../films/sub"}
"""Folders that are symbolic links, and where to."""
_LAYOUTS = (
    ("a.mkv",),
    ("b.mkv",),
    ("Am\u00e9lie.mkv",),
    ("Ame\u0301lie.mkv",),
    ("sub/a.mkv",),
    ("Film/a.mkv",),
    ("Film/a.mkv", "Film/b.mkv"),
    ("Film/a.mkv", "Film/sub/a.mkv"),
    ("a.mkv", "b.mkv"),
    ("sub/a.mkv", "sub/b.mkv"),
    ("sub/a.mkv", "Film/a.mkv", "b.mkv"),
    ("Film/" + "x" * 247 + ".mkv", "Film/a.mkv"),
)


class _Home:
    """Where a torrent's content is, seen from its save path."""

    SAVE_PATH = "save_path"
    ELSEWHERE = "elsewhere"
    """Complete, but not moved to its save path yet: ``content_path`` says so."""
    INCOMPLETE = "incomplete"
    """In a folder of its own while it is incomplete."""


def _some_torrents(folders: list[str], layouts: list[tuple[str, ...]]) -> Any:
    return st.lists(
        st.fixed_dictionaries(
            {
                "is_removed": st.booleans(),
                "folder": st.sampled_from(folders),
                "layout": st.sampled_from(layouts),
                "is_complete": st.sampled_from((True, True, False)),
                "home": st.sampled_from(
                    (*[_Home.SAVE_PATH] * 3, _Home.ELSEWHERE, _Home.INCOMPLETE)
                ),
                "old_folder": st.sampled_from((*folders, "old")),
                "state": st.sampled_from((None, None, State.MOVING, State.STOPPED_UP)),
                "missing": st.frozensets(st.integers(0, 2), max_size=1),
                # Made of links to the files of an earlier torrent, as tools for cross-seeds do.
                "links_to": st.one_of(st.none(), st.tuples(st.integers(0, 5), st.booleans())),
            }
        ),
        min_size=1,
        max_size=7,
    )


# Few folders and layouts in each library, so that torrents meet.
_torrents = st.tuples(
    st.lists(st.sampled_from(_FOLDERS), min_size=1, max_size=3),
    st.lists(st.sampled_from(_LAYOUTS), min_size=1, max_size=3),
).flatmap(lambda places: _some_torrents(*places))
_bins = st.fixed_dictionaries(
    {"enabled": st.sampled_from((True, True, True, False))},
    optional={"split_by_category": st.booleans(), "save_torrents": st.booleans()},
)


@dataclass
class Laid:
    """A torrent as it was laid out: the file (local path) that it has for each of its names."""

    torrent: SimulatedTorrent
    is_removed: bool
    files: dict[str, Path] = field(default_factory=dict)
    claims: set[Path] = field(default_factory=set)
    """Every local path that could be one of its files, present or not."""


class World:
    """A folder of real files, and the torrents they belong to."""

    def __init__(self, folder: Path, version: str, *, has_suffix: bool, has_bin: bool) -> None:
        self.folder = folder
        self.root = folder / _ROOT.strip("/")
        self.version = version
        # The simulator deletes where the save path is, whatever content_path says.
        self.has_elsewhere = has_bin and version != "4.2.5"
        self.suffix = ".!qB" if has_suffix else ""
        self.laid: list[Laid] = []
        self._number = 0

    def set_up(self, torrents: list[dict[str, Any]]) -> None:
        for each in _FOLDERS:
            if each not in _LINKED:
                (self.root / each).mkdir(parents=True)
        for name, target in _LINKED.items():
            (self.root / name).symlink_to(target)
        (self.root / "nobody's.txt").write_text("nobody's")
        for number, facts in enumerate(torrents):
            self.laid.append(self._lay(number, facts))

    def _lay(self, number: int, facts: dict[str, Any]) -> Laid:
        tells_content = self.version != "4.2.5"
        source = self._source(facts)
        layout = tuple(source.files) if source else facts["layout"]
        is_complete = facts["is_complete"] or source is not None
        home = facts["home"] if tells_content and source is None else _Home.SAVE_PATH
        save_path = f"{_ROOT}/{facts['folder']}" if source is None else f"{_ROOT}/links{number}"
        content_home, download_path = save_path, ""
        if home == _Home.INCOMPLETE and not is_complete:
            content_home = download_path = f"{_ROOT}/incomplete"
        elif home == _Home.ELSEWHERE and is_complete and self.has_elsewhere:
            content_home = f"{_ROOT}/{facts['old_folder']}"
        suffix = "" if is_complete else self.suffix
        paths = {
            name: self._local(content_home, name + suffix)
            for index, name in enumerate(layout)
            if index not in facts["missing"] or source is not None
        }
        for name, path in paths.items():
            self._write(path, source.files[name] if source else None, facts["links_to"])
        found = {name: path for name, path in paths.items() if os.path.lexists(path)}
        torrent = self._torrent(number, facts, layout, found, is_complete=is_complete)
        described = {
            "save_path": save_path,
            "download_path": download_path,
            "extra": _content_path(content_home, layout) if content_home != save_path else {},
        }
        homes = {save_path, content_home, download_path} - {""}
        claims = {
            self._local(each, name + ending)
            for each in homes
            for name in layout
            for ending in ("", ".!qB")
        }
        # Whoever is being moved waits until that is over.
        is_removed = facts["is_removed"] and torrent.state is not State.MOVING
        return Laid(_with(torrent, **described), is_removed, found, claims)

    def _source(self, facts: dict[str, Any]) -> Laid | None:
        """The earlier torrent, with files, that this one consists of links to."""
        candidates = [each for each in self.laid if each.files and each.torrent.progress == 1]
        whole = [each for each in candidates if len(each.files) == len(each.torrent.files)]
        if facts["links_to"] is None or not whole:
            return None
        choice: int = facts["links_to"][0]
        return whole[choice % len(whole)]

    def _write(self, path: Path, source: Path | None, links_to: tuple[int, bool] | None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            return
        if source is None or links_to is None:
            self._number += 1
            path.write_bytes(b"%d" % self._number + b"." * self._number)
        elif links_to[1]:
            path.symlink_to(source)
        else:
            os.link(source, path, follow_symlinks=False)

    def _torrent(
        self,
        number: int,
        facts: dict[str, Any],
        layout: tuple[str, ...],
        found: dict[str, Path],
        *,
        is_complete: bool,
    ) -> SimulatedTorrent:
        progress = 1.0 if is_complete else 0.5
        files = tuple(
            SimulatedFile(
                name=name,
                size=len(found[name].read_bytes()) if name in found else 1_000 + number,
                progress=progress,
            )
            for name in layout
        )
        state = facts["state"] if is_complete else State.STALLED_DL
        status = TrackerStatus.TRACKER_ERROR if facts["is_removed"] else TrackerStatus.WORKING
        return SimulatedTorrent(
            name="same name",
            infohash_v1=a_hash(str(number)),
            progress=progress,
            state=state or State.STALLED_UP,
            size=sum(each.size for each in files),
            files=files,
            trackers=(
                SimulatedTracker(
                    # A host for each: many of one host at once are the tracker's own trouble.
                    url=f"https://tracker{number}.example.org/announce/{number}",
                    status=status,
                    msg="Unregistered torrent" if facts["is_removed"] else "",
                ),
            ),
        )

    def _local(self, folder: str, name: str) -> Path:
        return self.folder / folder.strip("/") / name

    @property
    def removed(self) -> list[Laid]:
        return [each for each in self.laid if each.is_removed]

    @property
    def surviving(self) -> list[Laid]:
        return [each for each in self.laid if not each.is_removed]

    def simulator(self, laid: list[Laid]) -> Simulator:
        """A server that has the torrents, in this order; it deletes their files if asked to."""
        server = Simulator(PROFILES[self.version], Credentials(required=False), _ROOT)
        server.add(each.torrent for each in laid)
        server.library.disk = self.folder
        return server

    def run(self, server: Simulator, recyclebin: dict[str, bool], mode: Mode) -> RunReport:
        sections = {
            "tracker": {"other": {"tag": "other"}},
            "settings": {
                "rem_unregistered_grace_minutes": 0,
                "rem_unregistered_max_torrents": 0,
                "max_removal_percent": 0,
            },
            "directory": {"root_dir": _ROOT, "remote_dir": str(self.root)},
            "recyclebin": recyclebin,
        }
        request = a_request(commands=(CommandName.REM_UNREGISTERED,), mode=mode)
        with server.run_in_thread() as url:
            return carry_out(url, self.folder / "state", sections, request)


def _with(torrent: SimulatedTorrent, **facts: Any) -> SimulatedTorrent:
    return SimulatedTorrent(
        **{each: getattr(torrent, each) for each in torrent.__struct_fields__} | facts
    )


def _content_path(home: str, layout: tuple[str, ...]) -> dict[str, str]:
    tops = {each.partition("/")[0] for each in layout if "/" in each}
    if len(layout) == 1:
        return {"content_path": f"{home}/{layout[0]}"}
    has_one_top = len(tops) == 1 and all("/" in each for each in layout)
    return {"content_path": f"{home}/{tops.pop()}" if has_one_top else home}


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """The entry that a path is, and those that it leads over: real folder, and name there."""
    while True:
        yield os.path.realpath(path.parent), _spelled(path)
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def _spelled(path: Path) -> str:
    """The name as the disk has it, where no other file has exactly that of the path."""
    if os.path.lexists(path) or not path.parent.is_dir():
        return path.name
    names = (each.name for each in path.parent.iterdir())
    wanted = unicodedata.normalize("NFC", path.name)
    return next((each for each in names if unicodedata.normalize("NFC", each) == wanted), path.name)


def _claimed(torrents: list[Laid]) -> set[tuple[str, str]]:
    return {entry for each in torrents for path in each.claims for entry in _entries(path)}


def _tree(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Everything below a folder, with what would show that it was touched."""
    found: dict[str, tuple[int, int, int, int]] = {}
    for above, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(above, name)
            status = path.lstat()
            found[str(path)] = (
                status.st_ino,
                status.st_mode,
                status.st_size,
                status.st_mtime_ns,
            )
    return found


def _contents(torrents: list[Laid]) -> dict[Path, bytes]:
    return {path: path.read_bytes() for each in torrents for path in each.files.values()}


def _recorded(world: World) -> dict[str, list[RecordedFile]]:
    found, unreadable = Records(world.folder / "state").all()
    assert unreadable == []
    return {each.hash: list(each.files) for each in found}


_libraries = given(
    torrents=_torrents,
    version=st.sampled_from(("4.2.5", "4.5.2", "5.1.0", "5.3.0")),
    recyclebin=_bins,
    has_suffix=st.booleans(),
)


@settings(max_examples=_EXAMPLES)
@_libraries
def test_removing_some_torrents_leaves_the_others_their_files_and_loses_none(
    torrents: list[dict[str, Any]], version: str, recyclebin: dict[str, bool], has_suffix: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), version, has_suffix=has_suffix, has_bin=recyclebin["enabled"])
        world.set_up(torrents)
        surviving = _contents(world.surviving)
        entries = {path: os.lstat(path).st_ino for path in surviving}
        exclusive, claimed = _exclusive(world), _claimed_by_others(world)
        server = world.simulator(world.laid)

        report = world.run(server, recyclebin, Mode.REAL)

        assert [each.outcome for each in report.concluded] == [Applied()] * len(world.removed)
        assert {each.infohash_v1 for each in server.library.torrents.values()} == {
            each.torrent.infohash_v1 for each in world.surviving
        }
        assert _contents(world.surviving) == surviving
        assert {path: os.lstat(path).st_ino for path in surviving} == entries
        assert (world.root / "nobody's.txt").read_text() == "nobody's"
        assert all(os.path.lexists(path) for path in claimed)
        if recyclebin["enabled"]:  # else the server deletes them, in its own way
            assert not any(os.path.lexists(path) for path in exclusive)
            _is_in_the_bin(world, exclusive)

        again = world.run(server, recyclebin, Mode.REAL)
        assert again.plan.planned == ()


def _exclusive(world: World) -> dict[Path, tuple[int, bytes | None]]:
    """The files of removed torrents that no other torrent could own: inode, and content."""
    found: dict[Path, tuple[int, bytes | None]] = {}
    for each in world.removed:
        others = _claimed([other for other in world.laid if other is not each])
        for path in each.files.values():
            if next(_entries(path)) not in others:
                content = None if path.is_symlink() else path.read_bytes()
                found[path] = os.lstat(path).st_ino, content
    return found


def _claimed_by_others(world: World) -> list[Path]:
    """The files of removed torrents that a surviving one counts as its own, its or not."""
    claims = _claimed(world.surviving)
    paths = [path for each in world.removed for path in each.files.values()]
    return [path for path in paths if next(_entries(path)) in claims]


def _is_in_the_bin(world: World, exclusive: dict[Path, tuple[int, bytes | None]]) -> None:
    recorded = _recorded(world)
    places = {
        _plain(Path(each.local)): Path(each.target)
        for files in recorded.values()
        for each in files
        if each.state is FileState.MOVED
    }
    for path, (inode, content) in exclusive.items():
        target = places[_plain(path)]
        assert ".RecycleBin" in target.parts
        assert os.lstat(target).st_ino == inode
        assert content is None or target.read_bytes() == content
    for each in world.removed:
        states = [file.state for file in recorded[each.torrent.infohash_v1]]
        assert FileState.PLANNED not in states
        if each.torrent.progress == 1:
            assert len(states) == len(each.torrent.files)


def _plain(path: Path) -> tuple[str, str]:
    """How a file that is gone is told: its folder may be gone as well."""
    return os.path.realpath(path.parent), path.name


def test_without_a_bin_a_file_stays_that_another_downloads_through_a_linked_folder() -> None:
    usual: dict[str, Any] = {
        "layout": ("sub/a.mkv",),
        "is_complete": False,
        "home": _Home.SAVE_PATH,
        "missing": frozenset(),
        "links_to": None,
    }
    torrents = [
        {**usual, "folder": "films", "is_removed": False},
        {**usual, "folder": "linked", "is_removed": True},
    ]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), "5.1.0", has_suffix=False, has_bin=False)
        world.set_up(torrents)
        surviving = _contents(world.surviving)
        world.run(world.simulator(world.laid), {"enabled": False}, Mode.REAL)
        assert _contents(world.surviving) == surviving


@settings(max_examples=_EXAMPLES)
@_libraries
def test_a_preview_touches_nothing_and_the_order_of_the_torrents_changes_nothing(
    torrents: list[dict[str, Any]], version: str, recyclebin: dict[str, bool], has_suffix: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), version, has_suffix=has_suffix, has_bin=recyclebin["enabled"])
        world.set_up(torrents)
        server = world.simulator(world.laid)
        before = _tree(world.root)

        report = world.run(server, recyclebin, Mode.DRY)
        backwards = world.run(world.simulator(world.laid[::-1]), recyclebin, Mode.DRY)

        assert server.writes == []
        assert _tree(world.root) == before
        assert _recorded(world) == {}
        assert len(report.plan.planned) == len(world.removed)
        assert backwards.plan == report.plan
        real = world.run(server, recyclebin, Mode.REAL)
        assert real.stats == report.stats
