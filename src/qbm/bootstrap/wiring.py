"""Gives the engine its gateways, its store and its locks, and takes signals."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from qbm.bootstrap.beacon import seen
from qbm.bootstrap.neighbours import neighbourhood
from qbm.bootstrap.posting import post_each
from qbm.bootstrap.signals import heeding_signals
from qbm.bootstrap.tools import locks_of, tools_for
from qbm.cli.running import Ended, Job, run_each
from qbm.config import State
from qbm.engine.request import RunReport
from qbm.engine.run import run
from qbm.engine.stop import Stop
from qbm.gateways.clock import Clock, SystemClock
from qbm.store import Purpose, StateLock, Store

_LOCK_PAUSE: Final = 0.2


def run_all(jobs: Sequence[Job], state: State, log: FilteringBoundLogger) -> Sequence[Ended]:
    """Carry out the jobs, one after the other, with the state folder to ourselves.

    Raises:
        StoreError: the state folder cannot be used.
        Interrupted: a stop was requested before the first job.
    """
    return asyncio.run(_in_turn(jobs, state, log))


async def _in_turn(jobs: Sequence[Job], state: State, log: FilteringBoundLogger) -> Sequence[Ended]:
    stop, clock = Stop(), SystemClock()
    with ExitStack() as stack:
        stack.enter_context(heeding_signals(stop.request, log))
        for lock in locks_of(state, Purpose.RUN):
            if not await _taken(stack.enter_context(lock), stop, clock, log):
                return await post_each(jobs, seen(lock.path.parent), stop, clock, log)
        store = stack.enter_context(Store.open(state.folder, database=state.database))
        if waiting := store.leave_queue():
            log.warning("queue_waits", runs=waiting)
        return await run_each(
            jobs, lambda job: _run(job, state.folder, store, stop, clock, log), log
        )


async def _taken(lock: StateLock, stop: Stop, clock: Clock, log: FilteringBoundLogger) -> bool:
    """Wait for the state folder, and say who has it; False if that is a server."""
    is_told = False
    while not lock.take(clock.now()):
        occupant = lock.occupant()
        if occupant and occupant.purpose is Purpose.SERVE:
            return False
        if not is_told:
            log.info("waiting_for_folder", occupant=str(occupant or "another run"))
            is_told = True
        await stop.unless(clock.sleep(_LOCK_PAUSE))
    return True


async def _run(
    job: Job, state_dir: Path, store: Store, stop: Stop, clock: Clock, log: FilteringBoundLogger
) -> RunReport:
    async with (
        neighbourhood(job.config, job.others, state_dir) as look_around,
        tools_for(
            job.config.qbt, job.path.name, state_dir, store, stop, clock, log, look_around
        ) as tools,
    ):
        return await run(job.request, job.config, tools)
