"""Run the engine inside a test, on a server and a config that the test names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from qbm.config import Config
from qbm.engine.request import Mode, RunReport, RunRequest
from qbm.engine.run import run
from qbm.engine.stop import Stop
from qbm.engine.tools import LookAround, Tools, alone
from qbm.gateways.clock import Clock, SystemClock
from qbm.gateways.qbittorrent import Connection, QBittorrent, identity
from qbm.model.command import CommandName
from qbm.store import Purpose, ServerLock, Store

_SILENT = structlog.wrap_logger(
    structlog.ReturnLogger(),
    wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
)
BOTH = (CommandName.CAT_UPDATE, CommandName.TAG_UPDATE)


def a_request(**facts: Any) -> RunRequest:
    """Both commands on all torrents, for real."""
    return RunRequest(**{"config_file": "config.yml", "commands": BOTH, **facts})


def carry_out(
    url: str,
    state_dir: Path,
    sections: dict[str, Any],
    request: RunRequest | None = None,
    *,
    stop: Callable[[], Stop] = Stop,
    clock: Clock | None = None,
    **connection: Any,
) -> RunReport:
    """One run in an event loop of its own; blocks until it has ended.

    Raises:
        QbmError: as ``engine.run`` does.
    """
    config = Config.model_validate({"qbt": {"host": url}, **sections})

    async def whole() -> RunReport:
        async with tools_on(url, state_dir, stop=stop(), clock=clock, **connection) as tools:
            return await run(request or a_request(), config, tools)

    return asyncio.run(whole())


@asynccontextmanager
async def tools_on(
    url: str,
    state_dir: Path,
    *,
    stop: Stop | None = None,
    clock: Clock | None = None,
    look_around: LookAround = alone,
    **connection: Any,
) -> AsyncIterator[Tools]:
    """What a run on the server at ``url`` works with; it is not connected yet."""
    server = QBittorrent(Connection(url=url, **connection))
    with Store.open(state_dir) as store:
        try:
            yield Tools(
                server=server,
                state_dir=state_dir,
                identity=identity(url),
                store=store,
                lock=ServerLock(url, Purpose.RUN),
                clock=clock or SystemClock(),
                stop=stop or Stop(),
                log=_SILENT,
                look_around=look_around,
            )
        finally:
            await server.close()


def dry(**facts: Any) -> RunRequest:
    """The same, planned only."""
    return a_request(mode=Mode.DRY, **facts)
