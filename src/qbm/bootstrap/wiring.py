"""Gives the engine its gateways, its store and its locks, and takes signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from structlog.typing import FilteringBoundLogger

from qbm.cli.running import Ended, Job, run_each
from qbm.config import Qbt, State
from qbm.engine.request import RunReport
from qbm.engine.run import run
from qbm.engine.stop import Stop
from qbm.engine.tools import Tools
from qbm.errors import ConfigError
from qbm.gateways.clock import Clock, SystemClock
from qbm.gateways.qbittorrent import Connection, QBittorrent, base_url, identity
from qbm.store import Purpose, ServerLock, StateLock, Store, host_id

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
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
    with _heeding_signals(stop, log), StateLock(state.folder, Purpose.RUN) as lock:
        await _taken(lock, stop, clock, log)
        with Store.open(state.folder, database=state.database) as store:
            return await run_each(
                jobs, lambda job: _run(job, state.folder, store, stop, clock, log), log
            )


@contextmanager
def _heeding_signals(stop: Stop, log: FilteringBoundLogger) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for a stop; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        log.info("stopping")
        stop.request()

    def taken(_: int, __: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # Not here: the signal may have come in the middle of a line of the log.
        loop.call_soon_threadsafe(ask)

    before = {each: signal.signal(each, taken) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


async def _taken(lock: StateLock, stop: Stop, clock: Clock, log: FilteringBoundLogger) -> None:
    """Wait for the state folder, and say who has it."""
    is_told = False
    while not lock.take(clock.now()):
        if not is_told:
            log.info("waiting_for_folder", occupant=str(lock.occupant() or "another run"))
            is_told = True
        await stop.unless(clock.sleep(_LOCK_PAUSE))


async def _run(
    job: Job, state_dir: Path, store: Store, stop: Stop, clock: Clock, log: FilteringBoundLogger
) -> RunReport:
    connection = _connection(job.config.qbt, job.request.config_file)
    if connection.is_encrypted and connection.verify_certificate is False:
        log.info("certificate_unchecked", server=connection.url)
    server = QBittorrent(connection)
    url = identity(connection.url)
    tools = Tools(
        server=server,
        identity=f"{host_id(state_dir)} {url}",
        store=store,
        lock=ServerLock(url, Purpose.RUN),
        clock=clock,
        stop=stop,
        log=log,
    )
    try:
        return await run(job.request, job.config, tools)
    finally:
        await server.close()


def _connection(qbt: Qbt, config_file: str) -> Connection:
    try:
        url = base_url(qbt.host)
    except ValueError as error:
        raise ConfigError(f"{config_file}: qbt.host: {error}.") from error
    verify = qbt.verify_certificate
    return Connection(
        url=url,
        user=qbt.user,
        password=qbt.password.get_secret_value() if qbt.password else None,
        apikey=qbt.apikey.get_secret_value() if qbt.apikey else None,
        verify_certificate=verify if isinstance(verify, bool) else str(verify),
    )
