"""Which numbers of files can be trusted: by the type of the file system, or tried out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from qbm.gateways.disk import proven, proves_inodes
from qbm.gateways.disk.proofs import mount_of
from tests.disks import (
    as_nobody,
    bound,
    image,
    nobodys_folder,
    of_kind,
    other_device,
    overlay,
    read_only,
    small_disk,
    writable,
)

TIME_NS = 1_600_000_000_123_456_789


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[Path]:
    """A file system that nothing is known of by its type, and that has hard links."""
    with of_kind("ramfs", tmp_path / "strange") as folder:
        yield folder


def watched(folder: Path) -> tuple[int, list[str]]:
    """What must not change where nothing may be written."""
    return folder.stat().st_mtime_ns, sorted(each.name for each in folder.iterdir())


def kind_of(folder: Path) -> str:
    found = mount_of(str(folder))
    assert found is not None
    return found.kind


def numbers(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def test_inode_numbers_are_proved_and_nothing_of_it_stays(tmp_path: Path) -> None:
    (tmp_path / "film").touch()
    os.utime(tmp_path, ns=(TIME_NS, TIME_NS))
    assert proves_inodes(str(tmp_path)) is True
    assert [each.name for each in tmp_path.iterdir()] == ["film"]
    assert tmp_path.stat().st_mtime_ns == TIME_NS


def test_what_cannot_be_tried_out_is_not_proved(tmp_path: Path) -> None:
    assert proves_inodes(f"{tmp_path}/missing") is False
    with small_disk(tmp_path / "small") as small:
        read_only(small)
        assert proves_inodes(str(small)) is False


def test_inode_numbers_are_proved_in_a_folder_of_somebody_else() -> None:
    with nobodys_folder() as folder:
        folder.chmod(0o777)
        with as_nobody():
            assert proves_inodes(str(folder)) is True
        assert [*folder.iterdir()] == []


def test_a_disk_of_this_machine_is_trusted_without_a_word(tmp_path: Path) -> None:
    with image(tmp_path / "disk") as disk, small_disk(tmp_path / "memory") as memory:
        assert (kind_of(disk), kind_of(memory)) == ("ext4", "tmpfs")
        before = [watched(each) for each in (disk, memory)]
        for each in (disk, memory):
            assert proven(str(each), may_write=False)
            assert proven(str(each), may_write=True)
        assert [watched(each) for each in (disk, memory)] == before


def test_a_disk_of_this_machine_is_trusted_when_it_is_read_only(tmp_path: Path) -> None:
    with image(tmp_path / "disk") as disk:
        read_only(disk)
        assert proven(str(disk), may_write=False)
        assert proven(str(disk), may_write=True)


def test_what_is_not_known_by_its_type_is_tried_out_once_and_only_where_that_may_be(
    strange: Path,
) -> None:
    (strange / "sub").mkdir()
    before = watched(strange)
    assert not proven(str(strange), may_write=False)
    assert watched(strange) == before
    assert proven(str(strange), may_write=True)
    assert watched(strange) == before
    read_only(strange)
    for each in (strange, strange / "sub"):
        assert proven(str(each), may_write=False), "the answer holds for all of the mount"


def test_the_answer_is_not_that_of_another_file_system_at_the_same_place(tmp_path: Path) -> None:
    with of_kind("ramfs", tmp_path / "one") as folder:
        assert proven(str(folder), may_write=True)
    with of_kind("ramfs", tmp_path / "one") as folder:
        assert not proven(str(folder), may_write=False)


def test_a_file_system_without_hard_links_proves_nothing(tmp_path: Path) -> None:
    with of_kind("mqueue", tmp_path / "one") as folder:
        (folder / tmp_path.name).touch()
        with pytest.raises(PermissionError):
            (folder / "link").hardlink_to(folder / tmp_path.name)
        (folder / tmp_path.name).unlink()
        assert not proven(str(folder), may_write=True)
        assert [*folder.iterdir()] == []


def test_a_disk_that_makes_its_numbers_up_proves_nothing(tmp_path: Path) -> None:
    with image(tmp_path / "stick", "vfat") as folder:
        for may_write in (False, True):
            assert not proven(str(folder), may_write=may_write)
        assert [*folder.iterdir()] == []


def test_what_could_not_be_tried_is_tried_again(strange: Path) -> None:
    read_only(strange)
    assert not proven(str(strange), may_write=True)
    writable(strange)
    assert proven(str(strange), may_write=True)


def test_numbers_that_contradict_each_other_prove_nothing(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    lstat = os.lstat

    def made_up(path: str) -> Any:
        """A file system that gives each name a number of its own, as unions by path do."""
        seen.append(path)
        found = list(lstat(path))
        found[1] = len(seen)
        return os.stat_result(found)

    monkeypatch.setattr(os, "lstat", made_up)
    assert not proven(str(strange), may_write=True)
    monkeypatch.undo()
    assert len(seen) == 3
    assert not proven(str(strange), may_write=True), "once per mount"
    assert [*strange.iterdir()] == []


def test_a_bind_mount_is_known_by_the_file_system_behind_it(strange: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with bound(strange, tmp_path / "bound") as folder, bound(tmp_path / "here", tmp_path / "two"):
        assert kind_of(folder) == "ramfs"
        assert not proven(str(folder), may_write=False)
        assert proven(str(folder), may_write=True)
        assert kind_of(tmp_path / "two") == kind_of(tmp_path)


def test_of_mounts_over_each_other_the_one_that_is_seen_counts(tmp_path: Path) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(of_kind("ramfs", tmp_path / "place"))
        stack.enter_context(of_kind("tmpfs", place / "sub"))
        assert kind_of(place / "sub") == "tmpfs"
        hiding = tmp_path / "hiding"
        (hiding / "sub").mkdir(parents=True)
        stack.enter_context(bound(hiding, place))
        assert kind_of(place / "sub") == kind_of(tmp_path), "the tmpfs is out of sight"
        assert proven(str(place / "sub"), may_write=False)


def test_a_mount_point_with_strange_letters_is_known(tmp_path: Path) -> None:
    for name in ("blank and\ttab", "new\nline", "back\\slash", "octal\\040", " - ext4 ", "\udce9"):
        with of_kind("ramfs", tmp_path / name) as folder:
            assert kind_of(folder) == "ramfs"
            assert not proven(str(folder), may_write=False)


def test_several_threads_may_ask_at_once(tmp_path: Path) -> None:
    asked = [str(tmp_path)] * 4000
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda path: proven(path, may_write=False), asked))


def test_a_link_is_known_by_where_it_leads(strange: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(strange)
    assert kind_of(tmp_path / "link") == "ramfs"
    assert not proven(str(tmp_path / "link"), may_write=False)


def test_a_file_is_known_by_its_folder_and_what_is_not_there_is_unproven(
    strange: Path, tmp_path: Path
) -> None:
    (strange / "file").touch()
    (tmp_path / "file").touch()
    assert not proven(str(strange / "file"), may_write=False)
    assert proven(str(tmp_path / "file"), may_write=False)
    assert not proven(str(tmp_path / "missing" / "file"), may_write=True)


@pytest.mark.parametrize("is_across", [False, True], ids=["one disk", "two disks"])
def test_an_overlay_never_confuses_two_files_nor_hides_a_link(
    tmp_path: Path, is_across: bool
) -> None:
    with ExitStack() as stack:
        base = stack.enter_context(image(tmp_path / "disk"))
        lower = base / "lower"
        if is_across:
            lower = stack.enter_context(other_device(base)) / "lower"
        (lower / "merged").mkdir(parents=True)
        for name in ("alone", "linked", "written", "merged/lower"):
            (lower / name).write_text(name)
        (lower / "linked too").hardlink_to(lower / "linked")
        (lower / "written too").hardlink_to(lower / "written")
        seen = stack.enter_context(overlay(lower, base / "upper", tmp_path / "seen"))
        with (seen / "written").open("a") as opened:
            opened.write(" to: it is copied up, away from its other name")
        (seen / "merged" / "upper").write_text("new")
        (seen / "upper").write_text("new")
        (seen / "upper too").hardlink_to(seen / "upper")

        assert kind_of(seen) == "overlay"
        assert proves_inodes(str(seen))
        assert proven(str(seen), may_write=False)
        assert proven(str(seen / "merged"), may_write=False)
        files = {str(each.relative_to(seen)): each for each in seen.rglob("*") if each.is_file()}
        same = {
            frozenset(other for other in files if numbers(files[other]) == numbers(path))
            for path in files.values()
        }
        assert same == {
            frozenset({"alone"}),
            frozenset({"linked", "linked too"}),
            frozenset({"written"}),
            frozenset({"written too"}),
            frozenset({"merged/lower"}),
            frozenset({"merged/upper"}),
            frozenset({"upper", "upper too"}),
        }
        for names in same:
            for name in names:
                assert files[name].lstat().st_nlink >= len(names)
