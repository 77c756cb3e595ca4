"""Emptying the bins at the end of a run: whole runs, real files, simulated and real servers."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.request import RunReport
from qbm.gateways import disk
from qbm.gateways.clock import SystemClock
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import DeleteFile, Disposal
from qbm.model.command import CommandName
from qbm.model.plan import Applied
from qbm.model.reason import Code
from qbm.model.torrent import State
from qbm.simulator import PROFILES, SimulatedFile, SimulatedTorrent, Simulator
from qbm.store import EntryState, MovedOrphan, Store
from tests.engine import a_request, carry_out, dry
from tests.factories import a_hash, a_torrent
from tests.faults.doomed import Place
from tests.lab import library, torrents
from tests.lab.servers import Server
from tests.lab.tracker import Tracker
from tests.program import Ended, Served, classic, environment, qbm, write_config

_CREDENTIALS: dict[str, Any] = {"user": "admin", "password": "adminadmin"}
_LONG, _FOLDERS = "x" * 250, 20
"""Together longer than any path that Linux takes (4,096 bytes)."""
_TAGS = (CommandName.TAG_UPDATE,)
_ORPHANS = (CommandName.REM_ORPHANED,)


class _Later(SystemClock):
    """A clock that is some days ahead."""

    def __init__(self, days: float) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        """The time of day then."""
        return super().now() + self._ahead


class Downloads:
    """A simulated server, its folder of downloads with both bins, and a state folder."""

    def __init__(self, folder: Path, url: str, simulator: Simulator) -> None:
        self.url = url
        self.simulator = simulator
        self.state_dir = folder / "state"
        self.data = folder / "data"
        self.bin = self.data / ".RecycleBin"
        self.orphans = self.data / "orphaned_data"
        self.seeding = self.file(self.data / "films/seeding.mkv")
        self.seed("seeding.mkv", self.data / "films")

    def seed(self, name: str, save_path: Path, state: State = State.STALLED_UP) -> None:
        """Have a complete torrent of one file."""
        self.simulator.add(
            [
                SimulatedTorrent(
                    name=name,
                    infohash_v1=a_hash(name),
                    save_path=str(save_path),
                    state=state,
                    completion_on=1_750_000_000,
                    files=(SimulatedFile(name=name, size=3),),
                    size=3,
                )
            ]
        )

    def file(self, path: Path, content: bytes = b"abc") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def removed(self, key: str, *paths: Path, ago: timedelta = timedelta()) -> Record:
        """Have a torrent removed ``ago``, its files now at ``paths``."""
        at = datetime.now(UTC) - ago
        files = [
            RecordedFile(
                name=path.name,
                size=3,
                source=f"{self.data}/{path.name}",
                target=str(path),
                stamp=disk.stamp(str(path)),
                state=FileState.MOVED,
                at=at,
            )
            for path in paths
        ]
        with Store.open(self.state_dir) as store:
            run_id = max((each.id for each in store.runs()), default="run-1")
        record = Record.of(
            a_torrent(key),
            files,
            run_id=run_id,
            reason="",
            removed_at=at,
            disposal=Disposal.RECYCLE,
        )
        return Records(self.state_dir).save(record, {f"{record.hash}.torrent": b"x"})

    def run(
        self,
        *commands: CommandName,
        days: int | None = 1,
        orphan_days: int | None = None,
        later: float = 0,
        is_dry: bool = False,
        sections: dict[str, Any] | None = None,
        **facts: Any,
    ) -> RunReport:
        """A run of ``tag_update``, or of ``commands``, ``later`` days from now."""
        config: dict[str, Any] = {
            "cat": {"films": str(self.data / "films")},
            "tracker": {"other": {"tag": "seen"}},
            "directory": {"root_dir": str(self.data)},
            "recyclebin": {"empty_after_x_days": days},
            "orphaned": {"empty_after_x_days": orphan_days},
        }
        for name, section in (sections or {}).items():
            config[name] = {**config.get(name, {}), **section}
        make = dry if is_dry else a_request
        request = make(commands=commands or _TAGS, **facts)
        clock = _Later(later)
        return carry_out(self.url, self.state_dir, config, request, clock=clock, **_CREDENTIALS)


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[Downloads]:
    simulator = Simulator(PROFILES["5.1.0"])
    with simulator.run_in_thread() as url:
        yield Downloads(tmp_path, url, simulator)


def deleted(report: RunReport) -> list[str]:
    """The paths that the run deleted, or would."""
    return [each.change.path for each in report.plan.planned if isinstance(each.change, DeleteFile)]


# What goes


def test_any_run_empties_the_bin_of_what_is_old_and_its_empty_folders(
    downloads: Downloads,
) -> None:
    old = downloads.file(downloads.bin / "tv/show/old.mkv")
    young = downloads.file(downloads.bin / "young.mkv")
    downloads.removed("old", old, ago=timedelta(days=1.1))
    downloads.removed("young", young, ago=timedelta(days=0.9))
    (downloads.bin / "empty/nest").mkdir(parents=True)
    report = downloads.run()
    assert report.is_whole
    assert deleted(report) == [str(old)]
    assert report.stats["recycle_emptied"] == 1
    assert [*downloads.bin.rglob("*")] == [young]
    assert downloads.seeding.exists()


def test_the_recorded_time_counts_and_not_the_files_own(downloads: Downloads) -> None:
    fresh = downloads.file(downloads.bin / "fresh.mkv")
    os.utime(fresh, (0, 0))
    downloads.removed("fresh", fresh, ago=timedelta(hours=1))
    assert deleted(downloads.run()) == []


def test_a_file_of_unknown_origin_counts_from_its_latest_change(downloads: Downloads) -> None:
    path = downloads.file(downloads.bin / "torrents_json/Some Film.json")
    os.utime(path, (0, 0))
    assert deleted(downloads.run(later=0.9)) == []
    report = downloads.run(later=1.1)
    assert deleted(report) == [str(path)]
    assert [each.reason.code for each in report.plan.planned if str(path) in str(each.change)] == [
        Code.BINNED_UNRECORDED
    ]
    assert [*downloads.bin.rglob("*")] == []


def test_with_0_days_everything_goes_at_once(downloads: Downloads) -> None:
    for name in ("a", "b/c", "torrents_export/x.torrent"):
        downloads.file(downloads.bin / name)
    assert downloads.run(days=0).stats["recycle_emptied"] == 3
    assert [*downloads.bin.rglob("*")] == []


def test_a_second_run_plans_nothing_and_a_dry_run_foretells_the_same(downloads: Downloads) -> None:
    downloads.file(downloads.bin / "a")
    foretold = downloads.run(days=0, is_dry=True)
    assert (downloads.bin / "a").exists()
    done = downloads.run(days=0)
    assert foretold.stats == {**done.stats, "tagged": foretold.stats["tagged"]}
    assert deleted(foretold) == deleted(done) == [str(downloads.bin / "a")]
    assert downloads.run(days=0).plan.planned == ()


def test_the_journal_has_each_file_with_its_outcome(downloads: Downloads) -> None:
    downloads.file(downloads.bin / "a")
    report = downloads.run(days=0)
    with Store.open(downloads.state_dir) as store:
        entries = store.entries(report.run_id)
    [entry] = [each for each in entries if isinstance(each.planned.change, DeleteFile)]
    assert (entry.state, entry.planned.command) == (EntryState.APPLIED, CommandName.CLEANUP_DIRS)
    assert [each.outcome for each in report.concluded][-1:] == [Applied()]


def test_the_record_of_an_emptied_torrent_says_so_and_is_kept_for_a_month(
    downloads: Downloads,
) -> None:
    downloads.run()
    downloads.removed("old", downloads.file(downloads.bin / "a"), ago=timedelta(days=3))
    downloads.run()
    [record] = Records(downloads.state_dir).all()[0]
    assert [each.state for each in record.files] == [FileState.DELETED]
    assert record.can_restore
    downloads.run(later=29)
    assert len(Records(downloads.state_dir).all()[0]) == 1
    downloads.run(later=31)
    assert Records(downloads.state_dir).all()[0] == []


# When


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"skip_cleanup": True}, id="skip_cleanup"),
        pytest.param({"hashes": (a_hash("seeding.mkv"),)}, id="a run on some torrents"),
        pytest.param({"days": None}, id="no days"),
        pytest.param({"sections": {"recyclebin": {"enabled": False}}}, id="no bin"),
    ],
)
def test_the_bin_is_left_alone(facts: dict[str, Any], downloads: Downloads) -> None:
    path = downloads.file(downloads.bin / "a")
    report = downloads.run(**{"days": 0, **facts})
    assert deleted(report) == []
    assert path.exists()


def test_the_orphans_go_only_in_a_run_of_rem_orphaned(downloads: Downloads) -> None:
    path = downloads.file(downloads.orphans / "tv/o.mkv")
    stamp = disk.stamp(str(path))
    assert stamp
    with Store.open(downloads.state_dir) as store:
        store.keep_orphans(
            [
                MovedOrphan(
                    server="s",
                    run_id="r",
                    source=str(downloads.data / "tv/o.mkv"),
                    target=str(path),
                    stamp=stamp,
                    moved_at=datetime.now(UTC) - timedelta(days=8),
                )
            ]
        )
    assert deleted(downloads.run(orphan_days=7)) == []
    report = downloads.run(*_ORPHANS, orphan_days=7)
    assert report.is_whole, report.refused
    assert (report.stats["orphaned_emptied"], report.stats["orphaned"]) == (1, 0)
    assert [*downloads.orphans.rglob("*")] == []
    with Store.open(downloads.state_dir) as store:
        assert store.orphans() == []


def test_an_orphan_is_kept_for_its_days_from_when_it_was_moved(downloads: Downloads) -> None:
    nobodys = downloads.file(downloads.data / "films/nobodys.mkv")
    os.utime(nobodys, (0, 0))
    moved = downloads.run(*_ORPHANS, orphan_days=7)
    put_away = downloads.orphans / "films/nobodys.mkv"
    assert moved.is_whole, moved.refused
    assert (nobodys.exists(), put_away.exists()) == (False, True)
    assert moved.stats["orphaned_emptied"] == 0
    assert downloads.run(*_ORPHANS, orphan_days=7, later=6.9).stats["orphaned_emptied"] == 0
    assert downloads.run(*_ORPHANS, orphan_days=7, later=7.1).stats["orphaned_emptied"] == 1
    assert [*downloads.orphans.rglob("*")] == []
    with Store.open(downloads.state_dir) as store:
        assert store.orphans() == []


def test_the_orphans_stay_if_rem_orphaned_was_refused(downloads: Downloads) -> None:
    path = downloads.file(downloads.orphans / "o.mkv")
    downloads.file(downloads.data / "films/nobodys.mkv")
    refusing = {"orphaned": {"max_orphaned_files_to_delete": 0}}
    report = downloads.run(*_ORPHANS, orphan_days=1, later=9, sections=refusing)
    assert [each.command for each in report.refused] == [*_ORPHANS]
    assert path.exists()


# What stays


def test_what_somebody_seeds_from_the_bin_stays_and_that_is_said(downloads: Downloads) -> None:
    seeded = downloads.file(downloads.bin / "tv/seeded.mkv")
    downloads.seed("seeded.mkv", downloads.bin / "tv")
    other = downloads.file(downloads.bin / "tv/other.mkv")
    report = downloads.run(days=0)
    assert (seeded.exists(), other.exists()) == (True, False)
    [notice] = [each for each in report.plan.notices if each.reason.code is Code.BINNED_OWNED]
    assert notice.reason.fields == {
        "number": "1",
        "bin": "the recycle bin",
        "owners": "seeded.mkv",
    }
    assert report.is_whole
    assert deleted(downloads.run(days=0)) == []


def test_nothing_goes_while_the_server_is_still_loading(downloads: Downloads) -> None:
    path = downloads.file(downloads.bin / "a")
    downloads.seed("loading.mkv", downloads.data, State.CHECKING_RESUME_DATA)
    report = downloads.run(days=0)
    assert path.exists()
    assert (report.is_whole, deleted(report)) == (True, [])
    [warning] = report.warnings
    assert warning.startswith("cleanup_dirs: files stay in the recycle bin (1), because nobody")


def test_nothing_goes_from_a_bin_of_which_a_part_cannot_be_read(downloads: Downloads) -> None:
    path = downloads.file(downloads.bin / "a")
    with _out_of_reach(downloads.bin / "deep"):
        report = downloads.run(days=0)
        assert path.exists()
        assert deleted(report) == []
        assert report.is_whole
        [warning] = report.warnings
        assert warning.startswith(f"cleanup_dirs: {downloads.bin} was not emptied, because a part")


@contextmanager
def _out_of_reach(folder: Path) -> Iterator[None]:
    """A file so deep in ``folder`` that no path leads to it: that stops root as well."""
    folder.mkdir()
    place = os.open(folder, os.O_RDONLY)
    for _ in range(_FOLDERS):
        os.mkdir(_LONG, dir_fd=place)
        below = os.open(_LONG, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)
    yield
    shutil.rmtree(folder)


def test_a_bin_that_leads_to_the_downloads_is_refused(downloads: Downloads) -> None:
    (downloads.data / "bin").symlink_to(downloads.data / "films")
    directory = {"recycle_bin": str(downloads.data / "bin")}
    report = downloads.run(days=0, sections={"directory": directory})
    assert downloads.seeding.exists()
    assert [each.command for each in report.refused] == [CommandName.CLEANUP_DIRS]
    assert not report.is_whole


def test_a_bin_that_is_missing_is_no_trouble(downloads: Downloads) -> None:
    report = downloads.run(days=0)
    assert (report.is_whole, report.warnings) == (True, ())
    assert not downloads.bin.exists()


def test_bins_in_save_paths_and_under_cat_are_emptied_too(downloads: Downloads) -> None:
    downloads.seed("book.epub", downloads.data / "books")
    paths = [
        downloads.file(downloads.data / name / ".RecycleBin/x")
        for name in ("", "books", "films", "records")
    ]
    nobodys = downloads.file(downloads.data / "other/.RecycleBin/x")
    downloads.run()
    split = {"recyclebin": {"split_by_category": True}}
    report = downloads.run(days=0, sections=split)
    assert deleted(report) == sorted(map(str, paths[:3]))
    assert [each.exists() for each in (*paths, nobodys)] == [False, False, False, True, True]


# On a real server


def test_with_0_days_what_a_run_removes_is_gone_at_its_end_and_was_foretold(
    trixie_server: Server, tracker: Tracker, tmp_path: Path
) -> None:
    place = Place(trixie_server, tracker, tmp_path / "config")
    place.pad(20)
    [doomed] = place.doom()
    sections: dict[str, Any] = {
        "qbt": {"host": trixie_server.url},
        "settings": {"rem_unregistered_grace_minutes": 0, "max_removal_percent": 0},
        "directory": {"root_dir": str(trixie_server.save_path)},
        "recyclebin": {"empty_after_x_days": 0},
        "cat": {"films": str(trixie_server.save_path)},
        "tracker": {"other": {"tag": "seen"}},
    }
    write_config(place.folder, sections)
    words = (*place.words(), "--json")
    foretold = qbm(*words, "--dry-run").json["runs"][0]
    assert foretold["stats"]["recycle_emptied"] == 3, "two of the one, one of the other"
    ended = qbm(*words)
    assert ended.status == 0, ended.errors
    done = ended.json["runs"][0]
    assert done["stats"] == foretold["stats"]
    assert _paths(done) == _paths(foretold)
    assert not [each for each in place.bin.rglob("*") if each.is_file()]
    assert doomed.keeper_hash in trixie_server.api.by_hash()
    for path, content in doomed.keeper.files.items():
        kept = trixie_server.save_path / doomed.keeper.name / path
        assert kept.read_bytes() == content
    records, _ = Records(place.folder).all()
    states = {file.state for record in records for file in record.files}
    assert states == {FileState.DELETED, FileState.KEPT}


def _paths(run: dict[str, Any]) -> list[str]:
    changes = (each["change"] for each in run["changes"] if each["command"] == "cleanup_dirs")
    return [each["path"] for each in changes]


def test_what_a_real_server_seeds_from_the_bin_stays(server: Server, tmp_path: Path) -> None:
    recycle_bin = server.save_path / ".RecycleBin"
    seeded = torrents.folder("seeded", "http://127.0.0.1:1/announce", paths=("a", "b"))
    library.add(server, seeded, save_path=recycle_bin)
    (recycle_bin / "seeded/other").write_bytes(b"x")
    (recycle_bin / "old").write_bytes(b"x")
    ended = _emptied(server, tmp_path)
    assert ended.status == 0, ended.errors
    assert sorted(each.name for each in recycle_bin.rglob("*") if each.is_file()) == ["a", "b"]
    assert server.api.by_hash()


def _emptied(server: Server, folder: Path, *flags: str) -> Ended:
    sections = {
        "qbt": {"host": server.url},
        "directory": {"root_dir": str(server.save_path)},
        "tracker": {"other": {"tag": "seen"}},
    }
    write_config(folder, sections)
    return qbm("bin", "empty", "--yes", "--config-dir", str(folder), *flags)


# qbm bin empty


def _config(downloads: Downloads, folder: Path, days: int | None = None) -> tuple[str, str]:
    sections: dict[str, Any] = {
        "qbt": {"host": downloads.url, "user": "admin", "pass": "adminadmin"},
        "directory": {"root_dir": str(downloads.data)},
        "cat": {"films": str(downloads.data / "films")},
        "settings": {"force_auto_tmm": True},
        "recyclebin": {"empty_after_x_days": days},
        "tracker": {"other": {"tag": "seen"}},
    }
    write_config(folder, sections)
    return "--config-dir", str(folder)


def test_the_bin_is_emptied_on_request_whatever_the_config_says(
    downloads: Downloads, tmp_path: Path
) -> None:
    words = _config(downloads, tmp_path / "config")
    path = downloads.file(downloads.bin / "tv/a")
    orphan = downloads.file(downloads.orphans / "o")
    shown = qbm("bin", "empty", "--dry-run", *words)
    assert shown.status == 0
    assert "delete" in shown.output
    assert path.exists()
    kept = qbm("bin", "empty", "--older-than", "1", "--yes", "--json", *words)
    assert (kept.status, kept.json["runs"][0]["changes"]) == (0, [])
    ended = qbm("bin", "empty", "--yes", *words)
    assert ended.status == 0, ended.errors
    assert [*downloads.bin.rglob("*")] == []
    assert orphan.exists()
    written = [each.path for each in downloads.simulator.writes if "auth" not in each.path]
    assert written == [], "it changes nothing on the server"


@pytest.mark.parametrize(
    ("answer", "is_there", "said"),
    [
        ("y", False, "Done: 2 files of the recycle bin deleted"),
        ("Yes", False, "Done: 2 files of the recycle bin deleted"),
        ("n", True, "Nothing was deleted."),
        ("", True, "Nothing was deleted."),
    ],
)
def test_somebody_at_a_terminal_is_asked_first(
    answer: str, is_there: bool, said: str, downloads: Downloads, tmp_path: Path
) -> None:
    words = _config(downloads, tmp_path / "config")
    paths = [downloads.file(downloads.bin / name, b"x" * 512) for name in ("a", "b")]
    status, errors = _at_a_terminal(answer, "bin", "empty", *words)
    assert "Delete 2 files (1 KiB) for good? [y/N] " in errors
    assert said in errors
    assert (status, [each.exists() for each in paths]) == (0, [is_there, is_there])


def test_nobody_is_asked_about_an_empty_bin(downloads: Downloads, tmp_path: Path) -> None:
    words = _config(downloads, tmp_path / "config")
    status, errors = _at_a_terminal("", "bin", "empty", *words)
    assert (status, errors.splitlines()[-1]) == (0, "Nothing to delete.")


def _at_a_terminal(answer: str, *words: str) -> tuple[int, str]:
    """``qbm`` with a terminal to read from; its exit status, and what it told."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "qbm", *words],
            env=environment(),
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stderr


