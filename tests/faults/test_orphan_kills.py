"""kill -9 while orphans are moved: each is at its old place or its new one, and whole.

A simulated server and real files; what is killed are whole runs of ``qbm`` (spec: safety,
invariant 3; commands, *rem_orphaned*).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from qbm.gateways.disk import is_temporary
from qbm.simulator import PROFILES, SimulatedFile, SimulatedTorrent, Simulator
from qbm.store import Store
from tests.disks import other_device
from tests.factories import a_hash
from tests.faults.removal_program import Runs, forked_runs
from tests.lab import torrents
from tests.program import environment, write_config

_IS_SOAK = bool(os.environ.get("QBM_SOAK"))
_PIECE = 4 << 20
"""More than this is copied in several pieces."""
_FEW = 40
"""Points at which a run is killed that are surely there, or they are not counted any more."""


class Place:
    """A config, its simulated server with one torrent, and where its orphans go.

    ``large`` is the size of one of the orphans, in bytes.
    """

    def __init__(self, folder: Path, url: str, simulator: Simulator) -> None:
        self.folder = folder / "config"
        self.data = folder / "data"
        self.orphaned = self.data / "orphaned_data"
        self.large = 1000
        self.simulator = simulator
        self._url = url
        self.seeded = self.data / "seeded.mkv"
        self.data.mkdir()
        self.seeded.write_bytes(b"abc")
        self.seed("seeded.mkv", self.data, 3)
        self.configure()

    def configure(self) -> None:
        """Write the config."""
        sections = {
            "qbt": {"host": self._url, "user": "admin", "pass": "adminadmin"},
            "directory": {"root_dir": str(self.data), "orphaned_dir": str(self.orphaned)},
            "orphaned": {"max_orphaned_files_to_delete": -1},
            "tracker": {"other": {"tag": "seen"}},
        }
        write_config(self.folder, sections)

    @property
    def words(self) -> list[str]:
        """The words of a run."""
        return ["run", "rem_orphaned", "--config-dir", str(self.folder)]

    def seed(self, name: str, folder: Path, size: int) -> None:
        """Have a complete torrent of one file."""
        self.simulator.add(
            [
                SimulatedTorrent(
                    name=name,
                    infohash_v1=a_hash(name),
                    save_path=str(folder),
                    completion_on=1_750_000_000,
                    files=(SimulatedFile(name=name, size=size),),
                )
            ]
        )

    def fill(self, number: int) -> dict[str, bytes]:
        """Orphans by their paths below the root: two in one folder, one of them large."""
        sizes = {"one.mkv": 1000, "sub/large.mkv": self.large, "sub/two.mkv": 500}
        made = {
            f"{number}/{name}": torrents.content_of(f"{number} {name}", size)
            for name, size in sizes.items()
        }
        for path, content in made.items():
            (self.data / path).parent.mkdir(parents=True, exist_ok=True)
            (self.data / path).write_bytes(content)
        return made

    def assert_nothing_lost(self, made: dict[str, bytes], context: object) -> None:
        """At any time: each file is whole, somewhere."""
        for path, content in made.items():
            ways = self.data / path, self.orphaned / path
            assert any(each.is_file() and each.read_bytes() == content for each in ways), (
                context,
                path,
            )
        assert self.seeded.read_bytes() == b"abc", context

    def assert_moved(self, made: dict[str, bytes], context: object) -> None:
        """Each is at its new place only, with nothing beside it."""
        for path, content in made.items():
            assert (self.orphaned / path).read_bytes() == content, (context, path)
            assert not (self.data / path).exists(), (context, path, "is there twice")
            assert not (self.data / path).parent.exists(), (context, "an empty folder is left")
        places = (self.data, self.orphaned)
        strange = [each for place in places for each in place.rglob("*") if _is_strange(each)]
        assert not strange, context

    def assert_settled(self, made: Iterable[str], context: object) -> None:
        """Each is counted once and written down once; nothing is open in the journal."""
        with Store.open(self.folder) as store:
            runs = store.runs(100_000)
            assert not [one for run in runs for one in store.open_intents(run.server)], context
            orphans = [Path(each.target) for each in store.orphans()]
        assert all(run.ended_at for run in runs), context
        total = sum((Counter(run.stats) for run in runs), Counter[str]())
        wanted = sorted(self.orphaned / each for each in made)
        assert sorted(orphans) == wanted, context
        assert total["orphaned"] == len(wanted), context

    def assert_nothing_is_left_to_do(self, runs: Runs) -> None:
        """A further run plans nothing."""
        ended = runs.whole(self.words)
        assert ended.status == 0, ended.output
        with Store.open(self.folder) as store:
            assert store.entries(store.runs(1)[0].id) == []


def _is_strange(path: Path) -> bool:
    return path.is_file() and (is_temporary(path.name) or not path.stat().st_size)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Its orphans stay on the device."""
    simulator = Simulator(PROFILES["5.1.0"])
    with simulator.run_in_thread() as url:
        yield Place(tmp_path, url, simulator)


@pytest.fixture
def far_place(place: Place, tmp_path: Path) -> Iterator[Place]:
    """Its orphans go to another device, and one of them is copied in three pieces."""
    with other_device(tmp_path) as folder:
        place.orphaned = folder / "orphaned"
        place.large = 2 * _PIECE + 1
        place.configure()
        yield place


@pytest.fixture
def runs() -> Iterator[Runs]:
    """What forks runs."""
    with forked_runs(environment()) as running:
        yield running


# At every change of the disk and of the journal


