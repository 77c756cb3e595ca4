"""What there is to bring back: removed torrents and orphans, and what else is in the bins.

Asks the disk and what is written down, no server.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from qbm.config import Config
from qbm.engine.binned import Walked, places, walked, written
from qbm.engine.restoring.stock import of_older_tool
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile, Records
from qbm.model.disk import Bin, BinnedFile
from qbm.model.paths import key
from qbm.store import MovedOrphan


class Removed(Struct, frozen=True):
    """A removed torrent, and those of its files that are still in the bin."""

    record: Record
    there: tuple[RecordedFile, ...]

    @property
    def size(self) -> int:
        """What these files take, in bytes."""
        return sum(each.size for each in self.there)


class Recycled(Struct, frozen=True, kw_only=True):
    """The recycle bins: the removed torrents, the longest ago first, and all other files there.

    Torrents that the older tool has removed are among them, restored ones are not.

    ``unread`` says of what could not be read where it is, and why.
    """

    torrents: tuple[Removed, ...]
    loose: tuple[BinnedFile, ...]
    unread: tuple[tuple[str, str], ...]


class Orphaned(Struct, frozen=True, kw_only=True):
    """The folders of orphans: what runs have moved there, the oldest first, and all else there.

    ``moved`` has those that are still there; ``unread`` is as in ``Recycled``.
    """

    moved: tuple[MovedOrphan, ...]
    loose: tuple[BinnedFile, ...]
    unread: tuple[tuple[str, str], ...]


def recycled(configs: Sequence[Config], state_dir: Path) -> Recycled:
    """What is in the recycle bins of ``configs``, which share a state folder.

    Raises:
        StoreError: the folder of the records cannot be read.
    """
    records, broken = Records(state_dir).all()
    older = {each.hash: each for config in configs for each in _of_older_tool(config, records)}
    kept = [*(each for each in records if each.restored_at is None), *older.values()]
    ordered = sorted(kept, key=lambda each: (each.removed_at, each.hash))
    found = [_walked(Bin.RECYCLE_BIN, each, [*records, *older.values()], ()) for each in configs]
    return Recycled(
        torrents=tuple(Removed(each, tuple(filter(_is_there, each.files))) for each in ordered),
        loose=_loose(found),
        unread=(*((each.path, each.reason) for each in broken), *_unread(found)),
    )


def orphaned(configs: Sequence[Config], orphans: Sequence[MovedOrphan]) -> Orphaned:
    """What is in the folders of orphans of ``configs``; ``orphans`` are those written down."""
    found = [_walked(Bin.ORPHANED_DIR, each, (), orphans) for each in configs]
    return Orphaned(
        moved=tuple(each for each in orphans if _exists(each.target)),
        loose=_loose(found),
        unread=_unread(found),
    )


def _of_older_tool(config: Config, records: Sequence[Record]) -> list[Record]:
    """None from a bin that cannot be read: that is told as unread."""
    try:
        return [each.record for each in of_older_tool(config, records)]
    except DiskError:
        return []


def _walked(
    which: Bin, config: Config, records: Sequence[Record], orphans: Sequence[MovedOrphan]
) -> Walked:
    bins = places(config, (each.save_path for each in records))
    known = written(records, orphans, ())
    return walked({which}, bins, config.directory.remote_dir, known) or Walked()


def _loose(found: Sequence[Walked]) -> tuple[BinnedFile, ...]:
    """The files that nothing is written down of, each once, the oldest first."""
    loose = {key(each.path): each for one in found for each in one.files if not each.is_recorded}
    return tuple(sorted(loose.values(), key=lambda each: (each.put_at, each.path)))


def _unread(found: Sequence[Walked]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys(each for one in found for each in one.unreadable))


def _is_there(file: RecordedFile) -> bool:
    return file.state is FileState.MOVED and _exists(file.target)


def _exists(path: str) -> bool:
    """Not if that cannot be told: the bin itself is told as unread then."""
    try:
        return disk.stamp(path) is not None
    except DiskError:
        return False
