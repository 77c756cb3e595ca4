"""``rem_orphaned`` by the real program on real servers: what users have complained of, and races.

Each complaint of the spec (safety, *orphans*) is a test by its name. Most run on one server that
the module shares; what differs between versions runs on all of them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.disks import bound
from tests.lab import library, torrents
from tests.lab.library import Content
from tests.lab.proxy import Moment, Pause, ProxyOf, path_is
from tests.lab.servers import Server, StartServers
from tests.lab.suites import Suite
from tests.lab.tracker import UNREGISTERED, Tracker
from tests.program import Ended, Served, environment, qbm, write_config

pytestmark = pytest.mark.parametrize(
    "module_server", [Suite.TRIXIE], ids=str, indirect=True, scope="module"
)

_REFUSED = 1
_ASKING = path_is("torrents/info")
_PER_TORRENT = {f"torrents/{name}" for name in ("files", "trackers", "properties", "export")}
_NOBODYS = b"nobody's"


class Place:
    """A server with one complete torrent, a config, and the root of both."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder / "config"
        self.root = folder / "data"
        self.orphaned = self.root / "orphaned_data"
        self.root.mkdir()
        self.configure()
        self.add(torrents.single("owned.mkv"), self.root / "films")

    def configure(self, url: str = "", **sections: dict[str, Any]) -> None:
        """Write the config; of a section that is given, what it says stands."""
        usual: dict[str, dict[str, Any]] = {
            "qbt": {"host": url or self.server.url},
            "directory": {"root_dir": str(self.root)},
            "orphaned": {"min_file_age_minutes": 0},
            "settings": {"rem_unregistered_grace_minutes": 0, "max_removal_percent": 0},
            "cat": {"films": str(self.root / "films")},
            "tracker": {"other": {"tag": "seen"}},
        }
        write_config(
            self.folder,
            {name: {**usual.get(name, {}), **sections.get(name, {})} for name in usual | sections},
        )

    def add(self, torrent: torrents.Torrent, folder: Path, **options: Any) -> str:
        """Have a torrent, complete unless ``options`` of ``library.add`` say otherwise."""
        return library.add(self.server, torrent, save_path=folder, **options)[0]

    @property
    def words(self) -> list[str]:
        """The words of a run."""
        return ["run", "rem_orphaned", "-c", str(self.folder / "config.yml")]

    def run(self, *words: str) -> Ended:
        """A run of ``rem_orphaned`` and what ``words`` add."""
        return qbm(*self.words, *words)

    def file(self, name: str, content: bytes = _NOBODYS) -> Path:
        """A file below the root that no torrent owns, unless it was told of one."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    @property
    def files(self) -> dict[str, bytes]:
        """All files below the root and what is in them."""
        found = (each for each in self.root.rglob("*") if each.is_file())
        return {str(each.relative_to(self.root)): each.read_bytes() for each in found}

    def has_planned(self) -> bool:
        """A run has written down what it wants to do."""
        with closing(sqlite3.connect(self.folder / "qbm.db")) as raw:
            return bool(raw.execute("SELECT 1 FROM journal").fetchone())


@pytest.fixture
def place(shared_server: Server, tmp_path: Path) -> Iterator[Place]:
    """On the module's server, which is emptied afterwards."""
    try:
        yield Place(shared_server, tmp_path)
    finally:
        library.remove_all(shared_server)


def assert_refused(ended: Ended, place: Place, before: dict[str, bytes], why: str) -> None:
    """The run says why it refuses, and all files are as they were."""
    told = ended.output + ended.errors
    assert ended.status == _REFUSED, told
    assert why in told
    assert place.files == before


def assert_moved(place: Place, *names: str) -> None:
    """These lie in the orphaned folder now, and what is owned is where it was."""
    files = place.files
    for name in names:
        assert name not in files
        assert files[f"orphaned_data/{name}"] == _NOBODYS
    assert "films/owned.mkv" in files


# What users have complained of


def test_files_of_a_cross_seed_being_created_are_no_orphans(place: Place) -> None:
    film = torrents.single("crossed.mkv")
    cross = film.cross_seed("other")
    place.add(film, place.root / "films")
    for path in film.paths(place.root / "films"):
        os.utime(path, (0, 0))
    library.hard_link(film, place.root / "films", place.root / "cross")
    place.configure(orphaned={"min_file_age_minutes": 5})
    before = place.files
    assert place.run().status == 0
    assert place.files == before
    place.add(cross, place.root / "cross", content=Content.ON_DISK)
    place.configure()
    assert place.run().status == 0
    assert place.files == before


