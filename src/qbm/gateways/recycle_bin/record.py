"""What is written down of a removed torrent: all that it takes to bring it back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

from qbm.gateways.disk import Stamp
from qbm.model.change import Disposal
from qbm.model.limit import ShareLimits
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN

VERSION: Final = 1


class FileState(StrEnum):
    """What has become of a file of a removed torrent."""

    PLANNED = "planned"
    """It is to go to its target; after a kill it may be there already."""
    MOVED = "moved"
    """It is in the bin, at its target."""
    DELETED = "deleted"
    """It is gone for good."""
    KEPT = "kept"
    """It is where it was; ``why`` says why."""
    MISSING = "missing"
    """It was not where it should have been."""
    RESTORED = "restored"
    """It was in the bin, and is back where it was."""


class RecordedFile(Struct, frozen=True, kw_only=True):
    """A file of a removed torrent; ``size`` in bytes, as the torrent has it.

    ``name`` is its path in the torrent; ``source`` where it was in the server's notation,
    ``local`` in this machine's, spelled as the disk does. ``target`` is local, "" if it goes
    nowhere. ``at`` is when it got into its state, such as into the bin.
    """

    name: str
    size: int
    source: str
    local: str = ""
    target: str = ""
    stamp: Stamp | None = None
    state: FileState = FileState.PLANNED
    why: str = ""
    at: datetime | None = None


class Record(Struct, frozen=True, kw_only=True):
    """A removed torrent as it was, why it was removed, and where its files are.

    ``trackers`` hold passkeys, without which it cannot be restored: never show or log them.
    ``can_restore`` says that its ``.torrent`` is kept beside. ``listing`` has its files in the
    order and with the names and priorities that the server told. Else as in ``Torrent``, with
    "" for a path that is not known.
    """

    version: int = VERSION
    run_id: str
    reason: str
    removed_at: datetime
    disposal: Disposal
    hash: TorrentHash
    infohash_v1: str = ""
    infohash_v2: str = ""
    name: str
    category: str = ""
    tags: tuple[str, ...] = ()
    save_path: str = ""
    content_path: str = ""
    download_path: str = ""
    auto_tmm: bool = False
    is_stopped: bool = False
    up_limit: int = 0
    share_limits: ShareLimits = ShareLimits()
    progress: float = 0.0
    total_size: int | None = None
    added_on: datetime
    completion_on: datetime | None = None
    trackers: tuple[str, ...] = ()
    can_restore: bool = False
    files: tuple[RecordedFile, ...] = ()
    listing: tuple[TorrentFile, ...] = ()
    restored_at: datetime | None = None

    @classmethod
    def of(
        cls,
        torrent: Torrent,
        files: Iterable[RecordedFile],
        *,
        run_id: str,
        reason: str,
        removed_at: datetime,
        disposal: Disposal,
    ) -> Self:
        """A record of ``torrent`` as it is now."""
        trackers = () if torrent.trackers is UNKNOWN else torrent.trackers
        return cls(
            run_id=run_id,
            reason=reason,
            removed_at=removed_at,
            disposal=disposal,
            hash=torrent.hash,
            infohash_v1=torrent.infohash_v1,
            infohash_v2=torrent.infohash_v2,
            name=torrent.name,
            category=torrent.category,
            tags=tuple(sorted(torrent.tags)),
            save_path=torrent.save_path or "",
            content_path=torrent.content_path or "",
            download_path=torrent.download_path,
            auto_tmm=torrent.auto_tmm,
            is_stopped=torrent.is_stopped,
            up_limit=torrent.up_limit,
            share_limits=torrent.share_limits,
            progress=torrent.progress,
            total_size=None if torrent.total_size is UNKNOWN else torrent.total_size,
            added_on=torrent.added_on,
            completion_on=torrent.completion_on,
            trackers=tuple(each.url for each in trackers if each.is_real),
            files=tuple(files),
            listing=() if torrent.files is UNKNOWN else torrent.files,
        )
