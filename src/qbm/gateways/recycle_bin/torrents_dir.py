"""The ``.torrent`` and ``.fastresume`` that the server keeps itself, in ``BT_backup``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qbm.gateways.disk.failures import translated

_SUFFIXES = (".torrent", ".fastresume")


def kept_by_server(torrents_dir: str, identities: Iterable[str]) -> dict[str, bytes]:
    """The files of one torrent in ``directory.torrents_dir``, by name; none if it has no torrent.

    ``identities`` are all hashes the torrent is known by: old servers name the files by the
    v1 hash, newer ones by the torrent's own.

    Raises:
        DiskError: one is there and cannot be read.
    """
    for identity in filter(None, identities):
        found = {
            f"{identity}{suffix}": raw
            for suffix in _SUFFIXES
            if (raw := _read(Path(torrents_dir) / f"{identity}{suffix}"))
        }
        if f"{identity}.torrent" in found:
            return found
    return {}


def _read(path: Path) -> bytes | None:
    with translated(f"{path} cannot be read"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
