"""The copies that ``recyclebin.save_torrents`` puts into the bin, laid out as 4.14.0 does.

``torrents_export/<name> [<last 8 of the hash>].torrent``, from ``torrents_dir``
``torrents/<hash>.torrent`` and ``.fastresume``, and ``torrents_json/<name>.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from qbm.gateways.disk.failures import status, translated
from qbm.gateways.recycle_bin.bin import safe_name
from qbm.gateways.recycle_bin.record import Record
from qbm.gateways.recycle_bin.writing import write
from qbm.model.paths import PathMap

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