def test_downloads_in_progress_in_the_incomplete_folder_are_not_moved_away(place: Place) -> None:
    api = place.server.api
    usual = {name: api.preferences()[name] for name in ("temp_path_enabled", "temp_path")}
    incomplete = place.root / "incomplete"
    api.set_preferences(temp_path_enabled=True, temp_path=str(incomplete))
    try:
        series = torrents.folder("coming", paths=("a.mkv", "b.mkv"))
        place.add(series, place.root / "films", content=Content.MISSING)
        for name in ("coming/a.mkv", "coming/b.mkv.!qB", "of a torrent to come.mkv"):
            place.file(f"incomplete/{name}")
        orphan = place.file("orphan.mkv")
        assert place.run().status == 0
    finally:
        api.set_preferences(**usual)
    assert not orphan.exists()
    assert len([*incomplete.rglob("*.*")]) == 3


def test_a_wrong_path_mapping_makes_nothing_an_orphan(place: Place) -> None:
    place.file("orphan.mkv")
    before = place.files
    place.configure(directory={"root_dir": "/elsewhere", "remote_dir": str(place.root)})
    why = "no torrent has its content in directory.root_dir"
    assert_refused(place.run(), place, before, why)


def test_a_mapping_one_folder_too_high_makes_nothing_an_orphan(place: Place) -> None:
    place.file("orphan.mkv")
    before = place.files
    films = str(place.root / "films")
    place.configure(directory={"root_dir": films, "remote_dir": str(place.root)})
    assert_refused(place.run(), place, before, "of 1 complete torrents is not where")


def test_with_automatic_management_the_files_are_owned_where_the_content_still_is(
    place: Place,
) -> None:
    api, downloading = place.server.api, place.root / "downloading"
    api.post(
        "torrents/createCategory",
        category="tv",
        savePath=str(place.root / "tv"),
        downloadPathEnabled=True,
        downloadPath=str(downloading),
    )
    show = torrents.single("show.mkv")
    show.write(downloading)
    added = library.add(place.server, show, content=Content.MISSING, category="tv", auto_tmm=True)
    row = api.by_hash()[added[0]]
    assert row["save_path"] != row["download_path"] == str(downloading)
    orphan = place.file("orphan.mkv")
    assert place.run().status == 0
    assert not orphan.exists()
    assert (downloading / "show.mkv").is_file()


def test_a_server_that_has_loaded_only_some_of_its_torrents_makes_no_orphans(
    place: Place,
) -> None:
    many = torrents.many(7)
    hashes = library.add(place.server, *many, save_path=place.root / "films")
    assert place.run().status == 0
    before = place.files
    place.server.api.post("torrents/delete", hashes="|".join(hashes), deleteFiles=False)
    library.wait_for(place.server.api.torrents, lambda rows: len(rows) == 1)
    assert_refused(place.run(), place, before, "7 of the 8 torrents of the last run are gone")
    assert_refused(place.run(), place, before, "7 of the 8 torrents of the last run are gone")


# What it refuses


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "missing"])
def test_a_root_that_is_empty_or_missing_refuses(place: Place, *, is_there: bool) -> None:
    place.file("orphan.mkv")
    before = place.files
    other = place.folder / "other"
    if is_there:
        other.mkdir()
    place.configure(directory={"root_dir": [str(place.root), str(other)]})
    assert_refused(place.run(), place, before, f"{other} is empty or not there")


def test_more_orphans_than_allowed_refuse_and_the_other_commands_still_run(place: Place) -> None:
    for number in range(3):
        place.file(f"{number}.mkv")
    before = place.files
    place.configure(orphaned={"max_orphaned_files_to_delete": 2})
    assert_refused(place.run("tag_update"), place, before, "3 files belong to no torrent")
    [row] = place.server.api.torrents()
    assert row["tags"] == "seen"


def test_with_minus_1_any_number_goes(place: Place) -> None:
    names = [f"many/{number}.mkv" for number in range(60)]
    for name in names:
        place.file(name)
    place.configure(orphaned={"max_orphaned_files_to_delete": -1})
    assert place.run().status == 0
    assert_moved(place, *names)
    assert not (place.root / "many").exists()


