"""Counters: what was done, or in a dry run would be done (spec, web-api: ``stats``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from qbm.commands import cleanup
from qbm.commands.registry import RUN_ORDER
from qbm.model.change import Change, RestoreTorrent, torrent_of
from qbm.model.command import CommandName
from qbm.model.plan import Plan, Planned
from qbm.model.reason import Reason
from qbm.model.torrent import TorrentHash

STATS: Final = (
    "added",
    "deleted",
    "deleted_contents",
    "resumed",
    "rechecked",
    "orphaned",
    "recycle_emptied",
    "orphaned_emptied",
    "tagged",
    "categorized",
    "rem_unreg",
    "tagged_tracker_error",
    "untagged_tracker_error",
    "tagged_noHL",
    "untagged_noHL",
    "updated_share_limits",
    "cleaned_share_limits",
)


def _added(change: Change) -> Mapping[str, int]:
    """What is restored is added anew."""
    return {"added": 1} if isinstance(change, RestoreTorrent) else {}


_OF_TORRENTS: Final = frozenset({"updated_share_limits"})
"""Counters of torrents, not of changes: several changes of one torrent count once."""
_COUNTS: Final = {
    **{command.name: command.counts for command in RUN_ORDER},
    CommandName.CLEANUP_DIRS: cleanup.counts,
    CommandName.RESTORE: _added,
}


def count(done: Iterable[Planned]) -> Mapping[str, int]:
    """Every counter, 0 where nothing happened.

    Raises:
        ValueError: a command counts what is no counter.
    """
    total = Counter(dict.fromkeys(STATS, 0))
    counted: set[tuple[str, TorrentHash]] = set()
    for each in done:
        for counter, number in _COUNTS[each.command](each.change).items():
            torrent = torrent_of(each.change)
            if counter in _OF_TORRENTS and torrent is not None:
                if (counter, torrent) in counted:
                    continue
                counted.add((counter, torrent))
            total[counter] += number
    if unknown := total.keys() - set(STATS):
        raise ValueError(f"no such counters: {sorted(unknown)}")
    return total


def count_skipped(plan: Plan) -> Mapping[str, int]:
    """What was left alone, as numbers per reason: history keeps no more of it."""
    left = Counter(_name(each.command, each.reason) for each in plan.skipped)
    left.update(_name(each.command, each.reason) for each in plan.deferred)
    return left


def _name(command: CommandName, reason: Reason) -> str:
    return f"{command}.{reason.code}"
