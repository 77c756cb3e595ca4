"""kill -9 in the middle of restores: each file is whole in one place, and the next run ends it.

Real servers and real files (spec: safety, invariant 3).
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from qbm.gateways.disk import is_temporary
from qbm.gateways.recycle_bin import Records
from qbm.store import Store
from tests.disks import other_device
from tests.faults.doomed import A_MINUTE_AGO
from tests.faults.removal_program import Runs, forked_runs
from tests.house import House, files_of, shape
from tests.lab import library, torrents
from tests.lab.servers import Server
from tests.lab.torrents import Torrent
from tests.program import environment

_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_PIECE = 4 << 20
"""More than this is copied in several pieces."""


@pytest.fixture
def runs() -> Iterator[Runs]:
    """What forks runs."""
    with forked_runs(environment()) as running:
        yield running


@pytest.fixture
def house(trixie_server: Server, tmp_path: Path) -> House:
    """A newer server, with its bin beside its files."""
    made = House(trixie_server, tmp_path / "config")
    made.configure()
    (trixie_server.save_path / "another.txt").write_bytes(b"so that the root is never empty")
    return made


@pytest.mark.soak
def test_a_restore_killed_at_any_write_is_ended_by_the_next_run(house: House, runs: Runs) -> None:
    points = _killed_everywhere(house, runs, step=1 if _IS_SOAK else 9)
    if _IS_SOAK:
        assert {"before a commit", "after a commit"} <= {*points}


@pytest.mark.soak
def test_a_restore_across_devices_killed_at_any_write_is_ended_by_the_next_run(
    house: House, runs: Runs
) -> None:
    with other_device(house.server.save_path) as far:
        house.configure({"recycle_bin": str(far / "bin")})
        points = _killed_everywhere(
            house, runs, step=1 if _IS_SOAK else 11, folder=far / "bin", large=2 * _PIECE + 1
        )
    if _IS_SOAK:
        assert len([each for each in points if each.startswith("os.write of")]) >= 2


def _killed_everywhere(
    house: House, runs: Runs, step: int, folder: Path | None = None, large: int = 1000
) -> list[str]:
    """Kill a restore at each ``step``-th point, until one ends by itself; what they were."""
    points: list[str] = []
    bin_folder = folder or house.bin
    for number in itertools.count(1, step):
        film = Torrent(
            f"film {number}",
            {
                "one.mkv": torrents.content_of(f"{number}"),
                "sub/large.mkv": torrents.content_of(f"large {number}", large),
            },
        )
        [known] = library.add(house.server, film, tags=["a"], is_stopped=number % 2 > 0)
        before = shape(house.server, known)
        inodes = files_of(house.server.save_path) if folder is None else {}
        house.remove(known)
        killed = runs.killed(number, house.words("bin", "restore", known))
        context = number, killed.at
        _assert_nothing_lost(house, film, bin_folder, context)
        assert killed.was_killed or killed.status == 0, killed.output
        if killed.was_killed:
            points.append(killed.at)
            _let_time_pass(house)
            again = runs.whole(house.words("run", "cat_update"))
            assert again.status == 0, (context, again.output)
            if known not in house.server.api.by_hash():  # nothing had been begun
                _assert_binned(house, film, bin_folder, context)
                house.restore(known)
        house.settled(known)
        library.wait_for(partial(shape, house.server, known), before.__eq__)
        _assert_home(house, film, bin_folder, context)
        if folder is None:
            assert files_of(house.server.save_path) == inodes, context
        _assert_settled(house, context)
        if not killed.was_killed:
            break
    assert number > 30, "hardly any points: are they still counted?"
    print(*points, sep="\n")
    return points


def _paths(film: Torrent, folder: Path) -> dict[Path, bytes]:
    return {folder / film.name / path: content for path, content in film.files.items()}


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _assert_nothing_lost(house: House, film: Torrent, bin_folder: Path, context: object) -> None:
    """Each file is whole at home or in the bin."""
    homes, bins = _paths(film, house.server.save_path), _paths(film, bin_folder)
    for (home, content), binned in zip(homes.items(), bins, strict=True):
        assert _holds(home, content) or _holds(binned, content), (context, home, "is lost")


def _assert_home(house: House, film: Torrent, bin_folder: Path, context: object) -> None:
    for home, content in _paths(film, house.server.save_path).items():
        assert _holds(home, content), (context, home)
    assert not (bin_folder / film.name).exists(), (context, "something is left in the bin")


def _assert_binned(house: House, film: Torrent, bin_folder: Path, context: object) -> None:
    for binned, content in _paths(film, bin_folder).items():
        assert _holds(binned, content), (context, binned)
    assert not (house.server.save_path / film.name).exists(), context


def _assert_settled(house: House, context: object) -> None:
    """Nothing is left open, and the record says that it is restored."""
    with Store.open(house.folder) as store:
        runs = store.runs(100_000)
        assert not [one for run in runs for one in store.open_intents(run.server)], context
        assert all(run.ended_at for run in runs), context
    records, unreadable = Records(house.folder).all()
    assert not unreadable, context
    assert all(each.restored_at for each in records), context
    strange = [each for each in house.server.save_path.rglob("*") if is_temporary(each.name)]
    assert not strange, context


def _let_time_pass(house: House) -> None:
    """What the killed run asked of the server, it asked a minute ago."""
    with closing(sqlite3.connect(house.folder / "qbm.db")) as raw, raw:
        raw.execute(A_MINUTE_AGO)


def test_ctrl_c_in_a_long_copy_ends_the_restore_at_once_and_the_next_run_goes_on(
    house: House, runs: Runs
) -> None:
    with other_device(house.server.save_path) as far:
        house.configure({"recycle_bin": str(far / "bin")})
        files = {
            "one.mkv": torrents.content_of("one"),
            "sub/large.mkv": torrents.content_of("large", 2 * _PIECE + 1),
        }
        film = Torrent("A film", files)
        [known] = library.add(house.server, film)
        house.remove(known)
        stopped = runs.interrupted_in_a_copy(house.words("bin", "restore", known))
        assert stopped.status == 130, stopped.output
        assert "the next run goes on" in stopped.output
        _assert_nothing_lost(house, film, far / "bin", stopped.at)
        assert not house.server.api.torrents()
        again = runs.whole(house.words("run", "cat_update"))
        assert again.status == 0, again.output
        assert "Finished the restore of" in again.output
        house.settled(known)
        _assert_home(house, film, far / "bin", stopped.at)
        _assert_settled(house, stopped.at)


def test_a_dry_run_after_a_kill_says_what_is_unfinished_and_changes_nothing(
    house: House, runs: Runs
) -> None:
    film = torrents.folder("A film")
    [known] = library.add(house.server, film)
    house.remove(known)
    first_back = f"open '{house.server.save_path / film.name}/"
    killed = runs.killed_at(first_back, house.words("bin", "restore", known))
    assert killed.was_killed, killed.output
    before = files_of(house.server.save_path)
    dry = runs.whole(house.words("run", "cat_update", "--dry-run"))
    assert dry.status == 0, dry.output
    assert "restore of 1 torrent was cut off" in dry.output
    assert files_of(house.server.save_path) == before
    assert not house.server.api.torrents()
    again = runs.whole(house.words("run", "cat_update"))
    assert again.status == 0, again.output
    if not house.server.api.torrents():  # nothing had been begun
        house.restore(known)
    house.settled(known)
    _assert_home(house, film, house.bin, killed.at)
