"""Read again the torrents that some entries are about."""

from __future__ import annotations

from collections.abc import Sequence

from qbm.engine.batches import Numbered
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import CreateCategory
from qbm.model.snapshot import Snapshot


async def reread(server: QBittorrent, entries: Sequence[Numbered], known: Snapshot) -> Snapshot:
    """The entries' torrents now; all of the server's in one request where that is cheaper.

    ``known`` tells how many there are, if it is whole.
    """
    changes = (each.planned.change for each in entries)
    hashes = {each.hash for each in changes if not isinstance(each, CreateCategory)}
    all_at_once = known.is_whole and len(hashes) * 2 > len(known.torrents)
    return await server.snapshot(frozenset(), hashes=None if all_at_once else hashes)
