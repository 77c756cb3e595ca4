"""Read again the torrents that some entries are about."""

from __future__ import annotations

from collections.abc import Sequence

from qbm.engine.batches import Numbered
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import SetPreferences, torrent_of
from qbm.model.snapshot import Fact, Snapshot


async def reread(server: QBittorrent, entries: Sequence[Numbered], known: Snapshot) -> Snapshot:
    """The entries' torrents now; all of the server's in one request where that is cheaper.

    ``known`` tells how many there are, if it is whole.
    """
    changes = [each.planned.change for each in entries]
    hashes = {torrent for each in changes if (torrent := torrent_of(each)) is not None}
    about_limits = any(isinstance(each, SetPreferences) for each in changes)
    facts = frozenset({Fact.GLOBAL_LIMITS} if about_limits else ())
    all_at_once = known.is_whole and len(hashes) * 2 > len(known.torrents)
    return await server.snapshot(facts, hashes=None if all_at_once else hashes)
