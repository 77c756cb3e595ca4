"""A torrent as the rules see it: names are those of qBittorrent's Web API."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from qbm.model.disk import FileLinks
from qbm.model.limit import ShareLimits
from qbm.model.tracker import Tracker
from qbm.model.unknown import UNKNOWN, Unknown

TorrentHash = NewType("TorrentHash", str)
"""40 (v1, or v2 cut short) or 64 hex digits in lower case: what identifies a torrent."""

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def parse_hash(text: str) -> TorrentHash | None:
    """The hash in ``text`` (any case), or None if it is not one.

    qBittorrent takes ``all`` for every torrent and ignores unknown text, so nothing but hex
    digits may ever reach a request.
    """
    lowered = text.strip().lower()
    return TorrentHash(lowered) if _HASH.fullmatch(lowered) else None


class State(StrEnum):
    """A torrent's state, in the words of all supported servers (4.x says paused, 5.x stopped)."""

    ERROR = "error"
    MISSING_FILES = "missingFiles"
    UPLOADING = "uploading"
    PAUSED_UP = "pausedUP"
    STOPPED_UP = "stoppedUP"
    QUEUED_UP = "queuedUP"
    STALLED_UP = "stalledUP"
    CHECKING_UP = "checkingUP"
    FORCED_UP = "forcedUP"
    ALLOCATING = "allocating"
    DOWNLOADING = "downloading"
    META_DL = "metaDL"
    FORCED_META_DL = "forcedMetaDL"
    PAUSED_DL = "pausedDL"
    STOPPED_DL = "stoppedDL"
    QUEUED_DL = "queuedDL"
    STALLED_DL = "stalledDL"
    CHECKING_DL = "checkingDL"
    FORCED_DL = "forcedDL"
    CHECKING_RESUME_DATA = "checkingResumeData"
    MOVING = "moving"
    UNKNOWN = "unknown"


# Nobody knows whether a torrent in one of these has its content in its place.
_UNSETTLED_STATES = frozenset(
    {
        State.CHECKING_UP,
        State.CHECKING_DL,
        State.CHECKING_RESUME_DATA,
        State.MOVING,
        State.UNKNOWN,
    },
)


STOPPED_STATES = frozenset(
    {State.PAUSED_UP, State.PAUSED_DL, State.STOPPED_UP, State.STOPPED_DL},
)
CHECKING_STATES = frozenset(
    {State.CHECKING_UP, State.CHECKING_DL, State.CHECKING_RESUME_DATA},
)


class TorrentFile(Struct, frozen=True, gc=False):
    """A file of a torrent: its path below the folder it is saved in, ``/`` between; bytes.

    ``priority`` 0 is a file that is not to be downloaded.
    """

    name: str
    size: int
    progress: float = 0.0
    priority: int = 1


class Torrent(Struct, frozen=True, kw_only=True, gc=False):
    """One torrent, as far as it has been read.

    What may be ``UNKNOWN`` is so where the server was not asked or cannot say, or where a
    planned change makes it unforeseeable. ``progress`` is 0 to 1, ``total_size`` in bytes,
    ``up_limit`` in bytes per second (0 is none). ``num_complete`` are the swarm's seeds as the
    tracker counts them. Times are aware; ``completion_on`` is None while incomplete,
    ``download_path`` "" if incomplete content is kept in no place of its own.
    ``has_whole_content`` is what the disk says: every file is there at its full size.
    ``links`` are the hard links of its large files.
    """

    hash: TorrentHash
    name: str
    infohash_v1: str = ""
    infohash_v2: str = ""
    category: str = ""
    tags: frozenset[str] = frozenset()
    state: State = State.UNKNOWN
    progress: float = 0.0
    save_path: str | Unknown = UNKNOWN
    content_path: str | Unknown = UNKNOWN
    auto_tmm: bool = False
    added_on: datetime
    completion_on: datetime | None = None
    private: bool | Unknown = UNKNOWN
    trackers: tuple[Tracker, ...] | Unknown = UNKNOWN
    download_path: str = ""
    total_size: int | Unknown = UNKNOWN
    ratio: float | Unknown = UNKNOWN
    num_complete: int | Unknown = UNKNOWN
    seeding_time: timedelta | Unknown = UNKNOWN
    last_activity: datetime | Unknown = UNKNOWN
    up_limit: int = 0
    share_limits: ShareLimits = ShareLimits()
    files: tuple[TorrentFile, ...] | Unknown = UNKNOWN
    has_whole_content: bool | Unknown = UNKNOWN
    links: tuple[FileLinks, ...] | Unknown = UNKNOWN

    @property
    def is_stopped(self) -> bool:
        """Nobody has it run (decisions: *Stopped*)."""
        return self.state in STOPPED_STATES

    @property
    def is_settled(self) -> bool:
        """Its content is neither checked nor moved just now, so it is where it is said to be."""
        return self.state not in _UNSETTLED_STATES

    @property
    def is_complete(self) -> bool:
        """Progress 1 and neither checking nor moving (decisions: *Complete*)."""
        return self.progress >= 1 and self.is_settled

    @property
    def identities(self) -> tuple[str, ...]:
        """All hashes it is known by: the server's own, v1 and v2 (hybrids have three)."""
        return (self.hash, self.infohash_v1, self.infohash_v2)
