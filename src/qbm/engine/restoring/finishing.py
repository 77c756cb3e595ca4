"""Finish the restores that a killed run has left half done, before anything else is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from qbm.config import Config
from qbm.engine.lease import Lease
from qbm.engine.recovery import CUT_OFF, conclude, is_restore
from qbm.engine.restoring.deciding import place
from qbm.engine.restoring.restoring import Restorer
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, Records
from qbm.model.change import RestoreTorrent
from qbm.model.paths import PathMap
from qbm.model.plan import Applied, Failed, Outcome
from qbm.store import Intent, Step

_NO_RECORD = Failed("its record is gone; its files are where they were")


def begun_restores(tools: Tools) -> list[Intent]:
    """The restores on this server that were begun and never concluded."""
    return [each for each in tools.store.open_intents(tools.identity) if is_restore(each)]


class RestoreFinisher:
    """Brings restores that were cut off to an end; one that has touched nothing is left alone."""

    def __init__(self, lease: Lease, config: Config, tools: Tools) -> None:
        self._tools = tools
        self._paths = PathMap(config.directory.roots)
        self._records = Records(tools.state_dir)
        self._restorer = Restorer(lease, config, tools)

    async def finish(self, begun: Sequence[Intent]) -> None:
        """Finish ``begun``, one by one.

        Raises:
            Interrupted: a stop was asked for; the rest is for the next run.
            ServerError: the server could not be read.
            StoreError: a record could not be read or written.
        """
        for intent in begun:
            change = intent.planned.change
            if not isinstance(change, RestoreTorrent):
                continue
            record = self._records.load(change.removed_by, change.hash)
            outcome = await self._finished(intent, record)
            conclude([intent], {intent.id: outcome}, self._tools.store, self._tools.clock)
            said = {"torrent": record.name if record else "", "hash": change.hash}
            if isinstance(outcome, Applied):
                self._tools.log.info("restore_finished", **said)
            else:
                self._tools.log.warning("restore_not_finished", **said, detail=outcome.detail)

    async def _finished(self, intent: Intent, record: Record | None) -> Outcome:
        if record is None:
            return _NO_RECORD
        try:
            is_touched = await asyncio.to_thread(self._is_touched, record)
        except DiskError as error:
            return Failed(str(error))
        if intent.step is Step.BEGUN and not is_touched:
            await self._restorer.tidy(record)
            return CUT_OFF
        return await self._restorer.go_on(intent.id, record, intent.step)

    def _is_touched(self, record: Record) -> bool:
        """Some file of it is back, or on its way."""
        for each in record.files:
            if each.state is FileState.RESTORED:
                return True
            if each.state is not FileState.MOVED:
                continue
            home = place(each, self._paths)
            if disk.is_begun(each.target, home):
                return True
            if disk.stamp(each.target) is None and disk.stamp(home) is not None:
                return True
        return False
