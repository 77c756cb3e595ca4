"""The copies that ``recyclebin.save_torrents`` puts into the bin, laid out as 4.14.0 does.

``torrents_export/<name> [<last 8 of the hash>].torrent``, from ``torrents_dir``
``torrents/<hash>.torrent`` and ``.fastresume``, and ``torrents_json/<name>.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from qbm.gateways.disk.failures import status, translated
from qbm.gateways.recycle_bin.bin import safe_name
from qbm.gateways.recycle_bin.record import Record
from qbm.gateways.recycle_bin.writing import write
from qbm.model.metainfo import metainfo_of
from qbm.model.paths import PathMap
from qbm.model.torrent import TorrentHash

_SHORT_HASH = 8


def save_classic(
    folder: str,
    record: Record,
    paths: PathMap,
    *,
    exported: bytes | None,
    kept: Mapping[str, bytes],
    deletes_content: bool,
) -> list[str]:
    """Write the copies of one removed torrent into the bin at ``folder``; answers their paths.

    ``exported`` is its ``.torrent`` from the server, ``kept`` what was in ``torrents_dir``;
    ``deletes_content`` says whether its files leave their place. Two torrents of one name have
    a file each in ``torrents_json``. Readable by this user alone: a ``.torrent`` holds a
    passkey.

    Raises:
        DiskError: one cannot be written.
    """
    files: dict[str, bytes] = {}
    export_name = safe_name(f"{record.name} [{record.hash[-_SHORT_HASH:]}].torrent")
    if exported:
        files[f"torrents_export/{export_name}"] = exported
    files |= {f"torrents/{safe_name(name)}": raw for name, raw in kept.items()}
    listed = [export_name] * bool(exported) + sorted(kept)
    with translated(f"The copy of a removed torrent cannot be written to {folder}"):
        files[f"torrents_json/{_json_name(folder, record)}"] = _described(
            record, paths, listed, deletes_content=deletes_content
        )
        for name, raw in files.items():
            os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
            write(os.path.join(folder, name), raw)
    return [os.path.join(folder, each) for each in files]


class ClassicCopy(Struct, frozen=True, kw_only=True):
    """What the copies in a bin tell of one removed torrent; ``torrent`` is its ``.torrent``.

    ``files`` are those of ``torrents_json``: below the root, or whole paths. ``resume`` is its
    ``.fastresume``, b"" without one; ``kept_at`` when the copy was made.
    """

    name: str = ""
    category: str = ""
    files: tuple[str, ...] = ()
    torrent: bytes
    resume: bytes = b""
    kept_at: datetime


def classic_copies(folder: str) -> list[ClassicCopy]:
    """The removed torrents that have a ``.torrent`` in the bin at ``folder``; others are left out.

    Of one that is in both folders, the one that the server exported counts: the other is
    there for its ``.fastresume``.

    Raises:
        DiskError: a copy is there and cannot be read.
    """
    described = _descriptions(folder)
    kept = {each.name: each for each in _files_in(folder, "torrents")}
    found: dict[tuple[TorrentHash, ...], ClassicCopy] = {}
    for path in [*_files_in(folder, "torrents_export"), *kept.values()]:
        raw = _read(path) if path.suffix == ".torrent" else b""
        try:
            hashes = metainfo_of(raw).hashes
        except ValueError:
            continue
        if hashes in found:
            continue
        resumes = (kept.get(f"{each}.fastresume") for each in hashes)
        resume = next(filter(None, resumes), None)
        told = described.get(path.name) or next(
            (described[f"{each}.torrent"] for each in hashes if f"{each}.torrent" in described), {}
        )
        found[hashes] = ClassicCopy(
            name=str(told.get("torrent_name", "")),
            category=str(told.get("category", "")),
            files=tuple(map(str, told.get("files", ()))),
            torrent=raw,
            resume=_read(resume) if resume else b"",
            kept_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )
    return list(found.values())


def _descriptions(folder: str) -> dict[str, dict[str, Any]]:
    """What ``torrents_json`` says, by the name of each copy that it lists."""
    found: dict[str, dict[str, Any]] = {}
    for path in _files_in(folder, "torrents_json"):
        try:
            told = json.loads(_read(path))
            listed = [name for names in told["tracker_torrent_files"].values() for name in names]
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # not one of these
        found |= dict.fromkeys(map(str, listed), told)
    return found


def _files_in(folder: str, below: str) -> list[Path]:
    with translated(f"The bin {folder} cannot be read"):
        try:
            return sorted(each for each in Path(folder, below).iterdir() if each.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _read(path: Path) -> bytes:
    with translated(f"{path} cannot be read"):
        return path.read_bytes()


def _json_name(folder: str, record: Record) -> str:
    """``<name>.json``, or with the hash in it where another torrent has that."""
    usual = safe_name(f"{record.name}.json")
    written = os.path.join(folder, "torrents_json", usual)
    if status(written) is None or _speaks_of(written, record):
        return usual
    return safe_name(f"{record.name} [{record.hash[-_SHORT_HASH:]}].json")


def _speaks_of(path: str, record: Record) -> bool:
    with open(path, "rb") as file:
        raw = file.read()
    return record.hash.encode() in raw or f"[{record.hash[-_SHORT_HASH:]}]".encode() in raw


def _described(
    record: Record, paths: PathMap, listed: list[str], *, deletes_content: bool
) -> bytes:
    tracker = next((_origin(each) for each in record.trackers), "")
    described = {
        "torrent_name": record.name,
        "category": record.category,
        "tracker_torrent_files": {tracker: listed},
        "files": [paths.relative(each.source) or each.source for each in record.files],
        "deleted_contents": deletes_content,
    }
    return json.dumps(described, indent=4).encode("ascii")


def _origin(url: str) -> str:
    """Scheme, host and port: neither a user nor a passkey."""
    scheme, place = urlsplit(url)[:2]
    return f"{scheme}://{place.rpartition('@')[2]}"
