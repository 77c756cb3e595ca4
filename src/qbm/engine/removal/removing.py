"""Remove one torrent, in an order that makes every crash harmless (spec: recycle bin).

1. the intent, in the journal; 2. its record and its ``.torrent``, in the state folder;
3. off the server, which leaves the files alone; 4. its own files into the bin; 5. empty
folders, and the end in the journal. Until 3 nothing has happened, and a later run plans anew;
from then on the next run goes on with 4 (``finishing``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.batches import Numbered
from qbm.engine.lease import Lease
from qbm.engine.neighbours import everyone
from qbm.engine.removal.deciding import Decision, Owners
from qbm.engine.removal.filing import Filing
from qbm.engine.removal.recording import Purpose, record_of
from qbm.engine.tools import Tools
from qbm.errors import DiskError, RequestFailed, ServerFault
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.gateways.recycle_bin import (
    Bin,
    FileState,
    Record,
    Records,
    kept_by_server,
    save_classic,
)
from qbm.model.change import Content, Disposal, RemoveTorrent
from qbm.model.ownership import Division
from qbm.model.plan import Failed, Outcome, Stale, Unconfirmed
from qbm.model.projection import expects
from qbm.model.snapshot import Category, Fact
from qbm.model.torrent import Torrent, TorrentHash
from qbm.store import Step

_PATIENCE: Final = 5.0
"""Seconds for a removed torrent to vanish from the server's list (decisions: *Verify*)."""
_PAUSES: Final = (0.02, 0.05, 0.1, 0.25, 0.5)
_FRESH_FOR: Final = 5.0
"""Seconds for which the list of all torrents counts as fresh: it tells who else owns a file.

Read anew for each removal, it would take most of the time of a run on 10,000 torrents.
"""
_NOT_GONE: Final = Unconfirmed(
    "qBittorrent was asked to remove it, but still shows it; its files are where they were. The "
    "next run looks again"
)
_WORKED_ON: Final = Stale("it was changed by someone else meanwhile, or its tracker knows it again")