def test_a_folder_that_cannot_be_read_refuses(place: Place) -> None:
    place.file("orphan.mkv")
    closed = place.file("closed/x.mkv").parent
    before = place.files
    closed.chmod(0)
    try:
        ended = subprocess.run(
            [*_without_rights(), sys.executable, "-m", "qbm", *place.words],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        closed.chmod(0o755)
    told = Ended(ended.returncode, ended.stdout, ended.stderr)
    assert_refused(told, place, before, f"{closed} cannot be read")


def _without_rights() -> list[str]:
    """Words before a command that take from root what lets it into every folder."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("only setpriv can start the program without root's rights")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}"]


# Whose a file is


def test_what_is_saved_through_a_symbolic_link_is_owned(place: Place) -> None:
    link = place.root / "link"
    (place.root / "real").mkdir()
    link.symlink_to(place.root / "real")
    place.add(torrents.folder("linked"), link)
    place.file("real/orphan.mkv")
    assert place.run().status == 0
    assert_moved(place, "real/orphan.mkv")
    assert len([name for name in place.files if name.startswith("real/linked/")]) == 3


def test_what_is_saved_through_a_bind_mount_is_owned(place: Place) -> None:
    (place.root / "real").mkdir()
    with bound(place.root / "real", place.root / "again"):
        place.add(torrents.folder("bound"), place.root / "again")
        place.file("real/orphan.mkv")
        assert place.run().status == 0
        assert not (place.root / "real/orphan.mkv").exists()
        assert len([*(place.root / "real/bound").rglob("*.*")]) == 3


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_may_be_spelled_in_either_way(place: Place, form: str) -> None:
    other: Any = {"NFC": "NFD", "NFD": "NFC"}[form]
    shown: Any = form
    film = torrents.single(unicodedata.normalize(shown, "Amélie é.mkv"))
    place.add(film, place.root / "films")
    [path] = film.paths(place.root / "films")
    path = path.rename(path.with_name(unicodedata.normalize(other, path.name)))
    assert place.run().status == 0
    assert path.is_file()


def test_two_roots_have_each_their_own_orphaned_folder(place: Place, tmp_path: Path) -> None:
    second = tmp_path / "second"
    place.add(torrents.single("there.mkv"), second)
    (second / "orphan.mkv").write_bytes(_NOBODYS)
    place.file("sub/orphan.mkv")
    place.configure(directory={"root_dir": [str(place.root), str(second)]})
    ended = place.run()
    assert ended.status == 0, ended.errors
    found = sorted(each for each in tmp_path.rglob("*orphan.mkv"))
    assert [each.read_bytes() for each in found] == [_NOBODYS] * 2
    assert all("orphaned_data" in each.parts for each in found), found
    assert (second / "there.mkv").is_file()


# What becomes of them


def test_a_dry_run_changes_nothing_and_foretells_the_same(place: Place) -> None:
    place.file("sub/orphan.mkv")
    before = place.files
    foretold = place.run("--dry-run", "--json")
    assert place.files == before
    assert "sub/orphan.mkv" in foretold.output
    done = place.run("--json")
    [dry], [real] = foretold.json["runs"], done.json["runs"]
    assert dry["stats"]["orphaned"] == real["stats"]["orphaned"] == 1
    assert_moved(place, "sub/orphan.mkv")


def test_a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten(place: Place) -> None:
    for content in (b"first", b"second", b"third"):
        place.file("sub/orphan.mkv", content)
        assert place.run().status == 0
    found = {path.name: path.read_bytes() for path in (place.orphaned / "sub").iterdir()}
    assert sorted(found.values()) == [b"first", b"second", b"third"]
    assert sorted(found) == ["orphan [2].mkv", "orphan [3].mkv", "orphan.mkv"]


def test_folders_that_are_empty_then_go_and_categories_stay(place: Place) -> None:
    place.file("a/b/c/orphan.mkv")
    place.file("tv/orphan.mkv")
    place.configure(cat={"tv": str(place.root / "tv")})
    assert place.run().status == 0
    assert not (place.root / "a").exists()
    assert (place.root / "tv").is_dir()


def test_with_0_days_orphans_are_deleted(place: Place) -> None:
    place.file("sub/orphan.mkv")
    place.configure(orphaned={"empty_after_x_days": 0})
    assert place.run().status == 0
    assert [*place.files] == ["films/owned.mkv"]
    assert not (place.root / "sub").exists()


def test_names_that_are_no_text_are_told_in_the_log_in_json_and_by_the_api(place: Place) -> None:
    def odd(number: int) -> Path:
        return place.file(os.fsdecode(b"sub/caf\xe9 %d.mkv" % number))

    odd(1)
    plain = place.run()
    assert plain.status == 0
    odd(2)
    answer = place.run("--json")
    assert answer.status == 0, answer.errors[-3000:]
    assert " 2.mkv" in answer.output
    odd(3)
    with Served(place.folder) as served:
        told = served.run("rem_orphaned")
        assert told.status_code == 200
        assert " 3.mkv" in served.log
        assert " 1.mkv" in served.log
        odd(4)
        beside = place.run("--json")  # the server carries it out, and answers with its report
        assert beside.status == 0, beside.errors
        assert " 4.mkv" in beside.output
    assert sorted(os.fsencode(each.name) for each in (place.orphaned / "sub").iterdir()) == [
        b"caf\xe9 %d.mkv" % number for number in (1, 2, 3, 4)
    ]


def test_what_a_torrent_removed_in_the_same_run_owns_goes_to_the_bin_alone(
    place: Place, tracker: Tracker
) -> None:
    tracker.answer("gone", UNREGISTERED)
    series = torrents.folder("gone", tracker.url("gone"), paths=("a.mkv", "b.mkv"))
    doomed = place.add(series, place.root / "films", is_stopped=False)
    library.announced(place.server, doomed)
    place.file("orphan.mkv")
    ended = place.run("rem_unregistered")
    assert ended.status == 0, ended.errors
    assert doomed not in place.server.api.by_hash()
    assert sorted(place.files) == [
        ".RecycleBin/films/gone/a.mkv",
        ".RecycleBin/films/gone/b.mkv",
        "films/owned.mkv",
        "orphaned_data/orphan.mkv",
    ]


# What happens between the plan and the move


def _grown(path: Path) -> None:
    with path.open("ab") as opened:
        opened.write(b" and more")


def _linked(path: Path) -> None:
    path.with_name("link.mkv").hardlink_to(path)


def _replaced(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"another")


def _planned_then(place: Place, proxy_of: ProxyOf, act: Callable[[], object]) -> Ended:
    """A run in which ``act`` happens when it has planned and asks whose the files are."""
    proxy = proxy_of(place.server)
    place.configure(proxy.url)
    pause = Pause(Moment.BEFORE)
    proxy.inject(pause, lambda request: _ASKING(request) and place.has_planned())
    ends: list[Ended] = []
    running = threading.Thread(target=lambda: ends.append(place.run()))
    running.start()
    try:
        pause.wait()
        act()
    finally:
        pause.go_on()
        running.join()
    [ended] = ends
    return ended


@pytest.mark.parametrize("change", [_grown, _linked, _replaced])
def test_a_file_that_is_changed_right_before_the_move_stays(
    place: Place, proxy_of: ProxyOf, change: Callable[[Path], None]
) -> None:
    path = place.file("orphan.mkv")
    ended = _planned_then(place, proxy_of, lambda: change(path))
    assert path.is_file(), ended.output + ended.errors
    assert not place.orphaned.exists()
    assert str(path) in ended.output + ended.errors


def test_the_files_of_a_torrent_that_is_added_right_before_the_move_stay(
    place: Place, proxy_of: ProxyOf
) -> None:
    late = torrents.single("late.mkv")
    path = place.file("late.mkv", late.files["late.mkv"])
    ended = _planned_then(
        place, proxy_of, lambda: place.add(late, place.root, content=Content.ON_DISK)
    )
    assert path.is_file()
    assert "it belongs to late.mkv by now" in ended.output + ended.errors


# On every version


@pytest.fixture
def places(place: Place, start_servers: StartServers, tmp_path: Path) -> list[Place]:
    """One on each version."""
    found = [place]
    for server in start_servers(each for each in Suite if each != place.server.suite):
        folder = tmp_path / server.suite
        folder.mkdir()
        found.append(Place(server, folder))
    return found


def test_a_file_renamed_in_its_folder_after_its_list_was_kept_is_owned(
    places: list[Place],
) -> None:
    series = torrents.folder("series", paths=("a.mkv", "b.mkv"))
    for each in places:
        added = each.add(series, each.root / "films")
        assert each.run().status == 0
        names: dict[str, Any] = {"oldPath": "series/a.mkv", "newPath": "series/sub/new.mkv"}
        if each.server.suite is Suite.BULLSEYE:  # it names the file by its number
            names = {"id": 0, "name": "new.mkv"}
        each.server.api.post("torrents/renameFile", hash=added, **names)
        new = each.root / "films/series" / ("new.mkv" if "id" in names else "sub/new.mkv")
        library.wait_for(new.is_file, bool)
        each.file("orphan.mkv")
        assert each.run().status == 0
        assert new.is_file(), each.server.version
        assert_moved(each, "orphan.mkv")


def test_a_second_run_asks_for_no_torrent_by_itself(places: list[Place], proxy_of: ProxyOf) -> None:
    for each in places:
        library.add(each.server, *torrents.many(10), save_path=each.root / "films")
        proxy = proxy_of(each.server)
        each.configure(proxy.url)
        each.file("orphan.mkv")
        assert each.run().status == 0
        assert_moved(each, "orphan.mkv")
        proxy.forget()
        assert each.run().status == 0
        assert not _PER_TORRENT & {*proxy.counts}, (each.server.version, proxy.counts)
