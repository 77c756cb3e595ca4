"""What is in the bins, and since when; looked up, nothing touched.

When a file was put there, its record or the store says. Of a file of unknown origin it is the
later of its mtime and ctime: a move changes the ctime (decisions: *Time in a bin*).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from qbm.config import Config
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.disk import IsStopped, ScannedFolder, Stamp
from qbm.gateways.recycle_bin import Bin as RecycleBin
from qbm.gateways.recycle_bin import FileState, Record
from qbm.model.change import MoveFile, RemoveTorrent, RestoreTorrent
from qbm.model.disk import Bin, BinnedFile
from qbm.model.paths import key
from qbm.store import Intent, MovedOrphan

_WILD: Final = re.compile("[*?[]")
_NS: Final = 1_000_000_000


class Place(Struct, frozen=True):
    """A folder of this machine that is a bin."""

    bin: Bin
    folder: str


class Written(Struct, frozen=True):
    """What is written down of files in the bins, by ``paths.key`` of where they are.

    ``put`` has the file that is meant and when it was put there; ``held`` the places of files
    that are still being moved there or back.
    """

    put: Mapping[str, tuple[Stamp | None, datetime]]
    held: frozenset[str]


class Walked(Struct, frozen=True, kw_only=True):
    """What was found in the bins.

    ``files`` are those that nobody is at work with, ``folders`` all below the bins, ``places``
    the bins of which everything is known. ``unreadable`` are the others, with the reason,
    ``refused`` those that are or hold another folder, which is named.
    """

    files: tuple[BinnedFile, ...] = ()
    folders: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def places(config: Config, save_paths: Iterable[str]) -> list[Place]:
    """Where the bins are: as they are named, and with ``split_by_category`` in save paths.

    Those are ``save_paths``, as the server writes them, and the entries of ``cat``; of a
    pattern, the folder before its first wildcard.
    """
    directory = config.directory
    found = [Place(Bin.RECYCLE_BIN, each) for each in directory.recycle_bin]
    found += [Place(Bin.ORPHANED_DIR, each) for each in directory.orphaned_dir]
    if config.recyclebin.split_by_category:
        recycle_bin = RecycleBin.of(config)
        homes = (each for each in [*save_paths, *_listed(config)] if each)
        split = (recycle_bin.folder(home, home) for home in homes)
        found += [Place(Bin.RECYCLE_BIN, each) for each in split if each is not None]
    return list({key(each.folder): each for each in reversed(found)}.values())[::-1]


def _listed(config: Config) -> Iterator[str]:
    """The folders under ``cat``."""
    for entries in config.cat.values():
        for entry in entries:
            wild = _WILD.search(entry)
            yield entry[: wild.start()].rpartition("/")[0] if wild else entry


def written(
    records: Iterable[Record], orphans: Iterable[MovedOrphan], intents: Sequence[Intent]
) -> Written:
    """What is written down, given the records of removals and what was begun and not ended.

    All files of a removal or a restore that has begun are held.
    """
    put: dict[str, tuple[Stamp | None, datetime]] = {}
    held: set[str] = set()
    open_ = begun(intents)
    for record in records:
        is_begun = (record.run_id, record.hash) in open_
        for file in record.files:
            if not file.target:
                continue
            if is_begun or file.state is FileState.PLANNED:
                held.add(key(file.target))
            elif file.state is FileState.MOVED:
                put[key(file.target)] = file.stamp, file.at or record.removed_at
    for orphan in orphans:
        put[key(orphan.target)] = orphan.stamp, orphan.moved_at
    for intent in intents:
        change = intent.planned.change
        if isinstance(change, MoveFile):
            held |= {key(change.source), key(change.target)}
    return Written(put, frozenset(held))


def begun(intents: Iterable[Intent]) -> frozenset[tuple[str, str]]:
    """The removals, by run and hash, that are under way or being undone."""
    return frozenset(_begun(intents))


def _begun(intents: Iterable[Intent]) -> Iterator[tuple[str, str]]:
    for intent in intents:
        match intent.planned.change:
            case RemoveTorrent(hash=torrent):
                yield intent.run_id, torrent
            case RestoreTorrent(hash=torrent, removed_by=removed_by):
                yield removed_by, torrent
            case _:
                continue


def walked(
    wanted: Collection[Bin],
    bins: Sequence[Place],
    apart: Collection[str],
    known: Written,
    is_stopped: IsStopped = lambda: False,
) -> Walked | None:
    """What is in those of ``bins`` that are ``wanted``; None if it was stopped.

    A bin that is or holds one of the folders in ``apart`` is refused. One bin in another is
    looked at by itself alone. Blocks.
    """
    walking = _Walking(apart, known, {key(each.folder) for each in bins}, is_stopped)
    for place in bins:
        if place.bin in wanted and not walking.look_into(place):
            return None
    return walking.walked()


class _Walking:
    def __init__(
        self,
        apart: Collection[str],
        known: Written,
        bins: Collection[str],
        is_stopped: IsStopped,
    ) -> None:
        self._apart = apart
        self._numbers = {numbers: each for each in apart if (numbers := _numbers(each)) is not None}
        self._known = known
        self._bins = bins
        self._is_stopped = is_stopped
        self._met: set[tuple[int, int]] = set()
        self._files: list[BinnedFile] = []
        self._folders: list[str] = []
        self._places: list[Place] = []
        self._unreadable: list[tuple[str, str]] = []
        self._refused: list[tuple[str, str]] = []

    def walked(self) -> Walked:
        """All that was found."""
        return Walked(
            files=tuple(self._files),
            folders=tuple(self._folders),
            places=tuple(self._places),
            unreadable=tuple(self._unreadable),
            refused=tuple(self._refused),
        )

    def look_into(self, place: Place) -> bool:
        """Take up one bin, if it is there; False if a stop was asked for."""
        try:
            if not disk.has_entries(disk.find(place.folder) or place.folder):
                return True
        except DiskError as error:
            self._unreadable.append((place.folder, str(error)))
            return True
        held = disk.held_by(place.folder, self._apart)
        if held is not None:
            self._refused.append((place.folder, held))
            return True
        scan = disk.scan([place.folder], is_entered=self._is_entered, is_stopped=self._is_stopped)
        if scan is None:
            return False
        if scan.unreadable:
            self._unreadable.append((place.folder, scan.unreadable[0][1]))
            return True
        folders = list(scan.folders.values())
        # A mount inside the bin can show a folder that is nowhere above or below it by name.
        mounted = (self._numbers.get((each.device, each.inode)) for each in folders)
        if (held := next(filter(None, mounted), None)) is not None:
            self._refused.append((place.folder, held))
            return True
        self._take(place, folders)
        return True

    def _is_entered(self, folder: str) -> bool:
        return key(folder) not in self._bins

    def _take(self, place: Place, folders: Sequence[ScannedFolder]) -> None:
        """What was listed; nothing of a bin that was met under another name."""
        numbers = {(each.device, each.inode) for each in folders}
        if not folders or not numbers.isdisjoint(self._met):
            return
        self._met |= numbers
        self._places.append(place)
        self._folders += (each.path for each in folders[1:])
        for folder in folders:
            self._files += self._files_in(folder, place.bin)

    def _files_in(self, folder: ScannedFolder, bin_: Bin) -> Iterator[BinnedFile]:
        at = key(folder.path)
        for name, stamp, changed_ns in _entries(folder):
            where = f"{at}/{unicodedata.normalize('NFC', name)}"
            if where in self._known.held:
                continue
            put_at = self._put_at(where, stamp)
            latest = max(stamp.mtime_ns, changed_ns)
            yield BinnedFile(
                bin=bin_,
                path=f"{folder.path.rstrip('/')}/{name}",
                stamp=stamp,
                put_at=put_at or datetime.fromtimestamp(latest / _NS, UTC),
                is_recorded=put_at is not None,
            )

    def _put_at(self, where: str, found: Stamp) -> datetime | None:
        """When this very file was put there; None if nobody has written that down.

        A copy on another device has other numbers, but the same size and mtime.
        """
        stamp, at = self._known.put.get(where, (None, None))
        if stamp is None or (stamp.size, stamp.mtime_ns) != (found.size, found.mtime_ns):
            return None
        return at


def _numbers(folder: str) -> tuple[int, int] | None:
    """Which folder it is; None if that cannot be told."""
    try:
        found = Path(folder).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _entries(folder: ScannedFolder) -> Iterator[tuple[str, Stamp, int]]:
    """The files and symbolic links of a folder, with their ctime in nanoseconds."""
    for name, numbers in folder.files():
        yield name, numbers.stamp, numbers.ctime_ns
    for name in folder.symlinks:
        try:
            found = Path(folder.path, name).lstat()
        except OSError:  # it is gone, or will be looked at by the next run
            continue
        stamp = Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        yield name, stamp, found.st_ctime_ns
