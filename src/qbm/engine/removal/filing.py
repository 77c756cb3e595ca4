"""Put a removed torrent's files where its record says; may be done again after any kill."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Final, assert_never

from msgspec.structs import replace

from qbm.config import Config
from qbm.engine.carrying import Carrier, brought_to_disk, kept_folders
from qbm.engine.lease import Lease
from qbm.engine.removal.recording import elsewhere
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.change import Disposal
from qbm.model.plan import Applied, Failed, Outcome
from qbm.model.snapshot import Category


class Filing:
    """Moves or deletes what the record of a removed torrent says is to leave its place."""

    def __init__(self, lease: Lease, config: Config, tools: Tools) -> None:
        self._carrier = Carrier(lease)
        self._config = config
        self._tools = tools
        self._records = Records(tools.state_dir)

    async def put_away(self, record: Record, categories: Collection[Category]) -> Outcome:
        """Bring every file that is still planned to its place; then the empty folders go.

        The save paths of ``categories`` stay, empty or not.

        Raises:
            Interrupted: a stop was asked for in a long copy; the rest is for another time.
            LeaseLost: another run has the server now.
            StoreError: the record could not be written.
        """
        if record.disposal is Disposal.SERVER_DELETES:
            self._records.save(self._left_to_server(record))
            return Applied()
        obstacles: list[str] = []
        for position, file in enumerate(record.files):
            if file.state is not FileState.PLANNED:
                continue
            try:
                record = await self._filed(record, position)
            except DiskError as error:
                obstacles.append(str(error))
                record = _with(record, position, _kept(file, str(error)))
        self._records.save(record)
        left = [folder_of(each.local) for each in record.files if each.state in _GONE]
        try:
            targets = {folder_of(each.target) for each in record.files if each.target}
            await asyncio.to_thread(brought_to_disk, targets)
            keep = [*kept_folders(self._config, categories), *targets]
            await asyncio.to_thread(disk.remove_empty_folders, left, keep=keep)
        except DiskError as error:
            obstacles.append(str(error))
        return _outcome(record, obstacles)

    async def _filed(self, record: Record, position: int) -> Record:
        """One file at its place; under another name where its own is taken meanwhile."""
        while True:
            file = record.files[position]
            fate = await self._act(record.disposal, file)
            if fate is not disk.Fate.OCCUPIED:
                return _with(record, position, self._after(fate, record, file))
            record = _with(record, position, elsewhere(record, file, self._config))
            self._records.save(record)

    def _left_to_server(self, record: Record) -> Record:
        """The record of a torrent whose files the server deletes, in its own time."""
        at = self._tools.clock.now()
        gone = (
            replace(each, state=FileState.DELETED, at=at)
            if each.state is FileState.PLANNED
            else each
            for each in record.files
        )
        return replace(record, files=tuple(gone))

    async def _act(self, disposal: Disposal, file: RecordedFile) -> disk.Fate:
        if file.stamp is None:
            return disk.Fate.MISSING
        if disposal is Disposal.DELETE:
            return await self._carrier.delete(file.local, file.stamp, file.source)
        return await self._carrier.move(file.local, file.target, file.stamp, file.source)

    def _after(self, fate: disk.Fate, record: Record, file: RecordedFile) -> RecordedFile:
        at = self._tools.clock.now()
        match fate:
            case disk.Fate.DONE:
                is_deleted = record.disposal is Disposal.DELETE
                state = FileState.DELETED if is_deleted else FileState.MOVED
                return replace(file, state=state, at=at)
            case disk.Fate.MISSING:
                # What was deleted before a kill is gone all the same.
                return replace(file, state=FileState.MISSING, at=at)
            case disk.Fate.CHANGED:
                return _kept(file, "another file was in its place, or it was written to")
            case disk.Fate.STOPPED:
                raise self._tools.stop.error(
                    f"the files of {record.name} are being moved into the recycle bin, and the "
                    "next run goes on with that."
                )
            case disk.Fate.OCCUPIED:
                return _kept(file, "there is something else in its place in the bin")
            case _:
                assert_never(fate)


_GONE: Final = frozenset({FileState.MOVED, FileState.DELETED, FileState.MISSING})


def folder_of(path: str) -> str:
    """The folder that something is in."""
    return str(Path(path).parent)


def _with(record: Record, position: int, file: RecordedFile) -> Record:
    files = (*record.files[:position], file, *record.files[position + 1 :])
    return replace(record, files=files)


def _kept(file: RecordedFile, why: str) -> RecordedFile:
    return replace(file, state=FileState.KEPT, why=why)


def _outcome(record: Record, obstacles: list[str]) -> Outcome:
    if not obstacles:
        return Applied()
    more = f" (and {len(obstacles) - 1} more)" if len(obstacles) > 1 else ""
    return Failed(
        f"{record.name} was removed from qBittorrent, and its record is kept, but not all of its "
        f"files could be put away: {obstacles[0]}{more}"
    )
