"""What can be restored: the records of removed torrents, and bins that the older tool filled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from qbm.config import Config
from qbm.engine.binned import places
from qbm.engine.restoring.adopting import adopted
from qbm.gateways.recycle_bin import Record, Records, Unreadable, classic_copies
from qbm.model.disk import Bin
from qbm.model.metainfo import metainfo_of
from qbm.model.paths import PathMap


class Restorable(Struct, frozen=True):
    """A removed torrent, and its ``.torrent`` where that lies in a bin beside no record of ours."""

    record: Record
    copy: bytes | None = None

    @property
    def is_classic(self) -> bool:
        """Nothing is written down of it but what the older tool did."""
        return self.copy is not None


class Stock(Struct, frozen=True):
    """What can be restored, the longest ago first, and what of it cannot be read."""

    torrents: tuple[Restorable, ...]
    unreadable: tuple[Unreadable, ...] = ()


def newest(torrents: Iterable[Restorable], torrent: str) -> Restorable | None:
    """The last that was removed of those that have this hash."""
    alike = [each for each in torrents if torrent in identities(each.record)]
    return alike[-1] if alike else None


def identities(record: Record) -> frozenset[str]:
    """All hashes that a server may know the torrent by."""
    return frozenset(
        each for each in (record.hash, record.infohash_v1, record.infohash_v2[:40]) if each
    )


def stock(config: Config, state_dir: Path) -> Stock:
    """What there is to restore in the bins of ``config`` and in the state folder; blocks.

    Torrents that are restored already are left out. Records of other servers are among them.

    Raises:
        StoreError: the folder of the records cannot be read.
        DiskError: a bin cannot be read.
    """
    records, unreadable = Records(state_dir).all()
    kept = [Restorable(each) for each in records if each.restored_at is None]
    found = [*of_older_tool(config, records), *kept]
    ordered = sorted(found, key=lambda each: (each.record.removed_at, each.record.hash))
    return Stock(tuple(ordered), tuple(unreadable))


def of_older_tool(config: Config, records: Collection[Record]) -> list[Restorable]:
    """What the older tool has removed into the bins of ``config``, without our own ``records``.

    Where nobody knows the save path of one, it is left out. Blocks.

    Raises:
        DiskError: a bin cannot be read.
    """
    known = frozenset(one for each in records for one in identities(each))
    bins = places(config, (each.save_path for each in records))
    return [
        Restorable(record, copy.torrent)
        for place in bins
        if place.bin is Bin.RECYCLE_BIN
        for copy in classic_copies(place.folder)
        if known.isdisjoint(metainfo_of(copy.torrent).hashes)
        and (record := adopted(copy, place.folder, config)) is not None
    ]


def of_server(
    found: Stock, config: Config, identity: str, servers: Mapping[str, str]
) -> tuple[Restorable, ...]:
    """Those of the server ``identity``, whose config this is.

    ``servers`` has the identity of the server of each run, as far as the store knows it and some
    config names it. Of the others, and of the older tool's, the roots tell whose it is.
    """
    paths = PathMap(config.directory.roots)

    def is_its(each: Restorable) -> bool:
        server = servers.get(each.record.run_id)
        if server is None:
            return paths.root_of(each.record.save_path) is not None
        return server == identity

    return tuple(filter(is_its, found.torrents))
