"""A service without its web server: accepts, carries out, and ends with a run under way."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from qbm.bootstrap.tools import server_identity, tools_for
from qbm.config.folder import ConfigFolder
from qbm.engine.request import RunReport
from qbm.engine.run import carry_out
from qbm.engine.stop import Stop
from qbm.gateways.clock import SystemClock
from qbm.model.command import CommandName
from qbm.service.durable import Durable
from qbm.service.jobs import Read, request_for
from qbm.service.port import Asked
from qbm.service.service import Means, RunService
from qbm.store import Run, RunState, Store, host_id

HOLDING = "holding.yml"
"""The config of a server that never answers."""


def serve() -> None:
    """Accept three requests in the folder of the first argument, unless that was done before.

    Ends when all but those of ``HOLDING`` have ended, which are put back.
    """
    folder = Path(sys.argv[1])
    with Store.open(folder) as store:
        service = _service(folder, store)
        service.open()
        is_first = not store.runs()
        if is_first:
            _accept(service, "a.yml")
            _accept(service, "*.yml")
            _accept(service, "a.yml")
        _until_only_held_are_left(store)
        service.refuse()
        _until_all_wait(store)
        os._exit(0)  # at once: threads of the queue's library take their time to end


def _accept(service: RunService, config_file: str) -> None:
    service.accept(Asked(commands=(CommandName.TAG_UPDATE,), config_file=config_file))


def _until_only_held_are_left(store: Store) -> None:
    end = time.monotonic() + 60
    while not all(map(_is_held, store.in_line())):
        assert time.monotonic() < end, store.in_line()
        time.sleep(0.02)


def _until_all_wait(store: Store) -> None:
    end = time.monotonic() + 60
    while not all(run.state is RunState.WAITING for run in store.in_line()):
        assert time.monotonic() < end, store.in_line()
        time.sleep(0.02)


def _is_held(run: Run) -> bool:
    return run.config_file == HOLDING and run.state is RunState.RUNNING


def _service(folder: Path, store: Store) -> RunService:
    log: FilteringBoundLogger = structlog.wrap_logger(structlog.ReturnLogger()).bind()
    clock = SystemClock()

    def identify(read: Read) -> str:
        return server_identity(read.config.qbt, read.path.name, folder)

    async def carried_out(
        run: Run, read: Read, stop: Stop, logger: FilteringBoundLogger
    ) -> RunReport:
        config, file = read.config, read.path.name
        async with tools_for(config.qbt, file, folder, store, stop, clock, logger) as tools:
            return await carry_out(run.id, request_for(run), config, tools)

    means = Means(
        store=store,
        folder=ConfigFolder(folder),
        environ={},
        identify=identify,
        carry_out=carried_out,
        clock=clock,
        logger_at=lambda _: log,
        hide=lambda _: None,
        is_dry=False,
    )
    return RunService(means, lambda attend: Durable(store.path, host_id(folder), attend, log))
