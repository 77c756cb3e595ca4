"""What comes before everything else in a run: log in, and end what a killed run left open."""

from __future__ import annotations

from qbm.config import Config
from qbm.engine.clearing import settle_files
from qbm.engine.lease import Lease
from qbm.engine.recovery import settle
from qbm.engine.removal.finishing import Finisher, begun_removals
from qbm.engine.request import Mode
from qbm.engine.restoring.finishing import RestoreFinisher, begun_restores
from qbm.engine.tools import Tools


async def connect(lease: Lease, mode: Mode, config: Config, tools: Tools) -> None:
    """Log in, and settle first what a killed run has left open on this server.

    A dry run does not touch what takes the disk to settle: it only says so.

    Raises:
        ServerError: the server cannot be talked to.
        StoreError: the journal cannot be read or written.
        LeaseLost: another run has taken the server over.
        Interrupted: a stop was requested.
    """
    await tools.stop.unless(tools.server.connect())
    settled = await tools.stop.unless(
        settle(tools.server, tools.store, tools.identity, tools.clock)
    )
    removals, restores = begun_removals(tools), begun_restores(tools)
    if mode is Mode.DRY:
        if removals:
            tools.log.warning("removals_unfinished", torrents=len(removals))
        if restores:
            tools.log.warning("restores_unfinished", torrents=len(restores))
    else:
        settled += await settle_files(config, tools)
    if settled:
        tools.log.info("settled", changes=settled)
    if mode is Mode.DRY:
        return
    if removals:
        await Finisher(lease, config, tools).finish(removals)
    if restores:
        await RestoreFinisher(lease, config, tools).finish(restores)
