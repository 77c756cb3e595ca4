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
    is_updating: bool = False
    """It is being asked just now: ``updating`` in 5.3.0, status 3 before."""


class SimulatedFile(Struct, frozen=True, kw_only=True):
    """A file of a torrent: its path below the save path, and its size in bytes."""

    name: str
    size: int
    progress: float = 1.0
    is_wanted: bool = True
    """Else its priority is 0: it is not to be downloaded."""


class SimulatedTorrent(Struct, frozen=True, kw_only=True):
    """A torrent; times are seconds since 1970, sizes are bytes, ``progress`` is 0 to 1.

    At least one of the two hashes is set (lower case). An empty ``save_path`` is the
    server's default. Without ``files`` there is one, named like the torrent; a magnet whose
    metadata is not there yet has none. ``private`` None is "not known yet". ``num_complete``
    None is the most that a tracker tells. Limits are the Web API's: minutes, -1 for none, -2 for
    the server's own; ``up_limit`` is in bytes per second, ``seeding_time`` in seconds.
    ``found`` is the share of the content that a recheck finds where there is no disk; None is
    as much as ``progress`` says. ``extra`` sets any other field of ``torrents/info``.
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
    ratio: float = 0.0
    seeding_time: int = 0
    num_complete: int | None = None
    up_limit: int = -1
    ratio_limit: float = -2
    seeding_time_limit: int = -2
    inactive_seeding_time_limit: int = -2
    share_limit_action: str = "Default"
    share_limits_mode: str = "Default"
    download_path: str = ""
    found: float | None = None
    metainfo: bytes = b""
    """Its ``.torrent``; without one, a stand-in is exported."""
    trackers: tuple[SimulatedTracker, ...] = ()
    files: tuple[SimulatedFile, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The folder that its content is in: while incomplete, maybe one of its own."""
        return (self.progress < 1 and self.download_path) or self.save_path

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
