"""Removing torrents: what moves, what stays, what is kept, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qbm.engine.report import describe
from qbm.engine.request import RunReport
from qbm.gateways.recycle_bin import FileState, Records
from qbm.model.command import CommandName
from qbm.model.plan import Applied
from qbm.model.reason import Code
from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator import Credentials, SimulatedTorrent, Simulator
from qbm.simulator.records import SimulatedFile, SimulatedTracker
from tests.engine import a_request, carry_out, dry

REMOVING = (CommandName.REM_UNREGISTERED, CommandName.TAG_TRACKER_ERROR)
UNKNOWN_THERE = SimulatedTracker(
    url="http://tracker.example.org/announce",
    status=TrackerStatus.TRACKER_ERROR,
    msg="Unregistered torrent",
)
FINE = SimulatedTracker(url="http://tracker.example.org/announce")


def torrent(number: int, *files: str, **facts: Any) -> SimulatedTorrent:
    """A torrent that its tracker does not know, with ``files`` of 10 bytes each."""
    return SimulatedTorrent(
        **{
            "name": f"torrent {number}",
            "infohash_v1": f"{number:040x}",
            "save_path": "/data/films",
            "files": tuple(SimulatedFile(name=each, size=10) for each in files),
            "trackers": (UNKNOWN_THERE,),
            **facts,
        }
    )


class Place:
    """A simulated server with files, and the runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk = folder / "disk"
        self.data = self.disk / "data"
        self.simulator = Simulator(credentials=Credentials(required=False), disk=self.disk)

    def run(self, *, is_dry: bool = False, hashes: tuple[str, ...] = (), **more: Any) -> RunReport:
        """One run of the two commands; ``more`` are sections of the config."""
        sections = {
            "cat": {"films": "/data/films"},
            "directory": {"root_dir": "/data", "remote_dir": str(self.data)},
            **more,
        }
        request = (dry if is_dry else a_request)(commands=REMOVING, hashes=hashes)
        with self.simulator.run_in_thread() as url:
            return carry_out(url, self.folder / "state", sections, request)

    def files(self) -> set[str]:
        """The files below the root."""
        return {str(each.relative_to(self.data)) for each in self.data.rglob("*") if each.is_file()}

    def torrents(self) -> set[str]:
        """The names of the torrents that are left."""
        return {each.name for each in self.simulator.library.torrents.values()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty one."""
    return Place(tmp_path)


def test_an_unregistered_torrent_goes_into_the_bin_with_its_files(place: Place) -> None:
    place.simulator.add(
        [torrent(1, "film/a.mkv", "film/b.nfo"), torrent(2, "c.mkv", trackers=(FINE,))]
    )
    report = place.run()
    assert [each.outcome for each in report.concluded] == [Applied()]
    assert report.stats["rem_unreg"] == report.stats["deleted_contents"] == 1
    assert place.torrents() == {"torrent 2"}
    assert place.files() == {
        ".RecycleBin/films/film/a.mkv",
        ".RecycleBin/films/film/b.nfo",
        "films/c.mkv",
    }
    assert not (place.data / "films/film").exists()
    assert place.run().plan.planned == ()


def test_what_is_kept_of_it_brings_it_back(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv", category="films", tags=frozenset({"x"}))])
    report = place.run()
    [record], unreadable = Records(place.folder / "state").all()
    assert unreadable == []
    assert record.can_restore
    assert (record.run_id, record.category, record.tags) == (report.run_id, "films", ("x",))
    [file] = record.files
    assert (file.state, file.source) == (FileState.MOVED, "/data/films/a.mkv")
    assert Path(file.target).stat().st_size == 10


def test_a_dry_run_moves_nothing_and_says_what_it_would(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    before = place.files()
    report = place.run(is_dry=True)
    assert report.stats["deleted_contents"] == 1
    assert place.files() == before
    assert place.torrents() == {"torrent 1"}
    assert not (place.folder / "state" / "removed").exists()


def test_a_file_that_another_torrent_owns_stays(place: Place) -> None:
    place.simulator.add(
        [torrent(1, "pack/a.mkv", "pack/b.mkv"), torrent(2, "pack/b.mkv", trackers=(FINE,))]
    )
    report = place.run()
    assert place.files() == {".RecycleBin/films/pack/a.mkv", "films/pack/b.mkv"}
    [planned] = report.plan.planned
    assert "torrent 2" in str(planned.reason)


def test_nothing_moves_if_all_its_files_are_shared(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv"), torrent(2, "a.mkv", trackers=(FINE,))])
    report = place.run()
    assert place.torrents() == {"torrent 2"}
    assert place.files() == {"films/a.mkv"}
    assert (report.stats["deleted"], report.stats["deleted_contents"]) == (1, 0)


def test_a_file_shared_by_two_removed_torrents_goes_with_the_last(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv"), torrent(2, "a.mkv")])
    report = place.run()
    assert place.torrents() == set()
    assert place.files() == {".RecycleBin/films/a.mkv"}
    assert (report.stats["deleted"], report.stats["deleted_contents"]) == (1, 1)


def test_without_a_bin_the_server_deletes(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    report = place.run(recyclebin={"enabled": False})
    assert place.files() == set()
    assert report.stats["deleted_contents"] == 1
    [record], _ = Records(place.folder / "state").all()
    assert record.can_restore
    assert [each.state for each in record.files] == [FileState.DELETED]


def test_without_a_bin_shared_files_stay_all_the_same(place: Place) -> None:
    place.simulator.add(
        [torrent(1, "pack/a.mkv", "pack/b.mkv"), torrent(2, "pack/b.mkv", trackers=(FINE,))]
    )
    place.run(recyclebin={"enabled": False})
    assert place.files() == {"films/pack/b.mkv"}


def test_files_outside_all_roots_stay(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv", save_path="/elsewhere")])
    report = place.run()
    assert place.torrents() == set()
    assert (place.disk / "elsewhere/a.mkv").is_file()
    assert "directory.root_dir" in str(report.plan.planned[0].reason)


def test_a_disk_that_is_not_mounted_spares_the_torrent(place: Place, tmp_path: Path) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    (tmp_path / "empty").mkdir()
    report = place.run(directory={"root_dir": "/data", "remote_dir": str(tmp_path / "empty")})
    assert place.torrents() == {"torrent 1"}
    assert any("is empty or not there" in str(each.reason) for each in report.plan.skipped)


def test_missing_files_do_not_hold_the_others_back(place: Place) -> None:
    place.simulator.add([torrent(1, "pack/a.mkv", "pack/b.mkv")])
    (place.data / "films/pack/a.mkv").unlink()
    report = place.run()
    assert place.files() == {".RecycleBin/films/pack/b.mkv"}
    assert report.is_whole


def test_a_torrent_without_any_of_its_files_is_removed_alone(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv"), torrent(2, "b.mkv", trackers=(FINE,))])
    (place.data / "films/a.mkv").unlink()
    report = place.run()
    assert place.torrents() == {"torrent 2"}
    assert (report.stats["deleted"], report.stats["deleted_contents"]) == (1, 0)


def test_what_is_in_the_bin_already_is_never_overwritten(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    (place.data / ".RecycleBin/films").mkdir(parents=True)
    (place.data / ".RecycleBin/films/a.mkv").write_text("older")
    place.run()
    assert (place.data / ".RecycleBin/films/a.mkv").read_text() == "older"
    assert len(place.files()) == 2


def test_the_file_keeps_its_times_and_its_links(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    file = place.data / "films/a.mkv"
    os.utime(file, (1_000_000, 1_000_000))
    (place.disk / "media").mkdir()
    os.link(file, place.disk / "media/a.mkv")
    place.run()
    assert (place.disk / "media/a.mkv").stat().st_mtime == 1_000_000
    assert (place.data / ".RecycleBin/films/a.mkv").samefile(place.disk / "media/a.mkv")


def test_a_bin_per_save_path_and_the_older_copies(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv")])
    place.run(recyclebin={"split_by_category": True, "save_torrents": True})
    kept = "films/.RecycleBin"
    assert place.files() == {
        f"{kept}/films/a.mkv",
        f"{kept}/torrents_export/torrent 1 [00000001].torrent",
        f"{kept}/torrents_json/torrent 1.json",
    }


def test_too_many_removals_are_refused_with_the_list(place: Place) -> None:
    many = [
        torrent(
            number,
            f"{number}.mkv",
            trackers=(
                SimulatedTracker(
                    url=f"http://tracker{number}.example.org/announce",
                    status=TrackerStatus.TRACKER_ERROR,
                    msg="Unregistered torrent",
                ),
            ),
        )
        for number in range(1, 12)
    ]
    place.simulator.add(many)
    report = place.run()
    [refused] = report.refused
    assert refused.command is CommandName.REM_UNREGISTERED
    assert "torrent 11" in str(refused.reason)
    assert len(place.torrents()) == 11
    assert report.exit_code == 1
    assert report.stats["tagged_tracker_error"] == 11, "the other command goes on"
    settings = {"max_removal_percent": 0}
    assert place.run(settings=settings).stats["rem_unreg"] == 11


def test_ten_removals_are_never_too_many(place: Place) -> None:
    place.simulator.add(
        [
            torrent(
                number,
                f"{number}.mkv",
                trackers=(
                    SimulatedTracker(
                        url=f"http://tracker{number}.example.org/announce",
                        status=TrackerStatus.TRACKER_ERROR,
                        msg="Unregistered torrent",
                    ),
                ),
            )
            for number in range(1, 11)
        ]
    )
    assert place.run().stats["rem_unreg"] == 10


def test_with_hashes_the_whole_library_still_owns_its_files(place: Place) -> None:
    place.simulator.add([torrent(1, "a.mkv"), torrent(2, "a.mkv"), torrent(3, "b.mkv")])
    place.run(hashes=(f"{1:040x}",))
    assert place.torrents() == {"torrent 2", "torrent 3"}
    assert place.files() == {"films/a.mkv", "films/b.mkv"}


def test_a_preview_says_what_becomes_of_the_files(place: Place) -> None:
    place.simulator.add(
        [torrent(1, "pack/a.mkv", "pack/b.mkv"), torrent(2, "pack/b.mkv", trackers=(FINE,))]
    )
    [planned] = place.run(is_dry=True).plan.planned
    assert describe(planned.change) == (
        "remove, 1 file (10 bytes) into the recycle bin (1 shared: left)"
    )


@pytest.mark.parametrize("state", [State.MOVING, State.CHECKING_UP])
def test_a_torrent_that_is_moved_or_checked_waits(place: Place, state: State) -> None:
    place.simulator.add([torrent(1, "a.mkv", state=state)])
    report = place.run()
    assert [each.reason.code for each in report.plan.deferred] == [Code.UNSETTLED]
    assert place.torrents() == {"torrent 1"}
    assert place.files() == {"films/a.mkv"}


@pytest.mark.parametrize("recyclebin", [{"enabled": True}, {"enabled": False}])
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_another_torrent_reaches_through_a_link_stays(
    place: Place, recyclebin: dict[str, bool], *, is_folder: bool
) -> None:
    doomed = torrent(1, "Sdir/k.mkv") if is_folder else torrent(1, "k.mkv")
    linked = "Pack/in/k.mkv" if is_folder else "Pack/deep/k.mkv"
    place.simulator.add([doomed, torrent(2, "Pack/a.nfo", linked, trackers=(FINE,))])
    own = place.data / "films" / doomed.files[0].name
    link = place.data / "films" / linked
    link.unlink()
    if is_folder:
        link.parent.rmdir()
        link.parent.symlink_to("../Sdir")
    else:
        link.symlink_to("../../k.mkv")
    place.run(recyclebin=recyclebin)
    assert place.torrents() == {"torrent 2"}
    assert own.is_file()
    assert link.is_file()


def test_a_mass_of_unregistered_torrents_is_told_to_the_caller(place: Place) -> None:
    place.simulator.add([torrent(number, f"{number}.mkv") for number in range(1, 8)])
    report = place.run()
    assert place.torrents() == {f"torrent {number}" for number in range(1, 8)}
    assert any("tracker.example.org" in each for each in report.warnings)
