"""Trees that fail, change or lead astray while they are listed.

What is not known must be told: whatever calls a file an orphan, or one without hard links,
relies on it.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from qbm.gateways import disk
from qbm.gateways.disk import Scan
from tests.disks import as_nobody, bound, image, nobodys_folder, small_disk

_PATH_MAX = 4096


def scanned(root: Path, meanwhile: Callable[[str], object] = lambda _: None) -> Scan:
    """All below ``root``; ``meanwhile`` is called with each folder between listing and entering."""

    def enter(path: str) -> bool:
        meanwhile(path)
        return True

    found = disk.scan([str(root)], is_entered=enter)
    assert found is not None
    return found


def files(found: Scan, root: Path) -> set[str]:
    return {
        os.path.relpath(f"{folder.path}/{name}", root)
        for folder in found.folders.values()
        for name in folder.names
    }


def unreadable(found: Scan, root: Path) -> list[str]:
    return sorted(os.path.relpath(path, root) for path, _ in found.unreadable)


def a_tree(root: Path, *paths: str) -> Path:
    for each in paths:
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        (root / each).write_bytes(os.fsencode(each))
    return root


def once(name: str, act: Callable[[], object]) -> Callable[[str], object]:
    """Does it when the folder ``name`` has been met, the first time."""
    left = [act]
    return lambda path: left.pop()() if left and path.endswith(f"/{name}") else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What nobody has named as a root."""
    return a_tree(tmp_path / "outside", "secret", "b/secret")


# What may not be read, or cannot


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444], ids=oct)
def test_a_folder_without_permission_is_told_once(mode: int) -> None:
    with nobodys_folder() as folder:
        a_tree(folder, "open/file", "closed/one", "closed/two", "closed/three/four")
        (folder / "closed").chmod(mode)
        with as_nobody():
            found = scanned(folder)
        (folder / "closed").chmod(0o755)
    assert unreadable(found, folder) == ["closed"]
    assert files(found, folder) == {"open/file"}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ELOOP])
def test_a_folder_that_cannot_be_opened_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    a_tree(root, "broken/file", "sound/file")
    really = os.open

    def opened(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path).endswith("broken"):
            raise OSError(number, os.strerror(number), path)
        return really(path, *arguments, **named)

    monkeypatch.setattr(os, "open", opened)
    found = scanned(root)
    assert unreadable(found, root) == ["broken"]
    assert files(found, root) == {"sound/file"}
    assert "broken cannot be read" in found.unreadable[0][1]


class _Breaking:
    """A listing that fails after its first entry, or one whose entries cannot be looked at."""

    def __init__(self, entries: Any, number: int, *, at_stat: bool) -> None:
        self._entries = entries
        self._number = number
        self._at_stat = at_stat

    def __enter__(self) -> Iterator[Any]:
        self._entries.__enter__()
        return self._each()

    def __exit__(self, *error: object) -> None:
        self._entries.__exit__(*error)

    def _each(self) -> Iterator[Any]:
        for entry in self._entries:
            yield _BrokenEntry(entry.name, self._number) if self._at_stat else entry
            if not self._at_stat:
                raise OSError(self._number, os.strerror(self._number))


class _BrokenEntry:
    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self._number = number

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        assert not follow_symlinks
        raise OSError(self._number, os.strerror(self._number), self.name)


@pytest.mark.parametrize("at_stat", [False, True], ids=["while listing", "at each entry"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE], ids=errno.errorcode.get)
def test_a_disk_that_fails_while_it_is_listed_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, at_stat: bool
) -> None:
    a_tree(root, "broken/one", "broken/two", "sound/file")
    really, which = os.scandir, (root / "broken").stat().st_ino

    def listed(place: Any) -> Any:
        is_broken = isinstance(place, int) and os.fstat(place).st_ino == which
        entries = really(place)
        return _Breaking(entries, number, at_stat=at_stat) if is_broken else entries

    monkeypatch.setattr(os, "scandir", listed)
    found = scanned(root)
    assert unreadable(found, root) == (["broken/one", "broken/two"] if at_stat else ["broken"])
    assert files(found, root) == {"sound/file"}


# Names and depths


def test_names_with_newlines_and_bytes_that_are_no_text_come_as_they_are(root: Path) -> None:
    names = {"new\nline/fi\nle", "\udcff\udcfe/\udce9", " / ", "a\tb/-rf", "\x01/\x7f", "'/\""}
    a_tree(root, *names)
    assert files(scanned(root), root) == names


