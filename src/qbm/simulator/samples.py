"""Makes libraries that look like somebody's, of any size and always the same for a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from random import Random

from qbm.model.torrent import State
from qbm.model.tracker import TrackerStatus
from qbm.simulator.records import NEVER, SimulatedFile, SimulatedTorrent, SimulatedTracker

NOW = 1_767_225_600
"""2026-01-01: where the samples' times end unless told otherwise."""

FOLDERS: Mapping[str, str] = {
    "movies": "/downloads/movies",
    "tv": "/downloads/tv",
    "music": "/downloads/music",
    "books": "/downloads/books",
    "": "/downloads",
}
"""The folders that torrents lie in, by what is kept there."""

TRACKERS: Mapping[str, str] = {
    "films": "https://tracker.films.example/announce/{passkey}",
    "series": "https://series.example:2053/announce?passkey={passkey}",
    "music": "http://announce.music.example/{passkey}/announce",
    "open": "udp://open.example:1337/announce",
}
"""Their trackers' URLs by a word that tags them."""

_PRIVATE = frozenset({"films", "series", "music"})
_YEAR = 365 * 86_400
_WORDS = (
    *("Silent", "Golden", "Northern", "Hidden", "Last", "Paper", "Iron", "Quiet", "Second"),
    *("Harbour", "Garden", "Winter", "Island", "Letter", "Mountain", "River", "Signal", "Night"),
)
_PLACES = tuple(FOLDERS.values())
_HOSTS = tuple(TRACKERS)
_TROUBLES = (
    (TrackerStatus.NOT_WORKING, "Connection refused"),
    (TrackerStatus.TRACKER_ERROR, "Unregistered torrent"),
    (TrackerStatus.TRACKER_ERROR, "Invalid passkey"),
    (TrackerStatus.NOT_CONTACTED, ""),
)


def sample_torrents(
    count: int,
    *,
    seed: int = 0,
    now: int = NOW,
    hybrid: float = 0.05,
    v2_only: float = 0.02,
    incomplete: float = 0.05,
    stopped: float = 0.2,
    troubled: float = 0.05,
) -> Iterator[SimulatedTorrent]:
    """``count`` torrents without categories or tags, as a new user's library has them.

    The last five are shares of the whole, 0 to 1. ``now`` is in seconds since 1970. A server
    of 4.2 takes no v2-only torrents: give it ``v2_only=0``.
    """
    draw = Random(seed)  # noqa: S311 - samples, not secrets
    for number in range(count):
        is_done = draw.random() >= incomplete
        digest = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
        version = draw.random()
        added_on = now - draw.randrange(3600, 3 * _YEAR)
        completion_on = min(now, added_on + draw.randrange(60, 86_400)) if is_done else NEVER
        host = draw.choice(_HOSTS)
        name = _name(draw, number)
        progress = 1.0 if is_done else round(draw.random() * 0.99, 4)
        files = _files(draw, name, progress)
        yield SimulatedTorrent(
            name=name,
            infohash_v1="" if version < v2_only else digest[:40],
            infohash_v2=digest[::-1] if version < v2_only + hybrid else "",
            state=_state(is_done=is_done, is_stopped=draw.random() < stopped),
            progress=progress,
            save_path=draw.choice(_PLACES),
            added_on=added_on,
            completion_on=completion_on,
            last_activity=draw.randrange(added_on, now),
            size=sum(each.size for each in files),
            private=host in _PRIVATE,
            trackers=(_tracker(draw, host, is_troubled=draw.random() < troubled),),
            files=files,
        )


def _name(draw: Random, number: int) -> str:
    words = ".".join(draw.sample(_WORDS, 3))
    return f"{words}.{1960 + number % 65}.{draw.choice(('1080p', '720p', 'FLAC', 'EPUB'))}"


def _files(draw: Random, name: str, progress: float) -> tuple[SimulatedFile, ...]:
    size = draw.randrange(1 << 20, 8 << 30)
    if draw.random() < 0.5:  # noqa: PLR2004 - one in two
        return (SimulatedFile(name=f"{name}.mkv", size=size, progress=progress),)
    return (
        SimulatedFile(name=f"{name}/{name}.mkv", size=size, progress=progress),
        SimulatedFile(name=f"{name}/{name}.nfo", size=4096, progress=progress),
    )


def _state(*, is_done: bool, is_stopped: bool) -> State:
    if is_stopped:
        return State.STOPPED_UP if is_done else State.STOPPED_DL
    return State.STALLED_UP if is_done else State.STALLED_DL


def _tracker(draw: Random, host: str, *, is_troubled: bool) -> SimulatedTracker:
    url = TRACKERS[host].format(passkey=f"{draw.getrandbits(64):016x}")
    if not is_troubled:
        seeds = draw.randrange(1, 200)
        return SimulatedTracker(url=url, num_seeds=seeds, num_leeches=draw.randrange(20))
    status, msg = draw.choice(_TROUBLES)
    return SimulatedTracker(url=url, status=status, msg=msg)
