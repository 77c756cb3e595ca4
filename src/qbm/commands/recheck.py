"""``recheck``: starts stopped torrents that are complete, rechecks those that probably are.

Two runs, never a wait in one: the first has the server look through the content, a later
one starts what it found complete. Counters: ``resumed``, ``rechecked``.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from qbm.commands.seeding_limits import effective, standing
from qbm.config import Config
from qbm.model.change import Change, Recheck, Start
from qbm.model.command import CommandName
from qbm.model.limit import Limit
from qbm.model.plan import Deferred, Plan, Planned, Skipped
from qbm.model.reason import Code, Reason, because, together
from qbm.model.snapshot import Fact, Selection, Snapshot
from qbm.model.torrent import CHECKING_STATES, Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_NAME = CommandName.RECHECK
_BySize: TypeAlias = Mapping[int, Sequence[Torrent]]
"""The complete torrents of the library by their size in bytes."""


def needs(config: Config) -> Mapping[Fact, Callable[[Torrent], bool]]:  # noqa: ARG001 - all commands share one signature
    """The limits that could hold a torrent back, and what earlier runs have rechecked."""
    return {
        Fact.GLOBAL_LIMITS: lambda _: True,
        Fact.SEEDING_TIME: _may_have_seeded_enough,
        Fact.RECHECKS: lambda torrent: torrent.progress < 1,
    }


def counts(change: Change) -> Mapping[str, int]:
    """What an applied change adds to the run's counters."""
    match change:
        case Start():
            return {"resumed": 1}
        case Recheck():
            return {"rechecked": 1}
        case _:
            return {}


def wants_files(
    snapshot: Snapshot,
    config: Config,  # noqa: ARG001 - all commands share one signature
    selection: Selection,
) -> Collection[TorrentHash]:
    """Empty torrents that no namesake decides, and the complete ones of their sizes."""
    complete = _complete_by_size(snapshot)
    wanted: set[TorrentHash] = set()
    for torrent in selection.of(snapshot):
        same_size = _of_size(torrent, complete)
        if _is_candidate(torrent, snapshot) and not _has_namesake(torrent, same_size):
            wanted.update(each.hash for each in (torrent, *same_size))
    return wanted


def plan(snapshot: Snapshot, config: Config, selection: Selection, now: datetime) -> Plan:  # noqa: ARG001 - all commands share one signature
    """The starts, then the rechecks, each smallest first."""
    complete = _complete_by_size(snapshot)
    chosen = sorted(selection.of(snapshot), key=_smallest_first)
    outcomes = [each for torrent in chosen for each in _decide(torrent, snapshot, complete, now)]
    planned = [each for each in outcomes if isinstance(each, Planned)]
    return Plan(
        planned=(
            *(each for each in planned if isinstance(each.change, Start)),
            *(each for each in planned if isinstance(each.change, Recheck)),
        ),
        skipped=tuple(each for each in outcomes if isinstance(each, Skipped)),
        deferred=tuple(each for each in outcomes if isinstance(each, Deferred)),
        # Whether a complete torrent has its content, only the whole library tells.
        needs_whole=not snapshot.is_whole
        and any(
            _is_candidate(torrent, snapshot) and torrent.has_whole_content is not True
            for torrent in chosen
        ),
    )


def _decide(
    torrent: Torrent, snapshot: Snapshot, complete: _BySize, now: datetime
) -> Iterator[Planned | Skipped | Deferred]:
    percent = int(torrent.progress * 100)
    at = _rechecked_at(torrent, snapshot)
    is_at_rest = torrent.is_stopped or torrent.state in CHECKING_STATES
    if torrent.progress < 1 and is_at_rest and at is not None:
        shown = f"{at:%Y-%m-%d %H:%M} UTC"
        done = because(Code.RECHECKED_ALREADY, at=shown, percent=percent)
        yield Deferred(torrent.hash, _NAME, done)
    elif not torrent.is_stopped:
        yield Skipped(torrent.hash, _NAME, because(Code.NOT_STOPPED, state=torrent.state))
    elif torrent.progress >= 1:
        yield _started(torrent, snapshot, now)
    elif torrent.progress > 0:
        yield Skipped(torrent.hash, _NAME, because(Code.PARTLY_THERE, percent=percent))
    elif reason := _probable_content(torrent, complete):
        yield Planned(Recheck(torrent.hash), _NAME, reason)
        yield Deferred(torrent.hash, _NAME, because(Code.RECHECK_UNDER_WAY))
    else:
        yield Skipped(torrent.hash, _NAME, because(Code.CONTENT_NOT_FOUND))


