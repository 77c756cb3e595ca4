"""The files of torrents: their lists from the server, and whether the disk has them whole."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from qbm.config import Config
from qbm.gateways.disk import whole_content
from qbm.gateways.qbittorrent import QBittorrent
from qbm.model.ownership import homes
from qbm.model.paths import PathMap
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown


async def with_files(
    server: QBittorrent, torrents: Mapping[TorrentHash, Torrent], hashes: Collection[TorrentHash]
) -> Mapping[TorrentHash, Torrent]:
    """``torrents``, of which those of ``hashes`` have their files.

    Raises:
        ServerError: the server could not be read.
    """
    unread = [each for each in hashes if each in torrents and torrents[each].files is UNKNOWN]
    lists = await server.files(unread) if unread else {}
    read = {each: replace(torrents[each], files=files) for each, files in lists.items()}
    return {**torrents, **read}


async def with_content(
    server: QBittorrent, snapshot: Snapshot, hashes: Collection[TorrentHash], config: Config
) -> Snapshot:
    """``snapshot`` with the files of ``hashes``, and what the disk has of them.

    Raises:
        ServerError: the server could not be read.
    """
    if not hashes:
        return snapshot
    torrents = await with_files(server, snapshot.torrents, hashes)
    paths = PathMap(config.directory.roots)
    found = await asyncio.to_thread(_looked_at, [torrents[each] for each in hashes], paths)
    return replace(snapshot, torrents={**torrents, **found})


def _looked_at(torrents: Collection[Torrent], paths: PathMap) -> dict[TorrentHash, Torrent]:
    return {
        each.hash: replace(each, has_whole_content=_has_whole_content(each, paths))
        for each in torrents
    }


def _has_whole_content(torrent: Torrent, paths: PathMap) -> bool | Unknown:
    """Whether every wanted file is there, in any one of the folders that it can lie in."""
    if torrent.files is UNKNOWN:
        return UNKNOWN
    wanted = [each for each in torrent.files if each.priority]
    answers = [_is_whole_in(home, wanted, paths) for home in homes(torrent)]
    if True in answers:
        return True
    return UNKNOWN if not answers or UNKNOWN in answers else False


def _is_whole_in(home: str, files: Collection[TorrentFile], paths: PathMap) -> bool | Unknown:
    folder = paths.local(home)
    if folder is None:
        return UNKNOWN
    return whole_content((f"{folder}/{each.name}", each.size) for each in files)