@pytest.mark.soak
def test_a_move_killed_at_any_write_is_ended_by_the_next_run(place: Place, runs: Runs) -> None:
    points = _killed_everywhere(place, runs, step=1 if _IS_SOAK else 8)
    if _IS_SOAK:
        assert {"before a commit", "after a commit"} <= {*points}
        assert len([each for each in points if each.startswith("os.rename")]) >= 3


@pytest.mark.soak
def test_a_move_across_devices_killed_at_any_write_is_ended_by_the_next_run(
    far_place: Place, runs: Runs
) -> None:
    points = _killed_everywhere(far_place, runs, step=1 if _IS_SOAK else 10)
    if _IS_SOAK:
        assert len([each for each in points if each.startswith("os.write of")]) >= 2


@pytest.mark.soak
def test_a_run_that_settles_a_move_may_be_killed_at_any_write_as_well(
    far_place: Place, runs: Runs
) -> None:
    _killed_everywhere(far_place, runs, step=1 if _IS_SOAK else 20, is_second=True)


def _killed_everywhere(
    place: Place, runs: Runs, step: int, *, is_second: bool = False
) -> list[str]:
    """Kill a run at each ``step``-th point, until one ends by itself; answers what they were.

    If ``is_second``, a run before it was killed in the middle of a copy.
    """
    points: list[str] = []
    done: list[str] = []
    for number in itertools.count(1, step):
        made = place.fill(number)
        done += made
        if is_second:
            first = runs.killed_in_a_copy(place.words)
            assert first.was_killed, first.output
            place.assert_nothing_lost(made, (number, first.at))
        killed = runs.killed(number, place.words)
        context = number, killed.at
        place.assert_nothing_lost(made, context)
        if killed.was_killed:
            points.append(killed.at)
            again = runs.whole(place.words)
            assert again.status == 0, (context, again.output)
        place.assert_moved(made, context)
        place.assert_settled(done, context)
        if not killed.was_killed:
            assert killed.status == 0, killed.output
            break
    assert number > _FEW, "hardly any points: are they still counted?"
    place.assert_nothing_is_left_to_do(runs)
    return points


# At random


@pytest.mark.soak
def test_many_moves_killed_at_random_moments_lose_nothing(place: Place, runs: Runs) -> None:
    """Three kills of runs over 30 orphans in the suite; in ``make soak`` 100, over 300 each."""
    seed = random.randrange(2**32) if _IS_SOAK else 1
    print(f"seed {seed}")
    chance = random.Random(seed)
    groups, most = (100, 100) if _IS_SOAK else (10, 3)
    kills, numbers = 0, itertools.count()
    done: dict[str, bytes] = {}
    while kills < most:
        for _ in range(groups):
            done |= place.fill(next(numbers))
        for _ in range(10):
            kills += _killed_at_random(place, chance)
            place.assert_nothing_lost(done, (seed, kills))
        ended = runs.whole(place.words)
        assert ended.status == 0, (seed, kills, ended.output)
        place.assert_moved(done, (seed, kills))
        place.assert_settled(done, (seed, kills))
    place.assert_nothing_is_left_to_do(runs)


def _killed_at_random(place: Place, chance: random.Random) -> bool:
    """Kill a run within two seconds; False if it ended before."""
    child = subprocess.Popen(
        [sys.executable, "-m", "qbm", *place.words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(chance.uniform(0.3, 2))
    child.kill()
    return child.wait() == -signal.SIGKILL


# What comes next may be something else


def _cut_off(far_place: Place, runs: Runs) -> Path:
    """A file that was being copied when the run was killed."""
    made = far_place.fill(1)
    killed = runs.killed_in_a_copy(far_place.words)
    assert killed.was_killed, killed.output
    far_place.assert_nothing_lost(made, killed.at)
    return far_place.data / "1/sub/large.mkv"


def test_a_dry_run_after_a_kill_changes_nothing(far_place: Place, runs: Runs) -> None:
    _cut_off(far_place, runs)
    folders = far_place.data, far_place.orphaned
    before = {each: each.lstat() for folder in folders for each in folder.rglob("*")}
    ended = runs.whole([*far_place.words, "--dry-run"])
    assert ended.status == 0, ended.output
    after = {each: each.lstat() for folder in folders for each in folder.rglob("*")}
    assert before.keys() == after.keys()
    assert all(after[each].st_mtime_ns == old.st_mtime_ns for each, old in before.items())


def test_a_file_that_has_an_owner_after_the_kill_stays_where_it_is(
    far_place: Place, runs: Runs
) -> None:
    large = _cut_off(far_place, runs)
    content = large.read_bytes()
    far_place.seed("large.mkv", large.parent, len(content))
    large.write_bytes(content)  # as the server found it
    ended = runs.whole(far_place.words)
    assert ended.status == 0, ended.output
    assert large.read_bytes() == content
    left = [each for each in far_place.orphaned.rglob("*") if each.is_file()]
    assert sorted(each.name for each in left) == ["one.mkv", "two.mkv"]
    assert not [each for each in left if _is_strange(each)]


def test_ctrl_c_in_a_long_copy_ends_the_run_at_once_and_the_next_goes_on(
    far_place: Place, runs: Runs
) -> None:
    made = far_place.fill(1)
    stopped = runs.interrupted_in_a_copy(far_place.words)
    assert stopped.status == 130, stopped.output
    large = far_place.data / "1/sub/large.mkv"
    assert large.read_bytes() == made["1/sub/large.mkv"]
    assert not [each for each in far_place.orphaned.rglob("*") if _is_strange(each)]
    again = runs.whole(far_place.words)
    assert again.status == 0, again.output
    far_place.assert_moved(made, "")
    far_place.assert_settled(made, "")
