"""Values for tests, with everything that a test does not speak of filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from qbm.config import Config
from qbm.model.snapshot import Category, Snapshot
from qbm.model.torrent import State, Torrent, TorrentHash
from qbm.model.tracker import Tracker, TrackerStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADDED = datetime(2026, 1, 1, tzinfo=UTC)


def a_hash(name: str) -> TorrentHash:
    """A hash that depends on ``name`` alone."""
    return TorrentHash(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest())


def a_torrent(key: str = "one", **facts: Any) -> Torrent:
    """A complete, seeding torrent, named for its key, in /data with one working tracker."""
    usual: dict[str, Any] = {
        "hash": a_hash(key),
        "name": key,
        "state": State.STALLED_UP,
        "progress": 1.0,
        "save_path": "/data",
        "content_path": f"/data/{key}",
        "added_on": ADDED,
        "completion_on": ADDED,
        "private": False,
        "trackers": (a_tracker(),),
    }
    return Torrent(**{**usual, **facts})


def a_tracker(url: str = "https://tracker.example.org:443/announce/key") -> Tracker:
    """A working tracker."""
    return Tracker(url, TrackerStatus.WORKING)


def a_snapshot(
    torrents: Iterable[Torrent] = (), categories: Mapping[str, str] | None = None
) -> Snapshot:
    """A server with these torrents and these categories (name to save path)."""
    return Snapshot(
        torrents={each.hash: each for each in torrents},
        categories={name: Category(name, path) for name, path in (categories or {}).items()},
    )


def a_config(**sections: Any) -> Config:
    """A config with these sections, as they would stand in the file."""
    return Config.model_validate({"qbt": {"host": "127.0.0.1:8080"}, **sections})
