"""Finish the removals that a killed run has left half done, before anything else is done."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.lease import Lease
from qbm.engine.neighbours import everyone
from qbm.engine.recovery import CUT_OFF, conclude, is_removal, patience_with
from qbm.engine.removal.deciding import Owners
from qbm.engine.removal.filing import Filing
from qbm.engine.removal.recording import ghost_of
from qbm.engine.removal.removing import is_gone
from qbm.engine.tools import Tools
from qbm.gateways.recycle_bin import FileState, Record, Records
from qbm.model.change import RemoveTorrent
from qbm.model.plan import Applied, Outcome, Stale
from qbm.model.snapshot import Snapshot
from qbm.store import Intent, Step

_NOT_OURS = Stale("somebody else removed it before qbm did; its files are where they were")
_ADDED_AGAIN = "its torrent was added again meanwhile"


def begun_removals(tools: Tools) -> list[Intent]:
    """The removals on this server that were begun and never concluded."""
    return [each for each in tools.store.open_intents(tools.identity) if is_removal(each)]


class Finisher:
    """Brings removals that were cut off to an end; to which one, the server tells.

    A torrent that it still shows is whole; the files of one that it does not show are put away.
    """

    def __init__(self, lease: Lease, config: Config, tools: Tools) -> None:
        self._config = config
        self._tools = tools
        self._records = Records(tools.state_dir)
        self._filing = Filing(lease, config, tools)

    async def finish(self, begun: Sequence[Intent]) -> None:
        """Finish ``begun``, one by one; what cannot be looked at is left to the next run.

        Raises:
            Interrupted: a stop was asked for; the rest is for the next run.
            ServerError: the server could not be read.
            StoreError: a record could not be read or written.
        """
        tools = self._tools
        for intent in begun:
            change = intent.planned.change
            if not isinstance(change, RemoveTorrent):
                continue
            outcome, detail = await self._finished(intent, change)
            record = self._records.load(intent.run_id, change.hash)
            said = {"torrent": record.name if record else "", "hash": change.hash}
            if outcome is not None:
                conclude([intent], {intent.id: outcome}, tools.store, tools.clock)
            if isinstance(outcome, Applied):
                tools.log.info("removal_finished", **said)
            else:
                tools.log.warning("removal_not_finished", **said, detail=detail)

    async def _finished(self, intent: Intent, change: RemoveTorrent) -> tuple[Outcome | None, str]:
        """What came of it, None if that cannot be told yet, and why in words."""
        tools, run_id = self._tools, intent.run_id
        record = self._records.load(run_id, change.hash)
        patience = patience_with([intent], tools.clock)
        is_off = await tools.stop.unless(is_gone(tools.server, change.hash, tools.clock, patience))
        was_off = intent.step is Step.REMOVED
        if not was_off and (not is_off or intent.step is Step.BEGUN or record is None):
            self._records.discard(run_id, change.hash)
            early = _NOT_OURS if is_off else CUT_OFF
            return early, early.detail
        if record is None:
            return _NOT_OURS, _NOT_OURS.detail
        whole = await tools.stop.unless(tools.server.snapshot(frozenset()))
        checked = _left_to(record) if not is_off else await self._checked(record, whole)
        if checked is None:
            return None, "whose its files are cannot be told now; the next run looks again"
        outcome = await self._filing.put_away(checked, whole.categories.values())
        return outcome, "" if isinstance(outcome, Applied) else outcome.detail

    async def _checked(self, record: Record, whole: Snapshot) -> Record | None:
        """The record without files that a torrent of today owns; None if that is not known."""
        known = await everyone(whole, self._config, self._tools)
        owners = Owners(known, self._config, self._tools.server)
        found = await owners.decide([ghost_of(record)])
        decision = found.known.get(record.hash)
        if decision is None:
            return None
        owned = {each.path: each.owner for each in decision.division.shared}
        return replace(
            record,
            files=tuple(
                replace(
                    each,
                    state=FileState.KEPT,
                    why=f"it belongs to the torrent {owned[each.source]} as well",
                )
                if each.state is FileState.PLANNED and each.source in owned
                else each
                for each in record.files
            ),
        )


def _left_to(record: Record) -> Record:
    """The record of a torrent that is there again: what has not been moved is its own now."""
    return replace(
        record,
        files=tuple(
            replace(each, state=FileState.KEPT, why=_ADDED_AGAIN)
            if each.state is FileState.PLANNED
            else each
            for each in record.files
        ),
    )
