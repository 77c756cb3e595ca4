"""A server's life: bind, lock, open, serve; and at its end nothing half done."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, NoReturn

import uvicorn
from structlog.typing import FilteringBoundLogger

from qbm.api.app import create_app
from qbm.api.site import Site, base_url_of
from qbm.bootstrap.beacon import Beacon, light, new_token, put_out
from qbm.bootstrap.listening import listen, local_url
from qbm.bootstrap.neighbours import neighbourhood
from qbm.bootstrap.overheard import overhearing
from qbm.bootstrap.signals import heeding_signals
from qbm.bootstrap.tools import locks_of, server_identity, tools_for
from qbm.cli.serving import ServeOrder
from qbm.config import Found, State
from qbm.config.finding import find_folder
from qbm.config.folder import ConfigFolder
from qbm.config.others import OtherConfigs
from qbm.engine.request import RunReport
from qbm.engine.run import carry_out
from qbm.engine.stop import Stop
from qbm.errors import StoreError
from qbm.gateways.clock import Clock, SystemClock
from qbm.log.logger import Log
from qbm.log.records import Level
from qbm.service.durable import Durable
from qbm.service.jobs import Read, request_for
from qbm.service.service import Means, RunService
from qbm.service.settings import FILE_NAME, SettingsFile
from qbm.store import Purpose, Run, StateLock, Store, host_id

_LOCK_PAUSE: Final = 0.2
_RUNS_END_SECONDS: Final = 8.0
"""For runs to stop between two changes; a container is killed 10 s after it was asked to end."""
_ANSWERS_END_SECONDS: Final = 1
_SWITCH_SECONDS: Final = 0.001


def serve(order: ServeOrder, log: Log) -> int:
    """Serve until a signal; answers the exit code.

    Raises:
        UsageError: the address cannot be listened on.
        ConfigError: the folder of the configs cannot be used.
        StoreError: another server has this state folder, or it cannot be used.
    """
    place = order.place
    found, lacking = find_folder(
        order.config_file,
        order.config_dir,
        in_container=place.in_container,
        program_dir=place.program_dir,
        file_flag=place.file_flag,
    )
    state = found.state(place.environ)
    log.write_to(order.log_file(state.folder))
    if lacking:
        log.logger.warning("warning", text=f"{lacking} The server starts without one.")
    for refused in ConfigFolder(found.folder).left_out():
        text = f"A file is left out, until it has another name: {refused}"
        log.logger.warning("warning", text=text)
    asyncio.run(_serve(order, found, state, log))
    return 0


async def _serve(order: ServeOrder, found: Found, state: State, log: Log) -> None:
    ending, clock = asyncio.Event(), SystemClock()
    with ExitStack() as stack:
        stack.enter_context(heeding_signals(ending.set, log.logger))
        for lock in locks_of(state, Purpose.SERVE):
            await _take(stack.enter_context(lock), ending, clock, log.logger)
        if ending.is_set():
            return
        # After the locks: of a second server on this folder they tell more than its port does.
        listening = stack.enter_context(closing(listen(order.host, order.port)))
        put_out(state.folder)  # a killed server has left its own
        store = stack.enter_context(Store.open(state.folder, database=state.database))
        service = _service(order, found, state, store, clock, log)
        site = _site(order, found, state, service, clock, log)
        await asyncio.to_thread(service.open)
        try:
            url = local_url(listening, site.base_url)
            light(state.folder, Beacon(url, site.token, str(found.folder)))
            stack.callback(put_out, state.folder)
            log.logger.info("serving", url=url, host=order.host, folder=str(found.folder))
            with overhearing(log.logger):
                await _answer(site, listening, ending, service)
        finally:
            if not await asyncio.to_thread(service.close, _RUNS_END_SECONDS):
                _end_at_once(state, log)


def _end_at_once(state: State, log: Log) -> NoReturn:
    """End the process in the middle of a request: as if killed, and as safe as that.

    Its thread would go on for minutes, without the locks that this server gives back.
    """
    text = "A run still waits for its server's answer. What came of it is seen at the next start."
    log.logger.warning("warning", text=text)
    put_out(state.folder)
    log.close()
    os._exit(0)


async def _answer(
    site: Site, listening: socket.socket, ending: asyncio.Event, service: RunService
) -> None:
    """Answer requests until the end is asked for; who waits for a run is told then."""
    server = _Server(
        uvicorn.Config(
            create_app(site),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the rules about proxies are the API's own
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_ANSWERS_END_SECONDS,
        )
    )
    _favour_answers()
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    wish = asyncio.create_task(ending.wait())
    await asyncio.wait({serving, wish}, return_when=asyncio.FIRST_COMPLETED)
    wish.cancel()
    service.refuse()
    server.should_exit = True
    await serving


def _favour_answers() -> None:
    """Have runs, which compute in threads, hold up answers less.

    Threads take turns more often than by default, and what start-up has left in memory is not
    looked through in each garbage collection. Beside runs on 10,000 torrents the 95th percentile
    of /api/health went from 115 ms to 30 ms by it (``bench/latency.py``).
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()


