"""Describes a library once and builds it alike on any number of servers."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import libtorrent

from tests.lab import library
from tests.lab.library import Content
from tests.lab.servers import Server
from tests.lab.torrents import Torrent

_DAY = 86_400
FILE_AGE = 10 * _DAY
"""Seconds since every file of a library was last written."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a torrent has behind it: a ratio, the time it has seeded, its last activity."""

    ratio: float
    seeding_time: timedelta
    active_ago: timedelta


@dataclass(frozen=True, slots=True)
class Entry:
    """One torrent of a library; ``label`` names it in what is compared.

    ``place`` is its save path below the root. ``limits`` are of ``torrents/setShareLimits``.
    """

    label: str
    torrent: Torrent
    place: str = "seeds"
    category: str = ""
    tags: tuple[str, ...] = ()
    content: Content = Content.COMPLETE
    is_stopped: bool = True
    past: Past | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    up_limit: int = 0


@dataclass(frozen=True, slots=True)
class Shelf:
    """A library on one server, its content below ``root``."""

    server: Server
    root: Path
    hashes: Mapping[str, str]
    """Each label's hash."""

    @property
    def labels(self) -> dict[str, str]:
        """Each hash's label."""
        return {torrent_hash: label for label, torrent_hash in self.hashes.items()}


def build(server: Server, entries: Sequence[Entry]) -> Shelf:
    """Adds all entries, gives them their past, and waits until their trackers have answered."""
    root = server.save_path
    hashes: dict[str, str] = {}
    for alike in _alike(entries):
        first = alike[0]
        added = library.add(
            server,
            *(entry.torrent for entry in alike),
            content=first.content,
            is_stopped=first.is_stopped,
            category=first.category,
            save_path=root / first.place,
        )
        hashes |= {entry.label: one for entry, one in zip(alike, added, strict=True)}
    shelf = Shelf(server, root, hashes)
    _give_tags(shelf, entries)
    _give_past(shelf, entries)
    _give_limits(shelf, entries)
    for entry in entries:
        if entry.torrent.trackers and not entry.is_stopped:
            library.announced(server, hashes[entry.label])
    age_files(root)
    return shelf


def age_files(root: Path) -> None:
    """Every file below ``root`` was last written ``FILE_AGE`` ago."""
    then = time.time() - FILE_AGE
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def _alike(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Those that one request can add."""
    groups: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.content, entry.is_stopped, entry.category, entry.place].append(entry)
    return groups.values()


def _give_tags(shelf: Shelf, entries: Iterable[Entry]) -> None:
    for entry in entries:
        if entry.tags:
            form = {"hashes": shelf.hashes[entry.label], "tags": ",".join(entry.tags)}
            shelf.server.api.post("torrents/addTags", **form)


def _give_limits(shelf: Shelf, entries: Iterable[Entry]) -> None:
    post = shelf.server.api.post
    for entry in entries:
        one = shelf.hashes[entry.label]
        if entry.limits:
            every = {"ratioLimit": -2, "seedingTimeLimit": -2, "inactiveSeedingTimeLimit": -2}
            post("torrents/setShareLimits", hashes=one, **(every | dict(entry.limits)))
        if entry.up_limit:
            post("torrents/setUploadLimit", hashes=one, limit=entry.up_limit)


def _give_past(shelf: Shelf, entries: Iterable[Entry]) -> None:
    """Writes it into the server's own files while that is stopped."""
    pasts = {shelf.hashes[entry.label]: entry.past for entry in entries if entry.past}
    if not pasts:
        return
    server = shelf.server
    library.saved(server, shelf.hashes.values())
    server.stop()
    for torrent_hash, past in pasts.items():
        file = server.torrents_folder / f"{torrent_hash}.fastresume"
        known: Any = libtorrent.bdecode(file.read_bytes())
        file.write_bytes(libtorrent.bencode(known | _resume_fields(past)))
    server.start()
    library.settle(server, list(shelf.hashes.values()))


def _resume_fields(past: Past) -> dict[bytes, int]:
    now = int(time.time())
    size = 1000
    seconds = int(past.seeding_time.total_seconds())
    return {
        b"added_time": now - 3 * _DAY,
        b"completed_time": now - 3 * _DAY,
        b"last_download": now - 3 * _DAY,
        b"last_upload": now - int(past.active_ago.total_seconds()),
        b"total_downloaded": size,
        b"total_uploaded": int(past.ratio * size),
        b"active_time": seconds,
        b"finished_time": seconds,
        b"seeding_time": seconds,
    }