def _started(torrent: Torrent, snapshot: Snapshot, now: datetime) -> Planned | Skipped:
    """A complete one starts, unless a limit is reached, or may be."""
    limits = effective(torrent.share_limits, snapshot.global_limits)
    now_at = standing(torrent, limits, now)
    if now_at.is_over is False:
        return Planned(Start(torrent.hash), _NAME, because(Code.COMPLETE_AND_STOPPED))
    reasons = now_at.reached if now_at.is_over is True else now_at.unknown
    return Skipped(torrent.hash, _NAME, together(reasons))


def _may_have_seeded_enough(torrent: Torrent) -> bool:
    """Its seeding time decides, for all that is known before the server's limits are."""
    is_limited = torrent.share_limits.seeding_time_limit is not Limit.UNLIMITED
    return torrent.is_stopped and torrent.progress >= 1 and is_limited


def _rechecked_at(torrent: Torrent, snapshot: Snapshot) -> datetime | None:
    """When an earlier run rechecked it, unless it has been added anew since."""
    at = snapshot.rechecked.get(torrent.hash)
    return at if at is not None and at >= torrent.added_on else None


def _is_candidate(torrent: Torrent, snapshot: Snapshot) -> bool:
    """Whether its content is there may still be asked."""
    is_empty = torrent.is_stopped and torrent.progress == 0
    return is_empty and bool(torrent.total_size) and _rechecked_at(torrent, snapshot) is None


def _complete_by_size(snapshot: Snapshot) -> _BySize:
    found: defaultdict[int, list[Torrent]] = defaultdict(list)
    for torrent in snapshot.torrents.values():
        if torrent.is_complete and torrent.total_size is not UNKNOWN:
            found[torrent.total_size].append(torrent)
    return found


def _of_size(torrent: Torrent, complete: _BySize) -> Sequence[Torrent]:
    """The complete torrents of its size; none for a magnet link without metadata."""
    return complete.get(torrent.total_size, ()) if torrent.total_size else ()


def _probable_content(torrent: Torrent, complete: _BySize) -> Reason | None:
    """Why its content is very probably there, or None."""
    same_size = _of_size(torrent, complete)
    if _has_namesake(torrent, same_size):
        return because(Code.CONTENT_OF_NAMESAKE)
    own = _content(torrent)
    if own and any(_content(each) == own for each in same_size):
        return because(Code.CONTENT_OF_OTHER)
    if torrent.has_whole_content is True and torrent.total_size:
        return because(Code.CONTENT_ON_DISK)
    return None


def _has_namesake(torrent: Torrent, same_size: Iterable[Torrent]) -> bool:
    return any(each.name == torrent.name for each in same_size)


def _content(torrent: Torrent) -> frozenset[tuple[str, int]]:
    """Path (NFC) and size of each of its files; nothing where either is not known."""
    if torrent.save_path is UNKNOWN or torrent.files is UNKNOWN:
        return frozenset()
    folder = torrent.save_path.rstrip("/")
    return frozenset(
        (unicodedata.normalize("NFC", f"{folder}/{each.name}"), each.size) for each in torrent.files
    )


def _smallest_first(torrent: Torrent) -> tuple[bool, int, str]:
    return torrent.total_size is UNKNOWN, torrent.total_size or 0, torrent.hash
