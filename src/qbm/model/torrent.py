"""A torrent as the rules see it: names are those of qBittorrent's Web API."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import NewType

from msgspec import Struct

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


class Torrent(Struct, frozen=True, kw_only=True, gc=False):
    """One torrent, as far as it has been read.

    ``save_path``, ``trackers`` and ``private`` are ``UNKNOWN`` where the server was not asked
    or where a planned change makes them unforeseeable. ``progress`` is 0 to 1. Times are
    aware; ``completion_on`` is None while incomplete.
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

    @property
    def is_complete(self) -> bool:
        """Progress 1 and neither checking nor moving (decisions: *Complete*)."""
        return self.progress >= 1 and self.state not in _UNSETTLED_STATES

    @property
    def identities(self) -> tuple[str, ...]:
        """All hashes it is known by: the server's own, v1 and v2 (hybrids have three)."""
        return (self.hash, self.infohash_v1, self.infohash_v2)
