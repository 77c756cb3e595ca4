"""What a change will leave behind, and whether it still fits.

``project`` predicts the state after a plan: it chains the commands (in dry runs too),
tells ``verify`` what to expect, and powers the simulator-free tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from qbm.model.change import (
    AddTags,
    Change,
    CreateCategory,
    RemoveTags,
    SetAutoManagement,
    SetCategory,
    TorrentChange,
)
from qbm.model.snapshot import Category, Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN


def project(snapshot: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """The snapshot after ``changes``, in their order; changes of absent torrents do nothing."""
    torrents: dict[TorrentHash, Torrent] = dict(snapshot.torrents)
    categories = dict(snapshot.categories)
    for change in changes:
        if isinstance(change, CreateCategory):
            categories.setdefault(change.name, Category(change.name, change.save_path))
        elif change.hash in torrents:
            torrents[change.hash] = _changed(torrents[change.hash], change, categories)
    return replace(snapshot, torrents=torrents, categories=categories)


def expects(change: Change, snapshot: Snapshot) -> bool:
    """Whether the snapshot still is as the change expects to find it (else it is *stale*)."""
    if isinstance(change, CreateCategory):
        return change.name not in snapshot.categories
    torrent = snapshot.torrents.get(change.hash)
    if torrent is None:
        return False
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
    assert_never(change)


def achieved(change: Change, snapshot: Snapshot) -> bool:
    """Whether the snapshot shows what the change was to leave; nothing else is compared."""
    if isinstance(change, CreateCategory):
        return snapshot.categories.get(change.name) == Category(change.name, change.save_path)
    torrent = snapshot.torrents.get(change.hash)
    if torrent is None:
        return False
    match change:
        case SetCategory():
            return torrent.category == change.after
        case SetAutoManagement():
            return torrent.auto_tmm == change.after
        case AddTags():
            return torrent.tags.issuperset(change.tags)
        case RemoveTags():
            return torrent.tags.isdisjoint(change.tags)
    assert_never(change)


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
    assert_never(change)


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