@contextmanager
def nested(root: Path, depth: int) -> Iterator[None]:
    """A folder in a folder in a folder, with a file in each, deeper than any path can name."""
    opened = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=opened))
        os.mkdir("d", dir_fd=opened)
        below = os.open("d", os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = below
    os.close(opened)
    try:
        yield
    finally:
        subprocess.run(["rm", "-rf", str(root)], check=True)


def test_what_is_deeper_than_any_path_can_name_is_told(root: Path) -> None:
    a_tree(root, "beside/file")
    with nested(root, 5000):
        found = scanned(root)
    [(path, why)] = found.unreadable
    assert len(os.fsencode(path)) >= _PATH_MAX - 1
    assert "too long" in why
    assert "beside/file" in files(found, root)
    depth = (_PATH_MAX - 1 - len(os.fsencode(root))) // len("/d")
    assert len(found.folders) == len(["root", "beside"]) + depth


# What is neither a file nor a folder, and what leads in circles


def test_only_regular_files_are_listed_and_nothing_else_is_opened(root: Path) -> None:
    a_tree(root, "file")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(root, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/socket")  # a path may have 107 bytes at most
        os.close(here)
    (root / "loop").symlink_to("loop")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "up").symlink_to("..")
    (root / "self").symlink_to(root)
    (root / "dangling").symlink_to("nowhere")
    found = scanned(root)
    assert files(found, root) == {"file"}
    links = {"loop", "one", "two", "up", "self", "dangling"}
    assert set(found.folders[str(root)].symlinks) == links
    assert found.unreadable == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make devices")
def test_devices_are_not_listed(root: Path) -> None:
    a_tree(root, "file")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    found = scanned(root)
    assert files(found, root) == {"file"}


def test_a_root_mounted_in_itself_is_listed_once(root: Path) -> None:
    a_tree(root, "a/file", "file")
    with bound(root, root / "again"), bound(root, root / "a" / "deeper"):
        found = scanned(root)
    assert files(found, root) == {"file", "a/file"}
    assert found.unreadable == ()


def test_what_is_above_the_root_is_listed_once_where_it_is_mounted_below(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "above" / "root", "file").parent / "root"
    a_tree(tmp_path / "above", "beside")
    with bound(tmp_path / "above", root / "up"):
        found = scanned(root)
    assert files(found, root) == {"file", "up/beside"}


# What changes meanwhile


def test_what_vanishes_meanwhile_is_left_out_and_no_error(root: Path) -> None:
    a_tree(root, *(f"{each}/file" for each in "abcdef"), "a/b/c/d/file")

    def vanish(path: str) -> None:
        subprocess.run(["rm", "-rf", path], check=True)

    found = scanned(root, vanish)
    assert files(found, root) == set()
    assert found.unreadable == ()


def test_files_that_come_go_and_grow_meanwhile_are_listed_or_not_but_never_wrongly(
    root: Path,
) -> None:
    a_tree(root, "sub/file", *(f"{each:04}" for each in range(3000)))

    def change() -> None:
        for each in range(0, 3000, 3):
            (root / f"{each:04}").unlink()
            (root / f"{each + 1:04}").write_bytes(bytes(100))
            (root / f"new {each:04}").touch()

    found = scanned(root, once("sub", change))
    seen = files(found, root)
    assert {f"{each:04}" for each in range(2, 3000, 3)} | {"sub/file"} <= seen
    assert found.unreadable == ()
    sizes = {name: numbers.size for name, numbers in found.folders[str(root)].files()}
    assert {sizes[f"{each:04}"] for each in range(1, 3000, 3)} <= {4, 100}


@pytest.mark.parametrize("goal", ["outside", "outside/b", "root"])
def test_a_folder_that_becomes_a_link_is_not_followed(root: Path, outside: Path, goal: str) -> None:
    a_tree(root, "a/file", "b/file")

    def swap() -> None:
        (root / "a").rename(outside / "moved")
        (root / "a").symlink_to(outside.parent / goal)

    found = scanned(root, once("a", swap))
    assert files(found, root) <= {"b/file"}
    assert unreadable(found, root) == ["a"]


def test_a_folder_is_not_followed_when_the_one_above_it_becomes_a_link(
    root: Path, outside: Path
) -> None:
    a_tree(root, "a/b/file", "c/file")

    def swap() -> None:
        (root / "a").rename(outside / "moved")
        (root / "a").symlink_to(outside)

    found = scanned(root, once("b", swap))
    assert files(found, root) <= {"c/file"}
    assert unreadable(found, root) == ["a/b"]


def test_a_folder_that_becomes_a_link_to_another_disk_is_not_taken_for_a_mount(
    root: Path, tmp_path: Path
) -> None:
    a_tree(root, "a/b/file")
    with small_disk(tmp_path / "disk") as elsewhere:
        a_tree(elsewhere, "b/secret")

        def swap() -> None:
            (root / "a").rename(tmp_path / "moved")
            (root / "a").symlink_to(elsewhere)

        for name, told in (("a", "a"), ("b", "a/b")):
            found = scanned(root, once(name, swap))
            assert files(found, root) == set()
            assert unreadable(found, root) == [told]
            (root / "a").unlink()
            (tmp_path / "moved").rename(root / "a")


def test_a_folder_that_another_takes_the_place_of_is_told(root: Path) -> None:
    a_tree(root, "a/file", "new/other")

    def swap() -> None:
        (root / "a").rename(root / "old")
        (root / "new").rename(root / "a")

    found = scanned(root, once("a", swap))
    assert "a" in unreadable(found, root)


def test_a_folder_that_vanishes_behind_a_link_is_not_taken_for_gone(
    root: Path, outside: Path
) -> None:
    a_tree(root, "a/only here/file")

    def swap() -> None:
        (root / "a").rename(outside / "moved")
        (root / "a").symlink_to(outside)

    assert unreadable(scanned(root, once("only here", swap)), root) == ["a/only here"]


# Mounts


def unmounted(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def mounted(kind: str, folder: Path, spare: Path) -> Iterator[Path]:
    """Another device, or the same one once more; whoever unmounts it mounts it again for us."""
    again = spare / "again"
    a_tree(again, "placeholder")
    with ExitStack() as stack:
        if kind == "another device":
            stack.enter_context(small_disk(folder))
        else:
            (spare / "same").mkdir()
            stack.enter_context(bound(spare / "same", folder))
        yield folder
        if not os.path.ismount(folder):
            subprocess.run(["mount", "--bind", str(again), str(folder)], check=True)


@pytest.mark.parametrize("kind", ["another device", "the same device"])
@pytest.mark.parametrize("when", ["share", "inner", "deep"])
def test_a_mount_that_vanishes_before_all_of_it_is_listed_is_told(
    root: Path, tmp_path: Path, kind: str, when: str
) -> None:
    a_tree(root, "file")
    with mounted(kind, root / "share", tmp_path / "spare") as share:
        a_tree(share, "inner/deep/deepest/film", "inner/deep/film")
        found = scanned(root, once(when, lambda: unmounted(share)))
    assert found.unreadable != ()
    assert all(path.startswith(str(share)) for path, _ in found.unreadable)
    assert files(found, root) >= {"file"}


def test_a_root_that_is_unmounted_meanwhile_is_told(root: Path, tmp_path: Path) -> None:
    with mounted("another device", root / "disk", tmp_path / "spare") as disk_:
        a_tree(disk_, "a/b/film", "c/film")
        found = scanned(disk_, once("b", lambda: unmounted(disk_)))
    assert str(disk_) in {path for path, _ in found.unreadable}


def test_a_disk_that_is_mounted_on_a_folder_once_it_is_opened_is_entered(
    root: Path, tmp_path: Path
) -> None:
    a_tree(root, "file", "share/hidden")
    with ExitStack() as stack:

        def mount() -> None:
            """As autofs and NFS do."""
            a_tree(stack.enter_context(small_disk(root / "share")), "film", "sub/film")

        found = scanned(root, once("share", mount))
    assert files(found, root) == {"file", "share/film", "share/sub/film"}
    assert {path for path, _ in found.unreadable} <= {str(root / "share")}


def test_a_read_only_disk_is_listed(root: Path) -> None:
    with image(root / "disk") as disk_:
        a_tree(disk_, "film")
        subprocess.run(["mount", "-o", "remount,ro", str(disk_)], check=True)
        found = scanned(disk_)
        assert "film" in files(found, disk_)
        assert found.unreadable == ()
