"""Keep what is written down of files in the bins in step with what is left there.

The record of a removed torrent outlives its files: without them ``qbm bin restore`` can still
add the torrent anew. It is discarded when its last file has been gone for as long as files
are kept, and for 30 days at least; never while the bin is not emptied by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from qbm.engine.binned import Place, begun
from qbm.engine.tools import Tools
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.disk import Bin
from qbm.model.paths import key
from qbm.store import Intent, MovedOrphan

_RECORDS_KEPT: Final = 30
"""Days."""
_DAY: Final = timedelta(days=1)
_IN_BIN: Final = frozenset({FileState.MOVED, FileState.PLANNED})


class Books:
    """The records of removed torrents, and the orphans that were moved.

    ``places`` are the bins that could be looked into as a whole: what is not there is gone.
    What was in others stays written down as it is, and so does what removals and restores of
    ``intents`` are at work with.
    """

    def __init__(
        self,
        records: Sequence[Record],
        orphans: Sequence[MovedOrphan],
        intents: Sequence[Intent],
        places: Collection[Place],
    ) -> None:
        self._records = records
        self._orphans = orphans
        self._begun = begun(intents)
        self._inside = {
            which: tuple(f"{key(each.folder)}/" for each in places if each.bin is which)
            for which in Bin
        }

    def bring_up_to_date(self, days: int | None, tools: Tools) -> None:
        """Write down which files are gone, and discard the records of what is long gone.

        ``days`` is for how long files are kept, None for ever. Blocks.

        Raises:
            StoreError: it cannot be written.
            DiskError: a file cannot be looked at.
        """
        now = tools.clock.now()
        tools.store.forget_orphans(
            [each.target for each in self._orphans if self._is_away(each.target, Bin.ORPHANED_DIR)]
        )
        records = Records(tools.state_dir)
        for record in self._ours(tools):
            if days is not None and _is_spent(record, days, now):
                records.discard(record.run_id, record.hash)
                continue
            files = tuple(self._seen(each, now) for each in record.files)
            if files != record.files:
                records.save(replace(record, files=files))

    def _ours(self, tools: Tools) -> list[Record]:
        """Those of the server that this run has to itself: nobody else writes them now."""
        runs = {each.run_id for each in self._records}
        found = {each: tools.store.run(each) for each in runs}
        own = {each for each, run in found.items() if run and run.server == tools.identity}
        return [
            each
            for each in self._records
            if each.run_id in own and (each.run_id, each.hash) not in self._begun
        ]

    def _seen(self, file: RecordedFile, now: datetime) -> RecordedFile:
        if file.state is not FileState.MOVED or not self._is_away(file.target, Bin.RECYCLE_BIN):
            return file
        return replace(file, state=FileState.DELETED, at=now)

    def _is_away(self, path: str, which: Bin) -> bool:
        return key(path).startswith(self._inside[which]) and disk.stamp(path) is None


def _is_spent(record: Record, days: int, now: datetime) -> bool:
    """No file of it is in the bin any more, and has not been for long."""
    if any(each.state in _IN_BIN for each in record.files):
        return False
    last = max([record.removed_at, *(each.at for each in record.files if each.at)])
    return (now - last) / _DAY > max(days, _RECORDS_KEPT)
