"""The hard links of torrents: how many names their large files have, and how many of them here.

Device and inode together tell a file. Names below the roots and in the bins are counted only
if some file has more than one, and only of such files.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.config.schema.nohardlinks import with_global_options
from qbm.engine.binned import places
from qbm.engine.listing import Lists, listed, listed_anew
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.disk import Scan
from qbm.model.disk import Doubt, FileLinks
from qbm.model.links import large_files, outside_roots
from qbm.model.ownership import homes
from qbm.model.paths import PathMap, is_below
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN

_WILD: Final = re.compile("[*?[]")

_FileKey: TypeAlias = tuple[int, int]
"""A file on the disk whatever its names are: its device and inode."""
_Known: TypeAlias = Mapping[TorrentHash, tuple[FileLinks, ...]]


async def with_links(
    snapshot: Snapshot,
    hashes: Collection[TorrentHash],
    config: Config,
    tools: Tools,
    *,
    may_write: bool,
) -> Snapshot:
    """``snapshot`` with the hard links of the large files of ``hashes``.

    Of a torrent whose files cannot be listed they stay unknown. Without ``may_write`` it is
    not tried out whether a file system's numbers prove anything.

    Raises:
        Interrupted: a stop was requested while the disk was read.
        ServerError: the server could not be read.
        StoreError: the lists of earlier runs could not be read or written.
    """
    torrents = [snapshot.torrents[each] for each in hashes if each in snapshot.torrents]
    if not torrents:
        return snapshot
    looking = _Looking(PathMap(config.directory.roots), may_write=may_write)
    lists = await listed(tools.server, tools.identity, torrents, tools.store)
    known: _Known = await asyncio.to_thread(looking.at, torrents, lists)
    # A file that was renamed in its folder is only missing where an old list says so.
    missed = [each for each in torrents if _lacks(known.get(each.hash, ()))]
    fresh = await listed_anew(tools.server, tools.identity, missed, tools.store)
    known = {**known, **await asyncio.to_thread(looking.at, missed, fresh)}
    if any(each.links > 1 for files in known.values() for each in files):
        known = await _counted(known, snapshot, config, tools)
    found = {each: replace(snapshot.torrents[each], links=files) for each, files in known.items()}
    return replace(snapshot, torrents={**snapshot.torrents, **found})


def _lacks(files: Iterable[FileLinks]) -> bool:
    return any(each.doubt is Doubt.MISSING for each in files)


class _Looking(Struct, frozen=True):
    """Looks at the large files of torrents, each by itself; blocks."""

    paths: PathMap
    may_write: bool

    def at(
        self, torrents: Iterable[Torrent], lists: Lists
    ) -> dict[TorrentHash, tuple[FileLinks, ...]]:
        """The large files of those whose list is known."""
        return {
            each.hash: tuple(self._links(replace(each, files=files)))
            for each in torrents
            if (files := lists.get(each.hash, UNKNOWN)) is not UNKNOWN
        }

    def _links(self, torrent: Torrent) -> Iterator[FileLinks]:
        files = () if torrent.files is UNKNOWN else torrent.files
        folders = homes(torrent)
        return (self._link(file, folders) for file in large_files(files) if file.priority)

    def _link(self, file: TorrentFile, folders: Iterable[str]) -> FileLinks:
        """The file at the first of its places where something is."""
        local = [self.paths.local(f"{folder.rstrip('/')}/{file.name}") for folder in folders]
        places = [each for each in local if each is not None]
        if not places:
            return FileLinks(path=file.name, size=file.size, doubt=Doubt.OUTSIDE)
        try:
            real = next(filter(None, map(disk.find, places)), None)
            found = None if real is None else os.lstat(real)
        except (DiskError, OSError):
            return FileLinks(path=places[0], size=file.size, doubt=Doubt.UNREADABLE)
        if real is None or found is None:
            return FileLinks(path=places[0], size=file.size, doubt=Doubt.MISSING)
        return FileLinks(
            path=real,
            size=file.size,
            device=found.st_dev,
            inode=found.st_ino,
            links=found.st_nlink,
            in_roots=1,
            in_category=1,
            doubt=self._doubt(real, found),
        )

    def _doubt(self, path: str, found: os.stat_result) -> Doubt | None:
        if stat.S_ISLNK(found.st_mode):
            return Doubt.SYMLINK
        if not stat.S_ISREG(found.st_mode):
            return Doubt.MISSING
        return None if disk.proven(path, may_write=self.may_write) else Doubt.UNPROVEN


async def _counted(known: _Known, snapshot: Snapshot, config: Config, tools: Tools) -> _Known:
    """``known`` with the names that were seen in the roots and bins, and in the categories."""
    folders = [*config.directory.remote_dir, *_bins(snapshot, config)]
    scan = await asyncio.to_thread(disk.scan, folders, is_stopped=lambda: tools.stop.is_requested)
    if scan is None:
        raise tools.stop.error("nothing was left half done.")
    return await asyncio.to_thread(_seen, known, scan, snapshot, config)


def _bins(snapshot: Snapshot, config: Config) -> list[str]:
    save_paths = dict.fromkeys(each.save_path or "" for each in snapshot.torrents.values())
    return [each.folder for each in places(config, save_paths)]


def _seen(known: _Known, scan: Scan, snapshot: Snapshot, config: Config) -> _Known:
    names = _names(scan, known)
    # A bin may be missing or empty; a root that is may be one that is not mounted.
    absent = set(config.directory.remote_dir).intersection(scan.absent)
    is_partial = bool(absent or scan.unreadable)
    asking = {
        category
        for category, options in with_global_options(config.nohardlinks).items()
        if options.ignore_root_dir or options.ignore_category_dir
    }
    folders = _category_folders(config, scan)

    def counted(file: FileLinks, category: str) -> FileLinks:
        found = names.get((file.device, file.inode), ())
        if file.doubt is not None or file.links == 1:
            return file
        own = folders.get(category, ())
        inside = sum(any(is_below(name, folder) for folder in own) for name, _ in found)
        seen = replace(
            file,
            links=max([file.links, *(links for _, links in found)]),
            in_roots=max(1, len(found)),
            in_category=max(1, inside),
        )
        is_unsure = is_partial and category in asking and outside_roots(seen) > 0
        return replace(seen, doubt=Doubt.UNSEEN) if is_unsure else seen

    return {
        each: tuple(counted(file, snapshot.torrents[each].category) for file in files)
        for each, files in known.items()
    }


def _names(scan: Scan, known: _Known) -> Mapping[_FileKey, Sequence[tuple[str, int]]]:
    """Each name of the files that have several, with the number of links that it shows."""
    names: dict[_FileKey, list[tuple[str, int]]] = {
        (file.device, file.inode): []
        for files in known.values()
        for file in files
        if file.links > 1 and file.doubt is None
    }
    for folder in scan.folders.values():
        for name, told in folder.files():
            if told.links > 1 and (told.device, told.inode) in names:
                path = f"{folder.path}/{name}"
                names[told.device, told.inode].append((path, told.links))
    return names


def _category_folders(config: Config, scan: Scan) -> Mapping[str, tuple[str, ...]]:
    """The folders of each category that has some under ``cat``, as ``scan`` has met them.

    A folder may be listed under another path, such as where a symbolic link to it leads.
    """
    paths = PathMap(config.directory.roots)
    met = {(each.device, each.inode): each.path for each in scan.folders.values()}
    found = {
        category: [_identity(paths.local(_before_wildcard(each))) for each in entries]
        for category, entries in config.cat.items()
    }
    return {
        category: tuple(met[each] for each in folders if each in met)
        for category, folders in found.items()
    }


def _identity(folder: str | None) -> _FileKey | None:
    """None of a folder that is not there or cannot be reached: no link counts as inside it."""
    try:
        real = folder and disk.find(folder)
        found = Path(real).stat() if real else None
    except (DiskError, OSError):
        return None
    return found and (found.st_dev, found.st_ino)


def _before_wildcard(entry: str) -> str:
    wild = _WILD.search(entry)
    return entry[: wild.start()].rpartition("/")[0] if wild else entry
