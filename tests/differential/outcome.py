"""What a run has left behind, flat, so that two of them can be compared key by key."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import libtorrent

from tests.differential.library import FILE_AGE, Shelf
from tests.lab import library
from tests.lab.proxy import Exchange

Outcome: TypeAlias = Mapping[str, Any]

_FIELDS = (
    "category",
    "tags",
    "ratio_limit",
    "seeding_time_limit",
    "inactive_seeding_time_limit",
    "up_limit",
)
_PREFERENCES = (
    "max_ratio_act",
    "max_ratio_enabled",
    "max_seeding_time_enabled",
    "max_inactive_seeding_time_enabled",
)
_STOPPED = frozenset({"pausedUP", "pausedDL", "stoppedUP", "stoppedDL"})
_ASKED = {
    "torrents/start": "started",
    "torrents/resume": "started",
    "torrents/recheck": "rechecked",
}
_POLL_SECONDS = 0.3
_STEADY_SECONDS = 30.0


def torrents_of(shelf: Shelf) -> Outcome:
    """Each torrent's tags, category, limits, and whether it is there and stopped; preferences."""
    there = shelf.server.api.by_hash()
    preferences = shelf.server.api.preferences()
    outcome: dict[str, Any] = {
        f"preferences/{name}": preferences.get(name) for name in _PREFERENCES
    }
    for label, torrent_hash in shelf.hashes.items():
        row = there.get(torrent_hash)
        outcome[f"{label}/is there"] = row is not None
        if row is None:
            continue
        outcome |= {f"{label}/{name}": row.get(name) for name in _FIELDS if name != "tags"}
        outcome[f"{label}/tags"] = frozenset(filter(None, row["tags"].split(", ")))
        outcome[f"{label}/is stopped"] = row["state"] in _STOPPED
    return outcome


def files_of(shelf: Shelf, before: Mapping[str, str]) -> Outcome:
    """Where each content now lies, whether its times were kept, other files, empty folders.

    ``before`` is the ``contents`` of the library as it was built; of equal files in it, one
    stands for all.
    """
    names = {digest: path for path, digest in sorted(before.items(), reverse=True)}
    places: dict[str, list[tuple[str, str]]] = {name: [] for name in names.values()}
    outcome: dict[str, Any] = {}
    for path in sorted(shelf.root.rglob("*")):
        shown = _neutral(shelf, str(path.relative_to(shelf.root)))
        if path.is_dir():
            if not any(path.iterdir()):
                outcome[f"empty folders/{shown}"] = True
        elif name := names.get(_digest(path)):
            places[name].append((shown, "kept" if _is_old(path) else "now"))
        else:
            outcome[f"other files/{shown}"] = _record(shelf, path)
    for name, found in places.items():
        outcome[f"files/{name}"] = tuple(place for place, _ in found)
        outcome[f"times/{name}"] = tuple(time for _, time in found)
    return outcome


def contents(shelf: Shelf) -> dict[str, str]:
    """Each file below the root and its digest."""
    return {
        str(path.relative_to(shelf.root)): _digest(path)
        for path in shelf.root.rglob("*")
        if path.is_file()
    }


def asked_of(shelf: Shelf, exchanges: Iterable[Exchange]) -> Outcome:
    """How often each torrent was started and rechecked."""
    counts: Counter[str] = Counter()
    for exchange in exchanges:
        if what := _ASKED.get(exchange.path):
            hashes = exchange.form["hashes"].split("|")
            counts.update(f"{shelf.labels[one]}/{what}" for one in hashes)
    return counts


def steady(shelf: Shelf) -> Outcome:
    """The server's part once it stays as it is: writes take effect after they are answered.

    Raises:
        UnsettledError: it does not come to rest.
    """
    library.settle(shelf.server, list(shelf.server.api.by_hash()))
    last = torrents_of(shelf)
    deadline = time.monotonic() + _STEADY_SECONDS
    while True:
        time.sleep(_POLL_SECONDS)
        shown = torrents_of(shelf)
        if shown == last:
            return shown
        if time.monotonic() > deadline:
            raise library.UnsettledError(f"still changing after {_STEADY_SECONDS} s")
        last = shown


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > FILE_AGE / 2


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(shelf: Shelf, path: Path) -> Any:
    """What a file says that the programs wrote; servers' own differ in times at least."""
    match path.suffix:
        case ".json":
            record = json.loads(_neutral(shelf, path.read_text(encoding="utf-8")))
            return record | {"files": sorted(record["files"])}
        case ".torrent":
            info = libtorrent.torrent_info(str(path))
            return _neutral(shelf, str(info.info_hashes().get_best()))
        case ".fastresume":
            return "there"
        case _:
            return _digest(path)


def _neutral(shelf: Shelf, text: str) -> str:
    for label, torrent_hash in shelf.hashes.items():
        text = text.replace(torrent_hash, f"<{label}>").replace(torrent_hash[-8:], f"<{label}>")
    return text
