"""What a change will leave behind, and whether it still fits.

``project`` predicts the state after a plan: it chains the commands (in dry runs too),
tells ``verify`` what to expect, and powers the simulator-free tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias, assert_never

from msgspec.structs import replace

from qbm.model.change import (
    AddTags,
    Change,
    CreateCategory,
    DeleteFile,
    FileChange,
    MoveFile,
    Recheck,
    RemoveTags,
    RemoveTorrent,
    RestoreTorrent,
    ServerChange,
    SetAutoManagement,
    SetCategory,
    SetPreferences,
    SetShareLimits,
    SetUploadLimit,
    Start,
    TorrentChange,
)
from qbm.model.disk import FileLinks
from qbm.model.limit import GlobalLimits, Limit, ShareLimits
from qbm.model.snapshot import Category, Snapshot
from qbm.model.torrent import CHECKING_STATES, State, Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown

_FileKey: TypeAlias = tuple[int, int]
"""A file on the disk whatever its names are: its device and inode."""


def project(snapshot: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """The snapshot after ``changes``, in their order; changes of absent torrents do nothing."""
    torrents: dict[TorrentHash, Torrent] = dict(snapshot.torrents)
    categories = dict(snapshot.categories)
    global_limits = snapshot.global_limits
    deleted: Counter[_FileKey] = Counter()
    for change in changes:
        match change:
            case CreateCategory(name=name, save_path=save_path):
                categories.setdefault(name, Category(name, save_path))
            case SetPreferences(after=global_limits):
                pass
            case MoveFile():
                pass  # into a bin, where its name counts as before
            case DeleteFile(stamp=stamp):
                deleted[stamp.device, stamp.inode] += 1
            case RemoveTorrent():
                torrents.pop(change.hash, None)
            case _:
                if change.hash in torrents:
                    torrents[change.hash] = _changed(torrents[change.hash], change, categories)
    if deleted:
        torrents = {each: _unlinked(known, deleted) for each, known in torrents.items()}
    return replace(snapshot, torrents=torrents, categories=categories, global_limits=global_limits)


def expects(change: Change, snapshot: Snapshot) -> bool:
    """Whether the snapshot still is as the change expects to find it (else it is *stale*)."""
    if isinstance(change, ServerChange):
        return _server_expects(change, snapshot)
    if isinstance(change, FileChange):
        raise TypeError(f"the disk tells, not the server: {change}")
    return _torrent_expects(change, snapshot)


def _torrent_expects(change: TorrentChange, snapshot: Snapshot) -> bool:
    torrent = snapshot.torrents.get(change.hash)
    if torrent is None:
        return isinstance(change, RestoreTorrent)
    match change:
        case SetCategory():
            is_there = not change.after or change.after in snapshot.categories
            return torrent.category == change.before and is_there
        case SetAutoManagement():
            return torrent.auto_tmm == change.before
        case AddTags():
            return not torrent.tags.issuperset(change.tags)
        case RemoveTags():
            return not torrent.tags.isdisjoint(change.tags)
        case SetShareLimits():
            return same_limits(torrent.share_limits, change.before)
        case SetUploadLimit():
            return torrent.up_limit == change.before
        case Start():
            return torrent.is_stopped
        case Recheck():
            return torrent.is_stopped and torrent.progress == 0
        case RemoveTorrent():
            return _is_still_removable(torrent, change)
        case RestoreTorrent():
            return False
    assert_never(change)


def achieved(change: Change, snapshot: Snapshot) -> bool:
    """Whether the snapshot shows what the change was to leave; nothing else is compared."""
    if isinstance(change, ServerChange):
        return _server_shows(change, snapshot)
    if isinstance(change, FileChange):
        raise TypeError(f"the disk tells, not the server: {change}")
    return _torrent_shows(change, snapshot)


def _torrent_shows(change: TorrentChange, snapshot: Snapshot) -> bool:
    torrent = snapshot.torrents.get(change.hash)
    if torrent is None:
        return isinstance(change, RemoveTorrent)
    match change:
        case SetCategory():
            return torrent.category == change.after
        case SetAutoManagement():
            return torrent.auto_tmm == change.after
        case AddTags():
            return torrent.tags.issuperset(change.tags)
        case RemoveTags():
            return torrent.tags.isdisjoint(change.tags)
        case SetShareLimits():
            return same_limits(torrent.share_limits, change.after)
        case SetUploadLimit():
            return torrent.up_limit == change.after
        case Start():
            return not torrent.is_stopped
        case Recheck():
            return torrent.state in CHECKING_STATES or torrent.progress > 0
        case RemoveTorrent():
            return False
        case RestoreTorrent():
            return True
    assert_never(change)


def same_limits(shown: ShareLimits, meant: ShareLimits) -> bool:
    """Whether the server's limits are ``meant``, as far as it has such limits at all.

    The server keeps whole minutes, and of a ratio three decimals, the rest cut off.
    """
    return (
        _same(shown.ratio_limit, meant.ratio_limit)
        and shown.seeding_time_limit == meant.seeding_time_limit
        and _same_where_known(shown.inactive_seeding_time_limit, meant.inactive_seeding_time_limit)
        and _same_where_known(shown.share_limit_action, meant.share_limit_action)
        and _same_where_known(shown.share_limits_mode, meant.share_limits_mode)
    )


def _same(shown: float | Limit, meant: float | Limit) -> bool:
    if isinstance(shown, Limit) or isinstance(meant, Limit):
        return shown is meant
    return abs(shown - meant) < _RATIO_STEP


def _same_where_known(shown: object, meant: object) -> bool:
    return shown is None or meant is None or shown == meant


_RATIO_STEP: Final = 0.0015
"""1.005 is shown as 1.004 once a server has started anew: more than that is a difference."""


def _server_expects(change: ServerChange, snapshot: Snapshot) -> bool:
    match change:
        case CreateCategory():
            return change.name not in snapshot.categories
        case SetPreferences():
            return _same_global(snapshot.global_limits, change.before)
    assert_never(change)


def _server_shows(change: ServerChange, snapshot: Snapshot) -> bool:
    match change:
        case CreateCategory():
            return snapshot.categories.get(change.name) == Category(change.name, change.save_path)
        case SetPreferences():
            return _same_global(snapshot.global_limits, change.after)
    assert_never(change)


def _same_global(shown: GlobalLimits | Unknown, meant: GlobalLimits) -> bool:
    return shown is not UNKNOWN and shown == meant


def _is_still_removable(torrent: Torrent, change: RemoveTorrent) -> bool:
    """Nobody has worked on it meanwhile, and none of its trackers has taken it back."""
    if not torrent.is_settled:
        return False
    if (torrent.category, torrent.save_path) != (change.category, change.save_path):
        return False
    if torrent.tags != frozenset(change.tags):
        return False
    if not change.unless_working:
        return True
    return torrent.trackers is not UNKNOWN and not any(each.is_working for each in torrent.trackers)


def _changed(torrent: Torrent, change: TorrentChange, categories: dict[str, Category]) -> Torrent:
    match change:
        case SetCategory():
            return _resettled(replace(torrent, category=change.after), torrent, categories)
        case SetAutoManagement():
            return _resettled(replace(torrent, auto_tmm=change.after), torrent, categories)
        case AddTags():
            return replace(torrent, tags=torrent.tags.union(change.tags))
        case RemoveTags():
            return replace(torrent, tags=torrent.tags.difference(change.tags))
        case SetShareLimits():
            return replace(torrent, share_limits=change.after)
        case SetUploadLimit():
            return replace(torrent, up_limit=change.after)
        case Start():
            return replace(torrent, state=_started(torrent))
        case Recheck():
            return replace(torrent, state=State.CHECKING_DL)
        case RemoveTorrent() | RestoreTorrent():
            return torrent  # taken out of the snapshot instead, or not in it
    assert_never(change)


def _unlinked(torrent: Torrent, deleted: Mapping[_FileKey, int]) -> Torrent:
    """``torrent`` once some more names of its files are gone: how many of each file."""
    if torrent.links is UNKNOWN:
        return torrent
    return replace(torrent, links=tuple(_fewer(each, deleted) for each in torrent.links))


def _fewer(file: FileLinks, deleted: Mapping[_FileKey, int]) -> FileLinks:
    number = deleted.get((file.device, file.inode), 0)
    if not number or file.doubt is not None:
        return file
    return replace(file, links=file.links - number, in_roots=file.in_roots - number)


def _started(torrent: Torrent) -> State:
    """What the server shows soon after; whether there are peers then, nobody knows."""
    return State.STALLED_UP if torrent.progress >= 1 else State.STALLED_DL


def _resettled(after: Torrent, before: Torrent, categories: dict[str, Category]) -> Torrent:
    """``after`` with the paths that automatic management will choose, unknown where it may.

    The save path changes at once, the content follows in its own time.
    """
    if not after.auto_tmm or (after.category, after.auto_tmm) == (before.category, before.auto_tmm):
        return after
    category = categories.get(after.category)
    folder = category.folder if category is not None else UNKNOWN
    if folder == before.save_path:
        return after
    return replace(after, save_path=folder, content_path=UNKNOWN)