class Remover:
    """Carries out the planned removals of a run, one by one."""

    def __init__(
        self,
        lease: Lease,
        config: Config,
        tools: Tools,
        sending: Callable[[Sequence[Numbered]], None],
    ) -> None:
        self._lease = lease
        self._config = config
        self._tools = tools
        self._sending = sending
        self._records = Records(tools.state_dir)
        self._filing = Filing(lease, config, tools)
        self._owners: tuple[Owners, float] | None = None

    async def remove(self, batch: int, entry: Numbered) -> Outcome:
        """Remove the torrent of ``entry``, if all is as planned; the journal knows the outcome.

        Of one that the server still shows the intent stays open: the next run looks again.

        Raises:
            Interrupted: a stop was asked for; nothing was done, or the next run goes on.
            LeaseLost: another run has the server now.
            StoreError: something could not be written down, so nothing more was done.
            ServerError: the server is gone.
        """
        change = entry.planned.change
        if not isinstance(change, RemoveTorrent):
            raise TypeError(f"no removal: {change}")
        outcome = await self._removed(batch, entry, change)
        if outcome != _NOT_GONE:
            self._tools.store.conclude({entry.id: outcome}, self._tools.clock.now())
        return outcome

    async def _removed(self, batch: int, entry: Numbered, change: RemoveTorrent) -> Outcome:
        looked = await self._tools.stop.unless(self._looked_again(change))
        if not isinstance(looked, Looked):
            return looked
        purpose = Purpose(self._lease.run_id, str(entry.planned.reason), self._tools.clock.now())
        try:
            record = await asyncio.to_thread(
                record_of,
                looked.torrent,
                looked.content,
                looked.division,
                self._config,
                purpose,
            )
        except DiskError as error:
            return Failed(str(error))
        self._tools.store.intend([entry.id], batch, self._tools.clock.now())
        self._sending([entry])
        try:
            record = await self._saved(record, looked.torrent)
        except (DiskError, RequestFailed) as error:
            self._records.discard(record.run_id, record.hash)
            return Failed(f"it could not be kept for later, so it was left alone: {error}")
        self._tools.store.reached(entry.id, Step.SAVED)
        self._lease.keep()
        refusal = await self._taken_off(change.hash, record)
        if refusal is not None:
            return refusal
        self._tools.store.reached(entry.id, Step.REMOVED)
        if self._owners is not None:
            self._owners[0].forget(change.hash)
        return await self._filing.put_away(record, looked.categories.values())

    async def _taken_off(self, torrent: TorrentHash, record: Record) -> Outcome | None:
        """Take it off the server, and wait until it is; None if it is gone."""
        server = self._tools.server
        with_files = record.disposal is Disposal.SERVER_DELETES
        try:
            await server.remove(torrent, with_files=with_files)
        except ServerFault:
            pass  # it may have been done all the same: what the server shows will tell
        except RequestFailed as error:
            self._records.discard(record.run_id, record.hash)
            return Failed(str(error))
        return None if await is_gone(server, torrent, self._tools.clock) else _NOT_GONE

    # What is looked at again, right before

    async def _looked_again(self, change: RemoveTorrent) -> Looked | Outcome:
        server = self._tools.server
        now = await server.snapshot(frozenset({Fact.TRACKER_STATUS}), hashes=[change.hash])
        if not expects(change, now) or change.content is None:
            return _WORKED_ON
        files = (await server.files([change.hash])).get(change.hash)
        if files is None:
            return _WORKED_ON
        torrent = replace(now.torrents[change.hash], files=files)
        decisions = await (await self._owners_now()).decide([torrent])
        decision = decisions.known.get(change.hash)
        if decision is None:
            return Stale(str(decisions.spared[change.hash]))
        return Looked(
            torrent, as_planned(change.content, decision), decision.division, now.categories
        )

    async def _owners_now(self) -> Owners:
        """Whose the files are, as fresh as ``_FRESH_FOR`` says."""
        read_at = self._tools.clock.monotonic()
        if self._owners is None or read_at - self._owners[1] > _FRESH_FOR:
            snapshot = await self._tools.server.snapshot(frozenset())
            known = await everyone(snapshot, self._config, self._tools)
            self._owners = Owners(known, self._config, self._tools.server), read_at
        return self._owners[0]

    # What is kept

    async def _saved(self, record: Record, torrent: Torrent) -> Record:
        """Write the record, and the copies that ``save_torrents`` asks for.

        Raises:
            StoreUnwritable: the state folder cannot be written.
            DiskError: a copy cannot be read or written.
            RequestFailed: the server did not give the ``.torrent`` that it has.
        """
        exported = await self._tools.server.export(torrent.hash)
        by_server = await asyncio.to_thread(self._kept_by_server, torrent)
        kept = {**by_server, **({f"{torrent.hash}.torrent": exported} if exported else {})}
        record = self._records.save(record, kept)
        if self._config.recyclebin.enabled and self._config.recyclebin.save_torrents:
            recycle_bin = Bin.of(self._config)
            save_path = torrent.save_path or ""
            folder = recycle_bin.folder(save_path, save_path) or recycle_bin.folders[0]
            save_classic(
                folder,
                record,
                recycle_bin.paths,
                exported=exported,
                kept=by_server,
                deletes_content=any(each.state is FileState.PLANNED for each in record.files),
            )
        return record

    def _kept_by_server(self, torrent: Torrent) -> dict[str, bytes]:
        folder = self._config.directory.torrents_dir
        return kept_by_server(folder, torrent.identities) if folder else {}


class Looked(Struct, frozen=True):
    """What is there right before a removal."""

    torrent: Torrent
    content: Content
    division: Division
    categories: Mapping[str, Category]


def as_planned(planned: Content, decision: Decision) -> Content:
    """What is to be done now: of what the plan said, that which still may be.

    Nothing leaves its place that no preview has shown.
    """
    now = decision.content
    if planned.disposal is Disposal.KEEP or now.disposal is Disposal.KEEP:
        return replace(now, disposal=Disposal.KEEP, files=())
    shown = frozenset(planned.files)
    files = tuple(each for each in now.files if each in shown)
    if now.disposal is Disposal.SERVER_DELETES and len(files) < len(now.files):
        return replace(now, disposal=Disposal.DELETE, files=files)
    return replace(now, files=files)


async def is_gone(
    server: QBittorrent, torrent: TorrentHash, clock: Clock, patience: float = _PATIENCE
) -> bool:
    """Whether the server shows it no more, within ``patience`` seconds.

    Raises:
        ServerError: the server could not be read.
    """
    deadline = clock.monotonic() + patience
    pauses = iter(_PAUSES)
    while torrent in (await server.snapshot(frozenset(), hashes=[torrent])).torrents:
        if clock.monotonic() >= deadline:
            return False
        await clock.sleep(next(pauses, _PAUSES[-1]))
    return True
