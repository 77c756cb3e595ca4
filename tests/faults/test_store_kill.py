"""kill -9 at every commit and at random: what was written is there whole or not at all."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from qbm.store import UNFINISHED, EntryState, RunState, Store, is_alive
from tests.faults.killer import KillPoint, Side, killing, kills
from tests.faults.store_program import BATCH
from tests.store_factories import NOW, SERVER, a_running

PROGRAM = "tests.faults.store_program"
PICTURE = (
    "SELECT arrival, state, started_at, ended_at, stats FROM runs",
    "SELECT position, batch, state, intended_at, concluded_at FROM journal ORDER BY id",
    "SELECT server, expires_at FROM leases",
)


def picture(folder: Path) -> object:
    """All that a database says, but for what each child makes up anew."""
    with closing(sqlite3.connect(folder / "qbm.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not raw.execute("SELECT 1 FROM sqlite_master").fetchall():
            return "no tables"
        return [raw.execute(query).fetchall() for query in PICTURE]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[KillPoint | None, Path]:
    """The state folders of children killed at each point; under None, of the one that ended."""
    folder = tmp_path_factory.mktemp("killed")
    state = folder / "state"
    left: dict[KillPoint | None, Path] = {}
    for point in kills(f"{PROGRAM}:work", [str(state)]):
        left[point] = state.rename(folder / f"{point.side} {point.commit}")
    left[None] = state
    return left


def test_a_commit_is_there_whole_or_not_at_all(killed: dict[KillPoint | None, Path]) -> None:
    seen: list[object] = ["no tables"]
    for point, state in killed.items():
        found = picture(state)
        if point is None or point.side is Side.BEFORE:
            assert found == seen[-1], f"killed {point}, and something of it was written"
        else:
            assert found not in seen, f"killed {point}, and nothing was written"
            seen.append(found)
    # tables, accept, acquire, start; record, renew, intend, conclude of 3 batches; finish
    assert len(seen) == 1 + 4 + 3 * 4 + 1


def test_the_run_after_a_kill_takes_the_server_at_once_and_finds_what_is_open(
    killed: dict[KillPoint | None, Path], tmp_path: Path
) -> None:
    open_after = []
    for point, left in killed.items():
        state = shutil.copytree(left, tmp_path / str(point))
        with Store.open(state) as store:
            unfinished = [run.id for run in store.runs() if run.state in UNFINISHED]
            assert [run.id for run in store.abandon_dead(NOW, is_alive)] == unfinished
            a_running(store)
            assert {run.state for run in store.runs()[1:]} <= {
                RunState.INTERRUPTED,
                RunState.DONE,
            }
            open_after.append(len(store.open_intents(SERVER)))
    assert set(open_after) == {0, BATCH}
    assert open_after.count(BATCH) == 2 * 3, "after intending, before concluding"


@pytest.mark.parametrize("seed", range(4))
def test_what_may_be_sent_is_in_the_journal_whenever_the_process_dies(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    endless = killing(KillPoint(Side.AFTER, 1_000_000), f"{PROGRAM}:work_on", [str(tmp_path)])
    with subprocess.Popen(endless, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(chance.randint(1, 200)):
            child.stdout.readline()
        child.kill()
        sent = child.stdout.read().count("sent")
        assert child.wait() == -signal.SIGKILL
    with Store.open(tmp_path) as store:
        (run,) = store.runs()
        batches: dict[int | None, set[EntryState]] = {}
        for entry in store.entries(run.id):
            batches.setdefault(entry.batch, set()).add(entry.state)
        assert len(store.open_intents(SERVER)) in {0, BATCH}
    assert all(len(states) == 1 for states in batches.values())
    begun = [batch for batch in batches if batch is not None]
    assert begun == list(range(len(begun)))
    assert len(begun) >= sent
    assert EntryState.PLANNED not in set().union(*(batches[batch] for batch in begun))


def test_a_child_that_fails_by_itself_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="ended with 1"):
        list(kills(f"{PROGRAM}:no_such_function"))


def test_a_child_that_never_commits_fails_the_test(tmp_path: Path) -> None:
    with Store.open(tmp_path):
        pass
    with pytest.raises(AssertionError, match="never commits"):
        list(kills(f"{__name__}:commits_nothing", [str(tmp_path)]))


def commits_nothing() -> None:
    """What a child does that only reads."""
    with Store.open(Path(sys.argv[1])) as store:
        store.runs()
