"""See with the server that what was sent has taken effect.

qBittorrent ignores unknown hashes silently and takes effect up to 2 s later than it
answers, so an accepted request proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from qbm.engine.batches import Numbered
from qbm.engine.reading import reread
from qbm.gateways.clock import Clock
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.change import Change, torrent_of
from qbm.model.plan import Applied, Outcome, Unconfirmed
from qbm.model.projection import achieved
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import TorrentHash

PATIENCE: Final = 5.0
"""Seconds (decisions: *Verify*)."""
_PAUSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
NOT_SEEN: Final = Unconfirmed("qBittorrent was asked for it, but does not show it")
GONE: Final = Unconfirmed("the torrent is no longer there")


async def verify(
    server: QBittorrent,
    sent: Sequence[Numbered],
    expected: Snapshot,
    clock: Clock,
    patience: float = PATIENCE,
    *,
    removed: Collection[TorrentHash] = (),
) -> Mapping[int, Outcome]:
    """The outcome of each entry that was sent, by its journal number.

    ``expected`` is the snapshot that the whole plan should leave: a change that a later one
    takes back there is not looked for, nor one of a torrent that the run has ``removed`` since.

    Raises:
        ServerError: the server could not be read.
    """
    pending = [each for each in sent if not _is_taken_back(each.planned.change, expected, removed)]
    outcomes: dict[int, Outcome] = {each.id: Applied() for each in sent}
    outcomes |= dict.fromkeys((each.id for each in pending), NOT_SEEN)
    deadline = clock.monotonic() + patience
    pauses = iter(_PAUSES)
    while pending:
        seen = await reread(server, pending, expected)
        for each in pending:
            outcomes[each.id] = _outcome(each, seen)
        pending = [each for each in pending if outcomes[each.id] == NOT_SEEN]
        if not pending or clock.monotonic() >= deadline:
            break
        await clock.sleep(next(pauses, _PAUSES[-1]))
    return outcomes


def _is_taken_back(change: Change, expected: Snapshot, removed: Collection[TorrentHash]) -> bool:
    torrent = torrent_of(change)
    if torrent is None:
        return False
    if torrent not in expected.torrents:
        return torrent in removed
    return not achieved(change, expected)


def _outcome(entry: Numbered, seen: Snapshot) -> Outcome:
    change = entry.planned.change
    if achieved(change, seen):
        return Applied()
    torrent = torrent_of(change)
    if torrent is not None and torrent not in seen.torrents:
        return GONE
    return NOT_SEEN
