"""Moves that were cut off are undone, and nothing of anybody else is touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from qbm.errors import DiskError
from qbm.gateways.disk import Ending, Fate, Stamp, is_begun, move, stamp, withdraw
from qbm.gateways.disk.claims import Claim
from tests.disks import read_only, small_disk

CONTENT = b"a film" * 1000


class CutOff(NamedTuple):
    """A move that was killed as soon as it had its claim."""

    source: Path
    target: Path
    expected: Stamp
    claim: Claim

    def withdrawn(self) -> Ending:
        return withdraw(str(self.source), str(self.target), self.expected)

    def names(self) -> list[str]:
        """All that is beside the target."""
        return sorted(each.name for each in self.target.parent.iterdir())


@pytest.fixture
def cut_off(tmp_path: Path) -> CutOff:
    source, target = tmp_path / "film", tmp_path / "bin" / "film"
    target.parent.mkdir()
    source.write_bytes(CONTENT)
    expected = stamp(str(source))
    assert expected is not None
    claim = Claim.of(str(source), str(target))
    Path(claim.mark).touch()
    return CutOff(source, target, expected, claim)


def test_a_claim_and_half_a_copy_go_and_the_source_stays(cut_off: CutOff) -> None:
    cut_off.target.touch()
    Path(cut_off.claim.part).write_bytes(CONTENT[:100])
    assert is_begun(str(cut_off.source), str(cut_off.target))
    assert cut_off.withdrawn() is Ending.WITHDRAWN
    assert cut_off.names() == []
    assert cut_off.source.read_bytes() == CONTENT
    assert not is_begun(str(cut_off.source), str(cut_off.target))


def test_what_was_withdrawn_is_withdrawn_when_asked_again_and_can_be_moved(
    cut_off: CutOff,
) -> None:
    shutil.copy2(cut_off.source, cut_off.target)
    assert [cut_off.withdrawn() for _ in range(3)] == [Ending.WITHDRAWN] * 3
    assert cut_off.names() == []
    fate = move(str(cut_off.source), str(cut_off.target), cut_off.expected)
    assert fate is Fate.DONE
    assert cut_off.withdrawn() is Ending.DONE
    assert cut_off.target.read_bytes() == CONTENT


def test_what_somebody_has_at_the_target_stays_without_a_claim(cut_off: CutOff) -> None:
    Path(cut_off.claim.mark).unlink()
    shutil.copy2(cut_off.source, cut_off.target)
    assert cut_off.withdrawn() is Ending.WITHDRAWN
    assert cut_off.target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "kind", ["other content", "longer", "hard link", "link", "folder", "full folder", "pipe"]
)
def test_what_somebody_puts_at_the_target_after_the_kill_stays(cut_off: CutOff, kind: str) -> None:
    source, target = cut_off.source, cut_off.target
    match kind:
        case "other content":
            target.write_bytes(bytes(len(CONTENT)))
        case "longer":
            target.write_bytes(CONTENT + b"!")
        case "hard link":
            target.hardlink_to(source)
        case "link":
            target.symlink_to(source)
        case "pipe":
            os.mkfifo(target)
        case _:
            target.mkdir()
    if kind == "full folder":
        (target / "file").touch()
    before = stamp(str(target))
    assert cut_off.withdrawn() is Ending.WITHDRAWN
    assert stamp(str(target)) == before
    assert cut_off.names() == ["film"]
    assert source.read_bytes() == CONTENT


def test_half_a_copy_goes_and_the_target_stays_when_the_claim_was_lost_in_a_power_cut(
    cut_off: CutOff,
) -> None:
    Path(cut_off.claim.mark).rename(cut_off.claim.part)
    cut_off.target.write_bytes(CONTENT)
    assert is_begun(str(cut_off.source), str(cut_off.target))
    assert cut_off.withdrawn() is Ending.WITHDRAWN
    assert cut_off.names() == ["film"]


def test_nothing_is_written_where_nothing_was_begun(tmp_path: Path) -> None:
    source = tmp_path / "film"
    source.touch()
    expected = stamp(str(source))
    assert expected is not None
    with small_disk(tmp_path / "bin") as folder:
        read_only(folder)
        named = (str(source), str(folder / "film"), expected)
        assert withdraw(*named) is Ending.WITHDRAWN
        source.unlink()
        assert withdraw(*named) is Ending.MISSING


def test_somebodys_hard_link_of_an_empty_file_stays(cut_off: CutOff) -> None:
    cut_off.source.write_bytes(b"")
    cut_off.target.hardlink_to(cut_off.source)
    assert cut_off.withdrawn() is Ending.CHANGED
    assert cut_off.names() == ["film"]


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "written to"])
def test_a_whole_copy_stays_when_the_source_is_no_longer_the_same(
    cut_off: CutOff, is_replaced: bool
) -> None:
    shutil.copy2(cut_off.source, cut_off.target)
    if is_replaced:
        cut_off.source.unlink()
    cut_off.source.write_bytes(b"something new")
    assert cut_off.withdrawn() is Ending.CHANGED
    assert cut_off.source.read_bytes() == b"something new"
    assert cut_off.target.read_bytes() == CONTENT
    assert cut_off.names() == ["film"]


def test_a_copy_goes_also_when_the_source_has_other_numbers_after_a_mount(
    cut_off: CutOff,
) -> None:
    shutil.copy2(cut_off.source, cut_off.target)
    renumbered = Stamp(1, cut_off.expected.inode + 1, len(CONTENT), cut_off.expected.mtime_ns)
    ending = withdraw(str(cut_off.source), str(cut_off.target), renumbered)
    assert ending is Ending.CHANGED
    assert cut_off.source.read_bytes() == CONTENT
    assert cut_off.names() == []


def test_a_copy_is_done_once_the_source_is_gone(cut_off: CutOff) -> None:
    cut_off.source.rename(cut_off.target)
    assert cut_off.withdrawn() is Ending.DONE
    assert cut_off.target.read_bytes() == CONTENT
    assert cut_off.names() == ["film"]


def test_half_a_copy_goes_when_the_source_is_gone_too(cut_off: CutOff) -> None:
    cut_off.target.touch()
    Path(cut_off.claim.part).write_bytes(CONTENT[:100])
    cut_off.source.unlink()
    assert cut_off.withdrawn() is Ending.MISSING
    assert cut_off.names() == []


def test_a_folder_that_took_the_place_of_the_source_changes_nothing(cut_off: CutOff) -> None:
    cut_off.source.unlink()
    cut_off.source.mkdir()
    cut_off.target.write_bytes(CONTENT)
    assert cut_off.withdrawn() is Ending.CHANGED
    assert cut_off.target.read_bytes() == CONTENT


def test_pipes_at_both_places_are_not_read(cut_off: CutOff) -> None:
    cut_off.source.unlink()
    os.mkfifo(cut_off.source)
    os.mkfifo(cut_off.target)
    assert cut_off.withdrawn() is Ending.CHANGED
    assert cut_off.names() == ["film"]


def test_a_stop_while_the_copy_is_compared_leaves_all_as_it_is(cut_off: CutOff) -> None:
    shutil.copy2(cut_off.source, cut_off.target)
    named = (str(cut_off.source), str(cut_off.target), cut_off.expected)
    assert withdraw(*named, is_stopped=lambda: True) is Ending.STOPPED
    assert cut_off.target.exists()
    assert is_begun(*named[:2])
    assert withdraw(*named) is Ending.WITHDRAWN
    assert cut_off.names() == []


def test_nothing_is_begun_where_nothing_was_moved(tmp_path: Path) -> None:
    assert not is_begun(str(tmp_path / "a"), str(tmp_path / "missing" / "b"))
    nothing = Stamp(1, 2, 3, 4)
    assert withdraw(str(tmp_path / "a"), str(tmp_path / "b" / "c"), nothing) is Ending.MISSING


def test_what_cannot_be_removed_is_told_with_both_whole(
    cut_off: CutOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy2(cut_off.source, cut_off.target)

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(DiskError, match="no permission"):
        cut_off.withdrawn()
    monkeypatch.undo()
    assert cut_off.source.read_bytes() == cut_off.target.read_bytes() == CONTENT
    assert cut_off.withdrawn() is Ending.WITHDRAWN
