"""kill -9 and errors of the disk at every call of a move: one whole file, and nothing else."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qbm.errors import DiskError
from qbm.gateways.disk import Fate, move, stamp
from tests.disks import as_nobody, nobodys_folder, other_device, read_only, small_disk
from tests.faults import move_program

_SOURCE = "source:Caf\u0301e\\udce9.mkv"
_TARGET = "target:bin/sub/T\\udce9.mkv"
_SOMEBODY = {"target:bin/somebody's": "nothing"}
_TEMPORARY = re.compile(r"target:bin/sub/\.qbm-[0-9a-f]{32}\.(claim|part)")
_ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES)


class Way(NamedTuple):
    """From a folder to another, on the same device or not."""

    source: Path
    target: Path


@pytest.fixture(params=["renamed", "copied"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    source = tmp_path / "source"
    source.mkdir()
    if request.param == "renamed":
        target = tmp_path / "target"
        target.mkdir()
        yield Way(source, target)
        return
    with other_device(tmp_path) as target:
        yield Way(source, target)


def rows(kind: str, fault: str, way: Way, end: str = "move") -> list[dict[str, Any]]:
    """What ``move_program`` saw at each point."""
    folders = [str(way.source), str(way.target)]
    program = [sys.executable, move_program.__file__, kind, fault, end, *folders]
    child = subprocess.run(program, capture_output=True, text=True, timeout=200, check=False)
    assert child.returncode == 0, child.stderr
    found = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(found) > 10, "hardly any fault points: are they still counted?"
    return found


def owned(kind: str, place: str) -> dict[str, str]:
    """All that is there when the file is whole at ``place`` and nowhere else."""
    linked = {} if kind == "link" else {"source:linked.mkv": "whole"}
    return {place: "whole", **linked, **_SOMEBODY}


@pytest.mark.parametrize("kind", ["file", "link", "empty"])
def test_a_move_killed_at_any_call_is_ended_by_the_next_one(kind: str, way: Way) -> None:
    _check_kills(kind, rows(kind, "kill", way))


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["small", "link"])
def test_a_move_killed_twice_is_ended_by_the_next_one(kind: str, way: Way) -> None:
    if not os.environ.get("QBM_SOAK"):
        pytest.skip("each pair of fault points: only in `make soak`")
    _check_kills(kind, rows(kind, "kill,kill", way))


def _check_kills(kind: str, found: list[dict[str, Any]]) -> None:
    for row in _with_kills(kind, found):
        assert (row["fate"], row["finally"]) == ("done", owned(kind, _TARGET)), row


@pytest.mark.parametrize("kind", ["file", "link", "empty"])
def test_a_move_killed_at_any_call_is_withdrawn_while_its_source_is_there(
    kind: str, way: Way
) -> None:
    _check_withdrawals(kind, rows(kind, "kill", way, "withdraw"))


@pytest.mark.parametrize("kind", ["small", "link"])
def test_a_withdrawal_killed_at_any_call_is_ended_by_the_next_one(kind: str, way: Way) -> None:
    _check_withdrawals(kind, rows(kind, "kill,kill", way, "withdraw"))


def _check_withdrawals(kind: str, found: list[dict[str, Any]]) -> None:
    fates = set()
    for row in _with_kills(kind, found):
        is_here = _SOURCE in row["after"]
        ending = ("withdrawn", owned(kind, _SOURCE)) if is_here else ("done", owned(kind, _TARGET))
        assert (row["fate"], row["finally"]) == ending, row
        fates.add(row["fate"])
    assert fates == {"withdrawn", "done"}


@pytest.mark.parametrize("number", _ERRORS, ids=errno.errorcode.get)
def test_an_error_at_any_call_of_a_withdrawal_leaves_one_whole_file_for_the_next_one(
    number: int, way: Way
) -> None:
    for row in rows("small", f"kill,{number}", way, "withdraw"):
        told, after = row["told again"], row["after"]
        assert told in {"", "done", "withdrawn"} or told.startswith("DiskError: "), row
        assert "[Errno" not in told, row
        assert "whole" in {after.get(_SOURCE), after.get(_TARGET)}, row
        is_here = _SOURCE in after
        ending = ("withdrawn", _SOURCE) if is_here else ("done", _TARGET)
        assert (row["fate"], row["finally"]) == (ending[0], owned("small", ending[1])), row


def _with_kills(kind: str, found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each row, once the kill itself has left a whole file and no more than marks beside it."""
    assert found[0]["told"] == "killed"
    assert found[-1]["told"] == "done", "the last of them is not killed"
    for row in found:
        after = row["after"]
        assert "whole" in {after.get(_SOURCE), after.get(_TARGET)}, row
        strange = after.keys() - {_SOURCE, _TARGET, *owned(kind, _TARGET)}
        assert all(_TEMPORARY.fullmatch(name) for name in strange), row
        assert after.get(_TARGET, "whole") in {"whole", "nothing"}, row
        assert after.items() >= owned(kind, _TARGET).items() - {(_TARGET, "whole")}, row
        yield row


