"""``settings.force_auto_tmm``: Automatic Torrent Management for categorised torrents.

A setting that works like a command: it runs before ``cat_update`` (whose first rule leaves
torrents that are managed by hand) and after it (for those that have just got a category),
so that a second run finds nothing to do.
"""

from __future__ import annotations

from datetime import datetime

from qbm.commands.automatic_management import file_move, sparing_tag
from qbm.config import Config
from qbm.model.change import SetAutoManagement
from qbm.model.command import CommandName
from qbm.model.plan import Plan, Planned, Skipped
from qbm.model.reason import Code, because, together
from qbm.model.snapshot import Selection, Snapshot
from qbm.model.torrent import Torrent

_NAME = CommandName.FORCE_AUTO_TMM


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - all commands share one signature
    """Switch it on for each torrent that has a category and no tag to be ignored."""
    decisions = [
        _decide(torrent, snapshot, config)
        for torrent in selection.of(snapshot)
        if torrent.category and not torrent.auto_tmm
    ]
    return Plan(
        planned=tuple(each for each in decisions if isinstance(each, Planned)),
        skipped=tuple(each for each in decisions if isinstance(each, Skipped)),
    )


def _decide(torrent: Torrent, snapshot: Snapshot, config: Config) -> Planned | Skipped:
    tag = sparing_tag(torrent, config)
    if tag is not None:
        return Skipped(torrent.hash, _NAME, because(Code.AUTO_TMM_IGNORED, tag=tag))
    change = SetAutoManagement(torrent.hash, before=False, after=True)
    moving = file_move(torrent, torrent.category, snapshot.categories)
    return Planned(change, _NAME, together([because(Code.AUTO_TMM_FORCED), *moving]))
