"""What one run knows of the world: read once, then only projected, never mutated."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from qbm.model.disk import Tree
from qbm.model.limit import GlobalLimits
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown

_ABSOLUTE = re.compile(r"/|\\\\|[A-Za-z]:[\\/]")


class Category(Struct, frozen=True):
    """A category of the server; an empty ``save_path`` means the server's default."""

    name: str
    save_path: str = ""

    @property
    def folder(self) -> str | Unknown:
        """Where automatic management keeps its torrents.

        Unknown for a path that is empty or relative: it lies under the default save path.
        """
        return self.save_path if _ABSOLUTE.match(self.save_path) else UNKNOWN


class Fact(StrEnum):
    """A fact beyond ``torrents/info`` that costs requests; commands say which they need."""

    TRACKERS = "trackers"
    """The URLs of a torrent's trackers; their status only where it costs nothing more."""
    TRACKER_STATUS = "tracker_status"
    """The trackers with their status and message."""
    PRIVATE = "private"
    SEEDING_TIME = "seeding_time"
    FILES = "files"
    CONTENT = "content"
    """``has_whole_content``, of torrents whose files are known."""
    GLOBAL_LIMITS = "global_limits"
    SIGHTINGS = "sightings"
    RECHECKS = "rechecks"
    TREE = "tree"
    """The roots on the disk, and which of the files there no torrent of any server owns."""
    LINKS = "links"
    """The hard links of the torrents' large files."""


class Sighting(Struct, frozen=True):
    """A torrent that earlier runs have seen unregistered: how many, and when the first did."""

    first_at: datetime
    runs: int


class Snapshot(Struct, frozen=True):
    """The server's torrents (by hash) and categories (by name) at one moment.

    ``is_whole`` says that no torrent was left out: only some may have been asked for.
    ``sightings`` and ``rechecked`` are what the store remembers: of torrents seen unregistered
    by earlier runs, and when a torrent was last rechecked by one. ``removed_at`` counts, by
    tracker host in lower case, the torrents that this run has removed as unregistered in its
    earlier attempts. ``tells_tracker_errors`` says that the server has a status of its own for
    a tracker that refuses a torrent (5), so that no other status means that. ``tree`` is what
    the disk holds beside the torrents.
    """

    torrents: Mapping[TorrentHash, Torrent]
    categories: Mapping[str, Category]
    is_whole: bool = True
    global_limits: GlobalLimits | Unknown = UNKNOWN
    sightings: Mapping[TorrentHash, Sighting] = {}
    rechecked: Mapping[TorrentHash, datetime] = {}
    removed_at: Mapping[str, int] = {}
    tells_tracker_errors: bool = False
    tree: Tree | Unknown = UNKNOWN


class Selection(Struct, frozen=True):
    """Which torrents may be *changed*; facts always come from the whole snapshot.

    ``hashes`` None means all of them. ``unmatched`` are the requested hashes that no torrent
    answers to, ``malformed`` the texts that are no hash: both are warnings, never "all".
    """

    hashes: frozenset[TorrentHash] | None = None
    unmatched: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        """Somebody asked for certain hashes."""
        return self.hashes is not None

    def of(self, snapshot: Snapshot) -> list[Torrent]:
        """The torrents that may be changed, oldest first, then by hash.

        One fixed order, so that a plan does not depend on the order of the server's answer.
        """
        hashes: Collection[TorrentHash] = (
            snapshot.torrents if self.hashes is None else self.hashes & snapshot.torrents.keys()
        )
        return sorted(
            (snapshot.torrents[each] for each in hashes),
            key=lambda torrent: (torrent.added_on, torrent.hash),
        )
