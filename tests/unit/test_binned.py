"""What is found in the bins, on real files: which, since when, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from qbm.engine.binned import Place, Walked, Written, places, walked, written
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile
from qbm.model.change import Change, Disposal, MoveFile, RemoveTorrent, RestoreTorrent
from qbm.model.command import CommandName
from qbm.model.disk import Bin, BinnedFile
from qbm.model.plan import Planned
from qbm.model.reason import Code, because
from qbm.store import Intent, MovedOrphan
from tests.disks import as_nobody, bound, nobodys_folder
from tests.factories import NOW, a_config, a_hash, a_torrent

_NOTHING = Written({}, frozenset())
_OLD = datetime(2020, 1, 1, tzinfo=UTC)
_RECORDED = datetime(2026, 2, 1, tzinfo=UTC)


def a_file(path: Path, mtime: datetime = _OLD) -> Path:
    """A file of 3 bytes, last written to at ``mtime``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"abc")
    os.utime(path, (mtime.timestamp(),) * 2)
    return path


def stamped(path: Path) -> disk.Stamp:
    found = disk.stamp(str(path))
    assert found is not None
    return found


def a_record(*files: RecordedFile, **facts: Any) -> Record:
    usual: dict[str, Any] = {
        "run_id": "run-1",
        "reason": "",
        "removed_at": _RECORDED,
        "disposal": Disposal.RECYCLE,
    }
    return Record.of(a_torrent(**facts), files, **usual)


def moved(path: Path, **facts: Any) -> RecordedFile:
    usual: dict[str, Any] = {
        "name": path.name,
        "size": 3,
        "source": "/data/x",
        "target": str(path),
        "stamp": stamped(path),
        "state": FileState.MOVED,
        "at": _RECORDED,
    }
    return RecordedFile(**{**usual, **facts})


def begun(change: Change, run_id: str = "run-1") -> Intent:
    planned = Planned(change, CommandName.REM_UNREGISTERED, because(Code.ORPHAN))
    return Intent(1, run_id, planned, NOW)


def look(
    folder: Path,
    known: Written = _NOTHING,
    apart: Sequence[str] = (),
    bins: Sequence[Place] | None = None,
) -> Walked:
    found = walked({Bin.RECYCLE_BIN}, bins or [Place(Bin.RECYCLE_BIN, str(folder))], apart, known)
    assert found is not None
    return found


def only(found: Walked) -> BinnedFile:
    [file] = found.files
    return file


# Since when