@pytest.mark.parametrize("kind", ["file", "link", "empty"])
@pytest.mark.parametrize("number", _ERRORS, ids=errno.errorcode.get)
def test_an_error_at_any_call_leaves_one_whole_file_and_a_text_for_the_user(
    kind: str, number: int, way: Way
) -> None:
    for row in rows(kind, str(number), way):
        told, after = row["told"], row["after"]
        assert told == "done" or told.startswith("DiskError: "), row
        assert "[Errno" not in told, row
        if told == "done" and number == errno.EACCES and _SOURCE not in after:
            assert after[_TARGET] in {"whole", "without its times", "nothing"}, row
            continue  # the file system refused its owner, mode or times
        assert (_SOURCE in after) == (told != "done"), row
        assert "whole" in {after.get(_SOURCE), after.get(_TARGET)}, row
        assert (row["fate"], row["finally"]) == ("done", owned(kind, _TARGET)), row


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    with small_disk(tmp_path / "small") as folder:
        yield folder


def a_file(path: Path, content: bytes = b"content") -> Path:
    path.write_bytes(content)
    return path


def moved(source: Path, target: Path, **named: Any) -> Fate:
    expected = stamp(str(source))
    assert expected is not None
    return move(str(source), str(target), expected, **named)


def test_a_file_too_large_for_the_target_is_refused_before_it_is_copied(
    small: Path, tmp_path: Path
) -> None:
    source = a_file(tmp_path / "film", bytes(2 << 20))
    told: list[int] = []
    with pytest.raises(DiskError, match=r"bytes free, and 2,097,152 are needed"):
        moved(source, small / "bin" / "film", progress=told.append)
    assert told == []
    assert source.stat().st_size == 2 << 20
    assert [*(small / "bin").iterdir()] == []


def test_a_disk_that_fills_up_while_copying_leaves_the_source_whole_and_nothing_else(
    small: Path, tmp_path: Path
) -> None:
    source = a_file(tmp_path / "film", bytes(900 << 10))
    asked: list[bool] = []

    def fill_up() -> bool:
        if not asked:
            (small / "ballast").write_bytes(bytes(500 << 10))
        asked.append(True)
        return False

    with pytest.raises(DiskError, match="no space is left"):
        moved(source, small / "bin" / "film", is_stopped=fill_up)
    assert source.read_bytes() == bytes(900 << 10)
    assert [*(small / "bin").iterdir()] == []
    (small / "ballast").unlink()
    assert moved(source, small / "bin" / "film") is Fate.DONE


def test_a_full_disk_takes_a_rename_all_the_same(small: Path) -> None:
    source = a_file(small / "film", bytes(100 << 10))
    with pytest.raises(OSError, match="No space left"):
        (small / "ballast").write_bytes(bytes(2 << 20))
    assert moved(source, small / "bin" / "film") is Fate.DONE
    assert (small / "bin" / "film").read_bytes() == bytes(100 << 10)


def test_a_target_on_a_read_only_disk_is_refused(small: Path, tmp_path: Path) -> None:
    source = a_file(tmp_path / "film")
    read_only(small)
    with pytest.raises(DiskError, match="read-only"):
        moved(source, small / "bin" / "film")
    assert source.read_bytes() == b"content"


def test_a_source_on_a_read_only_disk_is_refused_and_no_copy_stays(
    small: Path, tmp_path: Path
) -> None:
    source = a_file(small / "film")
    read_only(small)
    with pytest.raises(DiskError, match="read-only"):
        moved(source, tmp_path / "bin" / "film")
    assert source.read_bytes() == b"content"
    assert [*(tmp_path / "bin").iterdir()] == []


@pytest.mark.parametrize("closed", ["source", "target"])
def test_a_folder_that_may_not_be_changed_leaves_the_source_whole(closed: str) -> None:
    with nobodys_folder() as folder, other_device(folder) as elsewhere:
        source = folder / "source"
        source.mkdir()
        film = a_file(source / "film")
        elsewhere.chmod(0o755 if closed == "target" else 0o777)
        source.chmod(0o755 if closed == "source" else 0o777)
        with as_nobody(), pytest.raises(DiskError, match="permission"):
            moved(film, elsewhere / "bin" / "film")
        assert film.read_bytes() == b"content"
        assert [each for each in elsewhere.rglob("*") if each.is_file()] == []


def test_a_file_that_may_not_be_taken_out_of_a_shared_folder_is_not_copied() -> None:
    with nobodys_folder() as folder, other_device(folder) as elsewhere:
        source = folder / "source"
        source.mkdir()
        source.chmod(0o1777)
        elsewhere.chmod(0o777)
        film = a_file(source / "film")
        with as_nobody(), pytest.raises(DiskError, match="only its owner"):
            moved(film, elsewhere / "bin" / "film")
        assert film.exists()
        assert [each for each in elsewhere.rglob("*") if each.is_file()] == []