class _Server(uvicorn.Server):
    """Leaves the signals to us: runs are to be stopped before connections are."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not."""
        yield


async def _take(
    lock: StateLock, ending: asyncio.Event, clock: Clock, log: FilteringBoundLogger
) -> None:
    """Wait while a run of the command line has the folder; a second server is refused.

    Raises:
        StoreError: another server has it.
    """
    is_told = False
    while not ending.is_set() and not lock.take(clock.now()):
        occupant = lock.occupant()
        if occupant and occupant.purpose is Purpose.SERVE:
            raise StoreError(
                f"{lock.path.parent} is served already, by {occupant}. End that one first, or "
                "name another folder with QBM_STATE_DIR."
            )
        if not is_told:
            log.info("waiting_for_folder", occupant=str(occupant or "another run"))
            is_told = True
        await clock.sleep(_LOCK_PAUSE)


def _service(
    order: ServeOrder, found: Found, state: State, store: Store, clock: Clock, log: Log
) -> RunService:
    def identify(read: Read) -> str:
        return server_identity(read.config.qbt, read.path.name, state.folder)

    async def carried_out(
        run: Run, read: Read, stop: Stop, logger: FilteringBoundLogger
    ) -> RunReport:
        config, file, folder = read.config, read.path.name, state.folder
        others = OtherConfigs(read.path, order.place.environ, log.redactor.learn)
        async with (
            neighbourhood(config, others, folder) as look_around,
            tools_for(config.qbt, file, folder, store, stop, clock, logger, look_around) as tools,
        ):
            return await carry_out(run.id, request_for(run), config, tools)

    def logger_at(level: str | None) -> FilteringBoundLogger:
        return log.logger_at(Level[level]) if level else log.logger

    means = Means(
        store=store,
        folder=ConfigFolder(found.folder),
        environ=order.place.environ,
        identify=identify,
        carry_out=carried_out,
        clock=clock,
        logger_at=logger_at,
        hide=log.redactor.learn,
        is_dry=order.is_dry,
    )
    executor = host_id(state.folder)
    return RunService(means, lambda attend: Durable(store.path, executor, attend, log.logger))


def _site(
    order: ServeOrder, found: Found, state: State, service: RunService, clock: Clock, log: Log
) -> Site:
    file = order.log_file(state.folder).path
    settings: Path = found.folder / FILE_NAME
    return Site(
        service=service,
        folder=ConfigFolder(found.folder),
        settings=SettingsFile(settings, order.place.environ),
        logs=file.parent,
        log_file=file.name,
        log=log.logger,
        clean=log.redactor.clean,
        clock=clock,
        environ=order.place.environ,
        token=new_token(),
        base_url=base_url_of(order.base_url),
        schedule=order.schedule,
        is_dry=order.is_dry,
    )
