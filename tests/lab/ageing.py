"""Gives torrents on a real server a past: what they have uploaded, how long ago, how long.

A server keeps these numbers in ``BT_backup/<hash>.fastresume`` and believes what it finds
there when it starts (4.2.5 to 5.3.0).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import libtorrent

from tests.lab import library
from tests.lab.servers import Server


@dataclass(frozen=True, slots=True)
class Past:
    """What a complete torrent of ``size`` bytes has behind it."""

    size: int = 1000
    ratio: float = 0.0
    seeding_time: timedelta = timedelta()
    idle: timedelta = timedelta()
    """Since its last activity."""
    age: timedelta = timedelta(days=400)
    """Since it was added, and complete."""


def age(server: Server, pasts: Mapping[str, Past]) -> None:
    """Stops the server, writes the pasts (by hash) and starts it again."""
    library.saved(server, list(pasts))
    server.stop()
    for torrent, past in pasts.items():
        path = server.torrents_folder / f"{torrent}.fastresume"
        resume: Any = libtorrent.bdecode(path.read_bytes())
        path.write_bytes(libtorrent.bencode({**resume, **_fields(past)}))
    server.start()
    library.settle(server, list(pasts))


def _fields(past: Past) -> dict[bytes, int]:
    now = int(time.time())
    active = now - int(past.idle.total_seconds())
    born = now - int(past.age.total_seconds())
    return {
        b"total_downloaded": past.size,
        b"total_uploaded": int(past.ratio * past.size),
        b"seeding_time": int(past.seeding_time.total_seconds()),
        b"finished_time": int(past.seeding_time.total_seconds()),
        b"added_time": born,
        b"completed_time": born,
        b"last_upload": active,
        b"last_download": born,
    }
