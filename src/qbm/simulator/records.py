"""What the simulator holds: torrents, trackers, files and categories, as plain frozen values.

They speak qBittorrent's newest words (``stoppedUP``, tracker status 5); ``shapes`` turns
them into what an older server would say.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus

NEVER = -1
"""A time that has not come, such as the completion of an incomplete torrent."""


class SimulatedTracker(Struct, frozen=True, kw_only=True):
    """A tracker of a torrent; -1 is "not told by the tracker"."""

    url: str
    status: TrackerStatus = TrackerStatus.WORKING
    msg: str = ""
    tier: int = 0
    num_seeds: int = -1
    num_leeches: int = -1
    num_downloaded: int = -1


class SimulatedFile(Struct, frozen=True, kw_only=True):
    """A file of a torrent: its path below the save path, and its size in bytes."""

    name: str
    size: int
    progress: float = 1.0


class SimulatedTorrent(Struct, frozen=True, kw_only=True):
    """A torrent; times are seconds since 1970, sizes are bytes, ``progress`` is 0 to 1.

    At least one of the two hashes is set (lower case). An empty ``save_path`` is the
    server's default. Without ``files`` there is one, named like the torrent; a magnet whose
    metadata is not there yet has none. ``private`` None is "not known yet". ``extra`` sets
    any other field of ``torrents/info``, such as ``ratio`` or ``num_complete``.
    """

    name: str
    infohash_v1: str = ""
    infohash_v2: str = ""
    category: str = ""
    tags: frozenset[str] = frozenset()
    state: State = State.STALLED_UP
    progress: float = 1.0
    save_path: str = ""
    auto_tmm: bool = False
    added_on: int = 1_750_000_000
    completion_on: int = NEVER
    last_activity: int = 1_750_000_000
    size: int = 1 << 30
    piece_size: int = 1 << 20
    private: bool | None = False
    has_metadata: bool = True
    trackers: tuple[SimulatedTracker, ...] = ()
    files: tuple[SimulatedFile, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def listing(self) -> tuple[SimulatedFile, ...]:
        """Its files, also where none were named."""
        if self.files or not self.has_metadata:
            return self.files
        return (SimulatedFile(name=self.name, size=self.size, progress=self.progress),)


class SimulatedCategory(Struct, frozen=True):
    """A category; an empty path means "the default save path and the category's name".

    ``download_path`` None is "as the server does", False is "none".
    """

    name: str
    save_path: str = ""
    download_path: str | bool | None = None
