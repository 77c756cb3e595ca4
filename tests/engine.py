"""Run the engine inside a test, on a server and a config that the test names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from qbm.config import Config
from qbm.engine.request import Mode, RunReport, RunRequest
from qbm.engine.run import run
from qbm.engine.stop import Stop
from qbm.engine.tools import Tools
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
        server = QBittorrent(Connection(url=url, **connection))
        with Store.open(state_dir) as store:
            tools = Tools(
                server=server,
                state_dir=state_dir,
                identity=identity(url),
                store=store,
                lock=ServerLock(url, Purpose.RUN),
                clock=clock or SystemClock(),
                stop=stop(),
                log=_SILENT,
            )
            try:
                return await run(request or a_request(), config, tools)
            finally:
                await server.close()

    return asyncio.run(whole())


def dry(**facts: Any) -> RunRequest:
    """The same, planned only."""
    return a_request(mode=Mode.DRY, **facts)
