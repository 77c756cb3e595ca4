"""Read again the torrents that some entries are about."""

from __future__ import annotations

from collections.abc import Sequence

from qbm.engine.batches import Numbered
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import CreateCategory
from qbm.model.snapshot import Snapshot


async def reread(server: QBittorrent, entries: Sequence[Numbered], library: int) -> Snapshot:
    """The entries' torrents now; all of them in one request where that is cheaper.

    ``library`` is the number of torrents on the server, as far as it is known.
    """
    changes = (each.planned.change for each in entries)
    hashes = {each.hash for each in changes if not isinstance(each, CreateCategory)}
    whole = len(hashes) * 2 > library
    return await server.snapshot(frozenset(), hashes=None if whole else hashes)
