"""kill -9 while the bins are emptied: each file is there or gone, and the next run goes on.

A simulated server and real files; what is killed are whole runs of ``qbm``.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import Disposal
from qbm.simulator import PROFILES, SimulatedFile, SimulatedTorrent, Simulator
from qbm.store import NewRun, RunState, Store, Trigger
from tests.factories import a_hash, a_torrent
from tests.faults.removal_program import Runs, forked_runs
from tests.program import environment, write_config

_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_STEP = 1 if _IS_SOAK else 5
_FEW = 20
"""Points at which a run is killed that are surely there, or they are not counted any more."""


class Place:
    """A config, its simulated server with one torrent, and its bin."""

    def __init__(self, folder: Path, url: str, simulator: Simulator) -> None:
        self.folder = folder / "config"
        self.data = folder / "data"
        self.bin = self.data / ".RecycleBin"
        self.seeded = self.bin / "seeded.mkv"
        self.bin.mkdir(parents=True)
        self.seeded.write_bytes(b"abc")
        simulator.add(
            [
                SimulatedTorrent(
                    name="seeded.mkv",
                    infohash_v1=a_hash("seeded"),
                    save_path=str(self.bin),
                    completion_on=1_750_000_000,
                    tags=frozenset({"seen"}),
                    files=(SimulatedFile(name="seeded.mkv", size=3),),
                )
            ]
        )
        sections = {
            "qbt": {"host": url, "user": "admin", "pass": "adminadmin"},
            "directory": {"root_dir": str(self.data)},
            "recyclebin": {"empty_after_x_days": 0},
            "tracker": {"other": {"tag": "seen"}},
        }
        write_config(self.folder, sections)
        self.words = ["run", "tag_update", "--config-dir", str(self.folder)]

    def fill(self, number: int) -> list[Path]:
        """Put a removed torrent's files into the bin, and one of which nothing is written down."""
        paths = [self.bin / f"{number}" / name for name in ("a", "sub/b", "loose")]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * 1000)
        now = datetime.now(UTC)
        files = [
            RecordedFile(
                name=path.name,
                size=1000,
                source=str(self.data / path.name),
                target=str(path),
                stamp=disk.stamp(str(path)),
                state=FileState.MOVED,
                at=now,
            )
            for path in paths[:2]
        ]
        record = Record.of(
            a_torrent(f"{number}"),
            files,
            run_id=self._a_run(),
            reason="",
            removed_at=now,
            disposal=Disposal.RECYCLE,
        )
        Records(self.folder).save(record, {f"{record.hash}.torrent": b"x"})
        return paths

    def _a_run(self) -> str:
        """A run of this server that is over, which may have removed a torrent."""
        with Store.open(self.folder) as store:
            servers = [each.server for each in store.runs(1)]
            new = NewRun(
                server=servers[0] if servers else "nobody's",
                config_file="config.yml",
                trigger=Trigger.CLI,
                holder="",
                commands=(),
                dry_run=True,
            )
            run = store.accept(new, datetime.now(UTC))
            store.finish(run.id, RunState.DONE, datetime.now(UTC))
        return run.id

    def assert_whole_or_gone(self, paths: list[Path], context: object) -> None:
        for path in paths:
            assert not path.exists() or path.read_bytes() == b"x" * 1000, (context, path)
        assert self.seeded.read_bytes() == b"abc", context

    def assert_emptied(self, paths: list[Path], context: object) -> None:
        """All is gone but what is seeded, written down as such, and counted once."""
        assert [*self.bin.rglob("*")] == [self.seeded], context
        assert not any(path.exists() for path in paths), context
        records, unreadable = Records(self.folder).all()
        assert not unreadable, context
        states = {file.state for each in records for file in each.files}
        assert states == {FileState.DELETED}, context

    def counted(self) -> int:
        """The files that all real runs say to have deleted."""
        with Store.open(self.folder) as store:
            runs = store.runs(10_000)
            assert not [one for run in runs for one in store.open_intents(run.server)]
        total = sum((Counter(run.stats) for run in runs), Counter[str]())
        return total["recycle_emptied"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    simulator = Simulator(PROFILES["5.1.0"])
    with simulator.run_in_thread() as url:
        yield Place(tmp_path, url, simulator)


@pytest.fixture
def runs() -> Iterator[Runs]:
    with forked_runs(environment()) as running:
        yield running


@pytest.mark.soak
def test_a_cleanup_killed_at_any_write_is_ended_by_the_next_run(place: Place, runs: Runs) -> None:
    first = runs.whole(place.words)
    assert first.status == 0, first.output
    points: list[str] = []
    deleted = 0
    for number in itertools.count(1, _STEP):
        paths = place.fill(number)
        killed = runs.killed(number, place.words)
        context = number, killed.at
        place.assert_whole_or_gone(paths, context)
        if killed.was_killed:
            points.append(killed.at)
            again = runs.whole(place.words)
            assert again.status == 0, (context, again.output)
        place.assert_emptied(paths, context)
        deleted += len(paths)
        assert place.counted() == deleted, context
        if not killed.was_killed:
            assert killed.status == 0, killed.output
            break
    assert number > _FEW, "hardly any points: are they still counted?"
    if _IS_SOAK:
        assert len([each for each in points if each.startswith("os.remove")]) >= len(paths)


def test_a_cleanup_that_is_stopped_leaves_the_rest_and_a_complete_journal(
    place: Place, runs: Runs
) -> None:
    paths = [place.bin / "tv" / f"{number}" for number in range(500)]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"x" * 1000)
    stopped = runs.interrupted_at(f"os.remove '{paths[0].parent}", place.words)
    assert stopped.status == 130, stopped.output
    place.assert_whole_or_gone(paths, stopped.at)
    left = [path for path in paths if path.exists()]
    assert 0 < len(left) < len(paths)
    assert place.counted() == len(paths) - len(left)
    again = runs.whole(place.words)
    assert again.status == 0, again.output
    assert [*place.bin.rglob("*")] == [place.seeded]
    assert place.counted() == len(paths)
