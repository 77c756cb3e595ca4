"""What children do with the store, for tests that kill, starve or race them."""

from __future__ import annotations

import itertools
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qbm.errors import StoreError
from qbm.model.plan import Applied
from qbm.store import Purpose, RunState, StateLock, Store, is_alive, this_process
from tests.store_factories import LEASE, NOW, SERVER, a_new_run, a_running, planned

BATCH = 10


def work() -> None:
    """A run of three batches in the state folder of the first argument."""
    with Store.open(Path(sys.argv[1])) as store:
        _batches(store, range(3))


def work_on() -> None:
    """A run that does not end."""
    with Store.open(Path(sys.argv[1])) as store:
        _batches(store, itertools.count())


def _batches(store: Store, numbers: range | itertools.count[int]) -> None:
    """One run as the engine writes it; says ``sent N`` when a batch may be sent."""
    run = a_running(store, holder=this_process())
    for number in numbers:
        now = NOW + timedelta(seconds=number + 1)
        ids = store.record(run.id, planned(BATCH))
        store.renew(SERVER, run.id, run.holder, now, LEASE)
        store.intend(ids, number, now)
        print(f"sent {number}", flush=True)
        store.conclude(dict.fromkeys(ids, Applied()), now)
    store.finish(run.id, RunState.DONE, NOW, stats={"tagged": 3 * BATCH})


def accept() -> None:
    """One run, accepted at the same moment as those of the other children."""
    _at_the_signal()
    with Store.open(Path(sys.argv[1])) as store:
        store.accept(a_new_run(holder=this_process()), NOW)


def hold_the_state() -> None:
    """Three times the state folder's lock."""
    _at_the_signal()
    folder = Path(sys.argv[1])
    for _ in range(3):
        with StateLock(folder, Purpose.RUN) as lock:
            while not lock.take(_now()):
                time.sleep(0.02)
            _alone(folder / "diary", str(os.getpid()))


def hold_the_server() -> None:
    """One run that waits for its server's lease."""
    _at_the_signal()
    folder = Path(sys.argv[1])
    with Store.open(folder) as store:
        run = store.accept(a_new_run(holder=this_process()), _now())
        while not store.acquire(
            SERVER, run.id, run.holder, now=_now(), duration=LEASE, is_alive=is_alive
        ):
            time.sleep(0.02)
        store.start(run.id, _now())
        _alone(folder / "diary", str(run.arrival))
        store.finish(run.id, RunState.DONE, _now())


def starve() -> None:
    """A run whose disk is full half-way; says what it is told, and how it goes on after."""
    folder = Path(sys.argv[1])
    with Store.open(folder) as store:
        run = a_running(store, holder=this_process())
        ids = store.record(run.id, planned(BATCH))
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file:
            _told(lambda: _fill(file.write))
        print("plan:", _told(lambda: store.record(run.id, planned(5000))))
        filler.unlink()
        print("entries:", len(store.entries(run.id)))
        store.intend(ids, 0, NOW)
        print("intents:", len(store.open_intents(SERVER)))


def starve_by_limit() -> None:
    """A run that may not make its files larger."""
    folder = Path(sys.argv[1])
    with Store.open(folder) as store:
        run = a_running(store, holder=this_process())
        ids = store.record(run.id, planned(BATCH))
        limit = (folder / "qbm.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        print("plan:", _told(lambda: store.record(run.id, planned(5000))))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        print("entries:", len(store.entries(run.id)))
        store.intend(ids, 0, NOW)
        print("intents:", len(store.open_intents(SERVER)))


def open_it() -> None:
    """Says what opening, and then accepting a run, is told."""
    print("open:", _told(lambda: Store.open(Path(sys.argv[1])).accept(a_new_run(), NOW)))


def _at_the_signal() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _alone(diary: Path, who: str) -> None:
    """Stays a moment, and writes down when it came and went."""
    with diary.open("a", buffering=1) as file:
        file.write(f"{who} comes\n")
        time.sleep(0.02)
        file.write(f"{who} goes\n")


def _fill(write: Callable[[bytes], object]) -> None:
    for size in (4096, 1):
        try:
            while True:
                write(b"x" * size)
        except OSError:
            continue


def _told(act: Callable[[], object]) -> str:
    try:
        act()
    except StoreError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def _now() -> datetime:
    return datetime.now(UTC)