def test_beside_a_server_it_is_the_server_that_empties_the_bin(
    downloads: Downloads, tmp_path: Path
) -> None:
    words = _config(downloads, tmp_path / "config")
    path = downloads.file(downloads.bin / "a")
    with Served(tmp_path / "config"):
        kept = qbm("bin", "empty", "--older-than", "1", "--yes", *words)
        assert kept.status == 0, kept.errors
        assert path.exists()
        assert qbm("bin", "list", *words).status == 0
        ended = qbm("bin", "empty", "--yes", *words)
    assert ended.status == 0, ended.errors
    assert "carries this out" in ended.errors
    assert not path.exists()


def test_a_run_of_the_api_empties_the_bin_unless_it_is_about_some_torrents(
    downloads: Downloads, tmp_path: Path
) -> None:
    _config(downloads, tmp_path / "config", days=0)
    path = downloads.file(downloads.bin / "a")
    with Served(tmp_path / "config") as served:
        for fields in ({"hashes": [a_hash("seeding.mkv")]}, {"skip_cleanup": True}):
            answer = served.run("tag_update", **fields).json()
            assert answer["results"][0]["stats"]["recycle_emptied"] == 0
            assert path.exists()
        foretold = served.run("tag_update", dry_run=True).json()["results"][0]
        assert path.exists()
        done = served.run("tag_update").json()["results"][0]
    assert foretold["stats"]["recycle_emptied"] == done["stats"]["recycle_emptied"] == 1
    assert done["stats"]["executed_commands"] == ["tag_update"]
    assert not path.exists()


def test_skip_cleanup_in_the_config_and_in_the_environment_counts(
    downloads: Downloads, tmp_path: Path
) -> None:
    words = _config(downloads, tmp_path / "config", days=0)
    path = downloads.file(downloads.bin / "a")
    assert qbm("run", "tag_update", *words, QBT_SKIP_CLEANUP="true").status == 0
    assert classic(tmp_path / "config", "--tag-update", "--skip-cleanup").status == 0
    assert path.exists()
    assert classic(tmp_path / "config", "--tag-update").status == 0
    assert not path.exists()