def test_a_file_of_unknown_origin_is_there_since_its_latest_change(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/tv/a.mkv")  # its ctime is now, its mtime six years ago
    file = only(look(tmp_path / "bin"))
    assert (file.path, file.is_recorded) == (str(path), False)
    assert abs(file.put_at - datetime.now(UTC)) < timedelta(minutes=1)
    later = datetime.now(UTC) + timedelta(days=5)
    a_file(path, mtime=later)
    assert only(look(tmp_path / "bin")).put_at == later


def test_the_recorded_time_of_a_removed_torrents_file_counts(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/tv/a.mkv")
    file = only(look(tmp_path / "bin", written([a_record(moved(path))], [], [])))
    assert (file.put_at, file.is_recorded, file.stamp) == (_RECORDED, True, stamped(path))


def test_the_recorded_time_of_an_orphan_counts(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/o.mkv")
    orphan = MovedOrphan(
        server="s",
        run_id="run-1",
        source="/data/o.mkv",
        target=str(path),
        stamp=stamped(path),
        moved_at=_RECORDED,
    )
    file = only(look(tmp_path / "bin", written([], [orphan], [])))
    assert (file.put_at, file.is_recorded) == (_RECORDED, True)


def test_the_recorded_time_counts_for_a_copy_on_another_device(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/a.mkv")
    before = replace(stamped(path), device=99, inode=99)
    assert only(
        look(tmp_path / "bin", written([a_record(moved(path, stamp=before))], [], []))
    ).is_recorded


def test_another_file_in_the_place_of_the_recorded_one_is_of_unknown_origin(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/a.mkv")
    record = a_record(moved(path))
    path.write_bytes(b"another")
    assert not only(look(tmp_path / "bin", written([record], [], []))).is_recorded


def test_names_in_nfd_and_bytes_that_are_no_text_are_found_as_recorded(tmp_path: Path) -> None:
    paths = [a_file(tmp_path / "bin" / name) for name in ("Ame\u0301lie", "a\udce9b")]
    known = written([a_record(*map(moved, paths))], [], [])
    assert [each.is_recorded for each in look(tmp_path / "bin", known).files] == [True, True]


# What is left out


def test_what_a_removal_is_at_work_with_is_left_out(tmp_path: Path) -> None:
    planned, there = a_file(tmp_path / "bin/a"), a_file(tmp_path / "bin/b")
    unfinished = a_record(moved(planned, state=FileState.PLANNED, at=None), moved(there))
    assert only(look(tmp_path / "bin", written([unfinished], [], []))).path == str(there)
    removal = RemoveTorrent(hash=a_hash("one"), category="", tags=(), save_path="/data")
    assert look(tmp_path / "bin", written([unfinished], [], [begun(removal)])).files == ()


def test_what_a_restore_is_at_work_with_is_left_out(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/a")
    restore = RestoreTorrent(hash=a_hash("one"), removed_by="run-1")
    known = written([a_record(moved(path))], [], [begun(restore, "run-2")])
    assert look(tmp_path / "bin", known).files == ()


def test_a_file_that_is_being_moved_out_of_the_bin_is_left_out(tmp_path: Path) -> None:
    path = a_file(tmp_path / "bin/a")
    back = MoveFile(source=str(path), target="/data/a", stamp=stamped(path))
    assert look(tmp_path / "bin", written([], [], [begun(back)])).files == ()


def test_symbolic_links_are_taken_but_not_followed_and_pipes_stay(tmp_path: Path) -> None:
    outside = a_file(tmp_path / "media/a.mkv")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/link").symlink_to(outside)
    (tmp_path / "bin/folder").symlink_to(tmp_path / "media")
    os.mkfifo(tmp_path / "bin/pipe")
    found = look(tmp_path / "bin")
    assert {each.path for each in found.files} == {
        str(tmp_path / "bin/link"),
        str(tmp_path / "bin/folder"),
    }


def test_a_bin_that_is_missing_or_no_folder_is_no_trouble(tmp_path: Path) -> None:
    a_file(tmp_path / "file")
    for name in ("none", "file"):
        found = look(tmp_path / name)
        assert (found.files, found.places, found.unreadable, found.refused) == ((), (), (), ())


def test_nothing_is_taken_from_a_bin_of_which_a_part_cannot_be_read() -> None:
    with nobodys_folder() as folder:
        a_file(folder / "bin/a")
        secret = a_file(folder / "bin/secret/b").parent
        secret.chmod(0o700)
        with as_nobody():
            found = look(folder / "bin")
    assert (found.files, found.places) == ((), ())
    [(where, why)] = found.unreadable
    assert where == str(folder / "bin")
    assert str(secret) in why


def test_a_bin_that_may_not_be_entered_is_told_and_left() -> None:
    with nobodys_folder() as folder:
        a_file(folder / "bin/a").parent.chmod(0o700)
        with as_nobody():
            found = look(folder / "bin")
    assert (found.files, [where for where, _ in found.unreadable]) == ((), [str(folder / "bin")])


# Bins that are no bins


@pytest.mark.parametrize("name", ["data", "", "data/.."])
def test_a_bin_that_is_or_holds_a_root_is_refused(name: str, tmp_path: Path) -> None:
    root = a_file(tmp_path / "data/tv/a").parents[1]
    found = look(tmp_path / name, apart=[str(root)])
    assert (found.files, found.refused) == ((), ((str(tmp_path / name), str(root)),))


def test_the_root_of_the_file_system_is_refused(tmp_path: Path) -> None:
    assert look(Path("/"), apart=[str(tmp_path)]).refused == (("/", str(tmp_path)),)


def test_a_bin_that_leads_to_a_root_by_a_link_is_refused(tmp_path: Path) -> None:
    a_file(tmp_path / "data/a")
    (tmp_path / "bin").symlink_to(tmp_path / "data")
    assert look(tmp_path / "bin", apart=[str(tmp_path / "data")]).refused


def test_a_bin_into_which_a_root_is_mounted_is_refused(tmp_path: Path) -> None:
    a_file(tmp_path / "data/a")
    (tmp_path / "bin").mkdir()
    with bound(tmp_path / "data", tmp_path / "bin/inside"):
        found = look(tmp_path / "bin", apart=[str(tmp_path / "data")])
    assert (found.files, len(found.refused)) == ((), 1)


def test_a_bin_in_a_root_is_a_bin(tmp_path: Path) -> None:
    a_file(tmp_path / "data/.RecycleBin/a")
    found = look(tmp_path / "data/.RecycleBin", apart=[str(tmp_path / "data")])
    assert len(found.files) == 1


# Several bins


def test_a_bin_inside_another_is_looked_at_by_itself_alone(tmp_path: Path) -> None:
    a_file(tmp_path / "bin/a")
    a_file(tmp_path / "bin/orphans/b")
    bins = [
        Place(Bin.RECYCLE_BIN, str(tmp_path / "bin")),
        Place(Bin.ORPHANED_DIR, str(tmp_path / "bin/orphans")),
    ]
    assert only(look(tmp_path, bins=bins)).path == str(tmp_path / "bin/a")


def test_a_bin_that_goes_by_two_names_is_taken_once(tmp_path: Path) -> None:
    a_file(tmp_path / "bin/a")
    (tmp_path / "other").symlink_to(tmp_path / "bin")
    bins = [Place(Bin.RECYCLE_BIN, str(tmp_path / name)) for name in ("bin", "other")]
    assert len(look(tmp_path, bins=bins).files) == 1


def test_every_root_has_its_bins() -> None:
    config = a_config(
        cat={"x": "/a"}, directory={"root_dir": ["/a", "/b"], "remote_dir": ["/m/a", "/m/b/"]}
    )
    assert places(config, ["/a/tv"]) == [
        Place(Bin.RECYCLE_BIN, "/m/a/.RecycleBin"),
        Place(Bin.RECYCLE_BIN, "/m/b/.RecycleBin"),
        Place(Bin.ORPHANED_DIR, "/m/a/orphaned_data"),
        Place(Bin.ORPHANED_DIR, "/m/b/orphaned_data"),
    ]


def test_split_bins_are_in_save_paths_and_in_what_cat_lists() -> None:
    config = a_config(
        cat={"films": "/a/films", "tv": ["/a/tv/*", "/elsewhere"]},
        directory={"root_dir": "/a", "remote_dir": "/m", "recycle_bin": "/m/trash"},
        recyclebin={"split_by_category": True},
    )
    bins = [each.folder for each in places(config, ["/a/books", "", "/a/films/"])]
    assert bins == [
        "/m/trash",
        "/m/orphaned_data",
        "/m/books/trash",
        "/m/films/trash",
        "/m/tv/trash",
    ]


def test_ten_thousand_files_are_looked_at_in_a_moment(tmp_path: Path) -> None:
    for folder in range(100):
        made = tmp_path / "bin" / str(folder)
        made.mkdir(parents=True)
        for name in range(100):
            (made / str(name)).touch()
    before = datetime.now(UTC)
    assert len(look(tmp_path / "bin").files) == 10_000
    assert datetime.now(UTC) - before < timedelta(seconds=3)
