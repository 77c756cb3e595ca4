"""Moves and deletes of files on real file systems."""

from __future__ import annotations

import os
import shutil
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qbm.errors import DiskError
from qbm.gateways.disk import Fate, Stamp, delete, is_temporary, move, stamp
from qbm.gateways.disk.claims import Claim
from tests.disks import bound, other_device

TIME_NS = 1_600_000_000_123_456_789
CONTENT = b"a film" * 1000
BIG = 9 << 20


@pytest.fixture(params=["renamed", "copied", "copied on one device"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The folder to move to."""
    if request.param == "renamed":
        yield tmp_path / "there"
    elif request.param == "copied":
        with other_device(tmp_path) as folder:
            yield folder
    else:
        real = tmp_path / "real"
        real.mkdir()
        with bound(real, tmp_path / "bound") as folder:
            yield folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device."""
    with other_device(tmp_path) as folder:
        yield folder


def a_file(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(TIME_NS, TIME_NS))
    return path


def a_stamp(path: Path) -> Stamp:
    found = stamp(str(path))
    assert found is not None
    return found


def moved(source: Path, target: Path, **named: Any) -> Fate:
    return move(str(source), str(target), a_stamp(source), **named)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []  # noqa: PTH208 - as text


def test_a_file_is_moved_with_its_times_and_mode_and_nothing_stays_beside_it(
    there: Path, tmp_path: Path
) -> None:
    source = a_file(tmp_path / "film")
    source.chmod(0o604)
    assert moved(source, there / "bin" / "tv" / "film") is Fate.DONE
    target = there / "bin" / "tv" / "film"
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mtime_ns == TIME_NS
    assert target.stat().st_mode & 0o777 == 0o604
    assert names(target.parent) == ["film"]
    assert not source.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_keeps_its_owner(there: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    os.chown(source, 1234, 2345)
    assert moved(source, there / "film") is Fate.DONE
    found = (there / "film").stat()
    assert (found.st_uid, found.st_gid) == (1234, 2345)


@pytest.mark.parametrize(
    "name",
    [
        "plain.mkv",
        unicodedata.normalize("NFD", "Café.mkv"),
        unicodedata.normalize("NFC", "Café.mkv"),
        "caf\udce9.mkv",
        "x" * 255,
        "é" * 127,
        " blanks at the ends ",
        "line\nbreak",
        "-rf",
    ],
)
def test_any_name_can_be_moved_and_keeps_its_bytes(there: Path, tmp_path: Path, name: str) -> None:
    source = a_file(tmp_path / "from" / name)
    assert moved(source, there / "to" / name) is Fate.DONE
    assert names(there / "to") == [name]
    assert names(tmp_path / "from") == []


def test_a_hard_link_elsewhere_stays_as_it_is(there: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    (tmp_path / "media library").hardlink_to(source)
    assert moved(source, there / "film") is Fate.DONE
    linked = (tmp_path / "media library").stat()
    assert (linked.st_mtime_ns, linked.st_size) == (TIME_NS, len(CONTENT))


def test_a_rename_keeps_the_file_itself_and_its_hard_links(tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    (tmp_path / "media library").hardlink_to(source)
    before = a_stamp(source)
    assert moved(source, tmp_path / "bin" / "film") is Fate.DONE
    assert a_stamp(tmp_path / "bin" / "film") == before
    assert (tmp_path / "media library").samefile(tmp_path / "bin" / "film")


@pytest.mark.parametrize("goal", ["film", "nowhere", "folder"])
def test_a_symbolic_link_is_moved_as_such(there: Path, tmp_path: Path, goal: str) -> None:
    a_file(tmp_path / "film")
    a_file(tmp_path / "folder" / "inside")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / goal)
    assert moved(link, there / "bin" / "link") is Fate.DONE
    assert (there / "bin" / "link").readlink() == tmp_path / goal
    assert not link.is_symlink()
    assert (tmp_path / "film").read_bytes() == CONTENT
    assert (tmp_path / "folder" / "inside").exists()


@pytest.mark.parametrize("kind", ["file", "empty", "link", "dangling", "folder", "hard link"])
def test_nothing_at_the_target_is_ever_overwritten(there: Path, tmp_path: Path, kind: str) -> None:
    source = a_file(tmp_path / "film")
    target = there / "bin" / "film"
    target.parent.mkdir(parents=True)
    match kind:
        case "file":
            target.write_bytes(CONTENT)
        case "empty":
            target.touch()
        case "folder":
            target.mkdir()
        case "link":
            target.symlink_to(source)
        case "dangling":
            target.symlink_to("nowhere")
        case _:
            try:
                target.hardlink_to(source)
            except OSError:
                pytest.skip("no hard link leads there")
    before = a_stamp(target)
    assert moved(source, target) is Fate.OCCUPIED
    assert a_stamp(target) == before
    assert source.read_bytes() == CONTENT
    assert names(target.parent) == ["film"]


def test_a_file_where_a_folder_is_needed_is_no_place(there: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    a_file(there / "bin", b"a file")
    assert moved(source, there / "bin" / "film") is Fate.OCCUPIED
    assert moved(source, there / "bin" / "tv" / "film") is Fate.OCCUPIED
    assert (there / "bin").read_bytes() == b"a file"
    assert source.exists()


def test_a_move_onto_itself_loses_nothing(tmp_path: Path) -> None:
    source = a_file(tmp_path / "real" / "film")
    (tmp_path / "alias").symlink_to("real")
    assert moved(source, source) is Fate.OCCUPIED
    assert moved(source, tmp_path / "alias" / "film") is Fate.OCCUPIED
    assert source.read_bytes() == CONTENT
    assert names(tmp_path / "real") == ["film"]


def test_a_second_call_says_done_again(there: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    expected = a_stamp(source)
    for _ in range(3):
        assert move(str(source), str(there / "film"), expected) is Fate.DONE
    assert (there / "film").read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_missing(there: Path, tmp_path: Path) -> None:
    nothing = Stamp(1, 2, 3, 4)
    assert move(str(tmp_path / "film"), str(there / "film"), nothing) is Fate.MISSING
    assert move(str(tmp_path / "a" / "b"), str(there / "film"), nothing) is Fate.MISSING
    assert move(str(tmp_path / "nul\0"), str(there / "film"), nothing) is Fate.MISSING
    assert names(there) == []


def test_a_file_that_has_changed_stays(there: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    expected = a_stamp(source)
    source.write_bytes(CONTENT[:-1])
    assert move(str(source), str(there / "film"), expected) is Fate.CHANGED
    other = a_file(tmp_path / "other")
    other.replace(source)
    assert move(str(source), str(there / "film"), expected) is Fate.CHANGED
    assert source.exists()
    assert names(there) == []


def test_a_stamp_outlasts_a_new_number_of_the_device(tmp_path: Path) -> None:
    found = a_stamp(a_file(tmp_path / "film"))
    assert found.fits(Stamp(found.device + 1, found.inode, found.size, found.mtime_ns))
    assert not found.fits(Stamp(found.device, found.inode + 1, found.size, found.mtime_ns))


def test_a_folder_is_not_moved_as_one(there: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskError, match="neither a file nor a symbolic link"):
        moved(tmp_path / "folder", there / "folder")
    assert names(there) == []


def test_a_copy_tells_how_far_it_is_and_a_rename_does_not(tmp_path: Path, elsewhere: Path) -> None:
    told: list[int] = []
    source = a_file(tmp_path / "film", bytes(BIG))
    assert moved(source, tmp_path / "bin" / "film", progress=told.append) is Fate.DONE
    assert told == []
    assert moved(tmp_path / "bin" / "film", elsewhere / "film", progress=told.append) is Fate.DONE
    assert told == sorted(told)
    assert told[-1] == BIG
    assert len(told) > 2


def test_a_stop_leaves_the_source_whole_and_nothing_else(tmp_path: Path, elsewhere: Path) -> None:
    source = a_file(tmp_path / "film", bytes(BIG))
    told: list[int] = []
    stopped = moved(source, elsewhere / "film", progress=told.append, is_stopped=lambda: bool(told))
    assert stopped is Fate.STOPPED
    assert len(told) == 1
    assert source.stat().st_size == BIG
    assert names(elsewhere) == []
    assert moved(source, elsewhere / "film") is Fate.DONE


def test_a_copy_is_safe_on_the_disk_before_it_gets_its_name_and_before_the_source_goes(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def noted(name: str) -> Any:
        function = getattr(os, name)

        def call(*arguments: Any) -> Any:
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            calls.append(
                "fsync folder" if is_folder else f"{name} {Path(str(arguments[0])).suffix}"
            )
            return function(*arguments)

        return call

    source = a_file(tmp_path / "film.mkv")
    for name in ("fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, noted(name))
    assert moved(source, elsewhere / "film") is Fate.DONE
    assert [each for each in calls if ".claim" not in each] == [
        "replace .mkv",  # refused: another device
        "fsync ",
        "replace .part",
        "fsync folder",
        "unlink .mkv",
        "unlink .part",  # none is there
    ]


def test_a_file_that_shrinks_while_it_is_copied_stays(tmp_path: Path, elsewhere: Path) -> None:
    source = a_file(tmp_path / "film", bytes(BIG))
    fate = moved(source, elsewhere / "film", progress=lambda _: os.truncate(source, 100))
    assert fate is Fate.CHANGED
    assert source.stat().st_size == 100
    assert names(elsewhere) == []


def test_a_file_that_is_written_to_while_it_is_copied_stays(
    tmp_path: Path, elsewhere: Path
) -> None:
    source = a_file(tmp_path / "film", bytes(BIG))

    def write(_done: int) -> None:
        with source.open("r+b") as opened:
            opened.write(b"new")

    assert moved(source, elsewhere / "film", progress=write) is Fate.CHANGED
    assert source.stat().st_size == BIG
    assert names(elsewhere) == []


def test_a_file_that_is_taken_away_while_it_is_copied_is_whole_at_the_target(
    tmp_path: Path, elsewhere: Path
) -> None:
    source = a_file(tmp_path / "film", bytes(BIG))
    fate = moved(source, elsewhere / "film", progress=lambda _: source.unlink(missing_ok=True))
    assert fate is Fate.DONE
    assert (elsewhere / "film").stat().st_size == BIG
    assert names(elsewhere) == ["film"]


def test_what_somebody_puts_at_the_target_after_a_kill_is_not_taken_for_the_copy(
    tmp_path: Path, elsewhere: Path
) -> None:
    source = a_file(tmp_path / "film")
    claim = Claim.of(str(source), str(elsewhere / "film"))
    assert claim.take()
    (elsewhere / "film").write_bytes(bytes(len(CONTENT)))  # as long, but not the same
    assert moved(source, elsewhere / "film") is Fate.OCCUPIED
    assert source.read_bytes() == CONTENT
    assert names(elsewhere) == ["film"]


def test_a_whole_copy_left_by_a_kill_is_compared_before_the_source_goes(
    tmp_path: Path, elsewhere: Path
) -> None:
    source = a_file(tmp_path / "film", bytes(BIG))
    claim = Claim.of(str(source), str(elsewhere / "film"))
    assert claim.take()
    shutil.copy2(source, elsewhere / "film")
    assert moved(source, elsewhere / "film", is_stopped=lambda: True) is Fate.STOPPED
    assert source.exists()
    assert moved(source, elsewhere / "film") is Fate.DONE
    assert not source.exists()
    assert names(elsewhere) == ["film"]


def test_what_is_left_of_a_killed_move_goes_when_its_source_is_gone_for_good(
    tmp_path: Path, there: Path
) -> None:
    source = a_file(tmp_path / "film")
    expected = a_stamp(source)
    claim = Claim.of(str(source), str(there / "film"))
    assert claim.take()
    a_file(Path(claim.part), b"half")
    source.unlink()
    assert move(str(source), str(there / "film"), expected) is Fate.MISSING
    assert names(there) == []


def test_temporaries_are_known_by_their_names(tmp_path: Path) -> None:
    claim = Claim.of(str(tmp_path / "caf\udce9"), str(tmp_path / "film"))
    assert is_temporary(os.path.basename(claim.mark))  # noqa: PTH119 - as text
    assert is_temporary(os.path.basename(claim.part))  # noqa: PTH119
    assert not is_temporary(".qbm-film.part")
    assert not is_temporary("film.part")


def test_a_file_is_deleted_once_and_only_the_expected_one(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    (tmp_path / "media library").hardlink_to(film)
    expected = a_stamp(film)
    assert delete(str(film), Stamp(expected.device, expected.inode, 1, 1)) is Fate.CHANGED
    assert film.exists()
    assert delete(str(film), expected) is Fate.DONE
    assert delete(str(film), expected) is Fate.MISSING
    assert (tmp_path / "media library").read_bytes() == CONTENT
    assert (tmp_path / "media library").stat().st_mtime_ns == TIME_NS


def test_a_link_is_deleted_and_not_what_it_leads_to(tmp_path: Path) -> None:
    film = a_file(tmp_path / "film")
    (tmp_path / "link").symlink_to(film)
    assert delete(str(tmp_path / "link"), a_stamp(tmp_path / "link")) is Fate.DONE
    assert film.exists()


def test_a_folder_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskError, match="neither a file nor a symbolic link"):
        delete(str(tmp_path / "folder"), a_stamp(tmp_path / "folder"))
    assert (tmp_path / "folder").is_dir()
