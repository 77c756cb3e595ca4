"""Listing folders: what is found, what is left out, what is told as unreadable."""

from __future__ import annotations

import os
from pathlib import Path

from qbm.gateways import disk
from qbm.gateways.disk import Scan
from tests.disks import as_nobody, bound, nobodys_folder


def scanned(*roots: Path) -> Scan:
    """All below these."""
    found = disk.scan([str(each) for each in roots])
    assert found is not None
    return found


def files(found: Scan) -> set[str]:
    """The paths of all files."""
    return {f"{folder.path}/{name}" for folder in found.folders.values() for name in folder.names}


def test_each_file_has_the_numbers_that_lstat_gives(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    one = tmp_path / "a/b/one"
    one.write_bytes(b"12345")
    os.link(one, tmp_path / "two")
    os.utime(one, ns=(1, -5_000_000_001))
    found = scanned(tmp_path)
    seen = os.lstat(one)
    [(name, numbers)] = found.folders[str(tmp_path / "a/b")].files()
    assert name == "one"
    assert numbers == (seen.st_dev, seen.st_ino, 2, 5, -5_000_000_001, seen.st_ctime_ns)
    assert numbers.stamp == disk.stamp(str(one))


def test_only_regular_files_are_files_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    (tmp_path / "to_folder").symlink_to(tmp_path / "folder")
    (tmp_path / "to_file").symlink_to(tmp_path / "folder/file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / f".qbm-{'0' * 32}.part").touch()
    found = scanned(tmp_path)
    assert files(found) == {str(tmp_path / "folder/file")}
    assert sorted(found.folders[str(tmp_path)].symlinks) == ["to_file", "to_folder"]


def test_a_root_within_another_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    assert files(scanned(tmp_path / "a", tmp_path)) == {str(tmp_path / "a/file")}


def test_a_folder_that_is_not_wanted_is_not_entered(tmp_path: Path) -> None:
    for each in ("in", "out"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "file").touch()
    found = disk.scan([str(tmp_path)], is_entered=lambda path: not path.endswith("/out"))
    assert found is not None
    assert files(found) == {str(tmp_path / "in/file")}


def test_missing_and_empty_roots_are_absent(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    roots = [tmp_path / each for each in ("empty", "missing", "file")]
    assert scanned(*roots).absent == tuple(map(str, roots))


def test_names_that_are_no_text_come_as_they_are(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.close(os.open(raw, os.O_CREAT))
    assert files(scanned(tmp_path)) == {os.fsdecode(raw)}


def test_a_stop_ends_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert disk.scan([str(tmp_path)], is_stopped=lambda: True) is None


def test_what_may_not_be_read_is_told_with_its_reason() -> None:
    with nobodys_folder() as folder:
        (folder / "secret").mkdir(mode=0o700)
        (folder / "open").touch()
        with as_nobody():
            found = scanned(folder)
    [(path, why)] = found.unreadable
    assert path == str(folder / "secret")
    assert "permission" in why
    assert files(found) == {str(folder / "open")}


def test_a_folder_mounted_at_a_second_place_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    with bound(tmp_path / "a", tmp_path / "b"):
        assert len(files(scanned(tmp_path))) == 1
