"""Lists all files below some roots, with their numbers, in little memory.

Each file costs its name and six integers: a million files are some 200 MB. Folders are
known by device and inode, so that one that is reached twice (nested roots, bind mounts) is
listed once.
"""

from __future__ import annotations

import errno
import os
import stat
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from qbm.gateways.disk.claims import is_temporary
from qbm.gateways.disk.copying import IsStopped
from qbm.gateways.disk.failures import disk_error, shown
from qbm.gateways.disk.finding import find
from qbm.model.stamp import Stamp

_NUMBERS: Final = 6
"""Per file: device, inode, links, size, mtime, ctime."""
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_LARGEST_SIGNED: Final = 2**63
_ALL: Final = 2**64


class FileStat(NamedTuple):
    """What ``lstat`` says of a file: ``links`` is its ``st_nlink``, ``size`` in bytes."""

    device: int
    inode: int
    links: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def stamp(self) -> Stamp:
        """What tells it from another file at the same path."""
        return Stamp(self.device, self.inode, self.size, self.mtime_ns)


class ScannedFolder:
    """A folder as it was listed: its regular files by name, and its symbolic links.

    ``device`` and ``inode`` are the folder's own.
    """

    __slots__ = ("_numbers", "device", "inode", "names", "path", "symlinks")

    def __init__(self, path: str, device: int, inode: int) -> None:
        self.path = path
        self.device = device
        self.inode = inode
        self.names: list[str] = []
        self.symlinks: list[str] = []
        self._numbers = array("q")

    def add(self, name: str, found: os.stat_result) -> None:
        """Take down a regular file."""
        self.names.append(name)
        self._numbers.extend(
            (
                _signed(found.st_dev),
                _signed(found.st_ino),
                found.st_nlink,
                found.st_size,
                found.st_mtime_ns,
                found.st_ctime_ns,
            )
        )

    def stat(self, index: int) -> FileStat:
        """The numbers of the file ``names[index]``."""
        device, inode, *others = self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS]
        return FileStat(device % _ALL, inode % _ALL, *others)

    def files(self) -> Iterator[tuple[str, FileStat]]:
        """Each file with its numbers."""
        return ((name, self.stat(index)) for index, name in enumerate(self.names))


@dataclass(frozen=True, slots=True)
class Scan:
    """All that was listed: the folders by path, in the order in which they were met.

    ``absent`` are roots that are missing, no folders, or empty. ``unreadable`` are places of
    which not all is known, each with the reason in words.
    """

    folders: Mapping[str, ScannedFolder]
    absent: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


def scan(
    roots: Sequence[str],
    *,
    is_entered: Callable[[str], bool] = lambda _: True,
    is_stopped: IsStopped = lambda: False,
) -> Scan | None:
    """List ``roots`` and all below them; None if it was stopped.

    Symbolic links are never followed, but for a root that is one. ``is_entered`` is asked for
    each folder below the roots. What vanishes meanwhile is left out; what cannot be read, or
    is another file system at the end than it was, is ``unreadable``. Temporary names of
    ``disk.move`` are left out.
    """
    listing = _Listing(is_entered)
    for root in roots:
        listing.begin(root)
        while listing.unread:
            if is_stopped():
                return None
            listing.read(listing.unread.pop())
    listing.look_again()
    return Scan(listing.folders, tuple(listing.absent), tuple(listing.unreadable))


@dataclass(slots=True)
class _Listing:
    is_entered: Callable[[str], bool]
    folders: dict[str, ScannedFolder] = field(default_factory=dict)
    unread: list[tuple[str, int, int]] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    _met: set[tuple[int, int]] = field(default_factory=set)
    _mounts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def begin(self, root: str) -> None:
        """Take up a root; one that is not there is absent, whatever the spelling."""
        try:
            real = find(root) or root
            found = os.stat(real)
            with os.scandir(real) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            if error.errno in _GONE:
                self.absent.append(root)
            else:
                self._cannot_read(root, error)
            return
        if is_empty:
            self.absent.append(root)
            return
        self._mounts[real] = found.st_dev, found.st_ino
        self._meet(real, found)

    def read(self, place: tuple[str, int, int]) -> None:
        """List one folder."""
        folder = ScannedFolder(*place)
        try:
            with os.scandir(folder.path) as entries:
                for entry in entries:
                    self._take(folder, entry)
        except OSError as error:
            if error.errno not in _GONE:
                self._cannot_read(folder.path, error)
            return
        self.folders[folder.path] = folder

    def look_again(self) -> None:
        """A mount that is gone by now left part of the tree unseen."""
        for path, before in self._mounts.items():
            try:
                found = os.stat(path)
            except OSError as error:
                self._cannot_read(path, error)
                continue
            if before != (found.st_dev, found.st_ino):
                self.unreadable.append((path, "another file system was mounted there meanwhile"))

    def _take(self, folder: ScannedFolder, entry: os.DirEntry[str]) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError as error:
            if error.errno not in _GONE:
                self._cannot_read(entry.path, error)
            return
        if stat.S_ISREG(found.st_mode):
            if not is_temporary(entry.name):
                folder.add(entry.name, found)
        elif stat.S_ISLNK(found.st_mode):
            folder.symlinks.append(entry.name)
        elif stat.S_ISDIR(found.st_mode) and self.is_entered(entry.path):
            if found.st_dev != folder.device:
                self._mounts[entry.path] = found.st_dev, found.st_ino
            self._meet(entry.path, found)

    def _meet(self, path: str, found: os.stat_result) -> None:
        which = found.st_dev, found.st_ino
        if which not in self._met:
            self._met.add(which)
            self.unread.append((path, *which))

    def _cannot_read(self, path: str, error: OSError) -> None:
        self.unreadable.append((path, str(disk_error(f"{shown(path)} cannot be read", error))))


def _signed(number: int) -> int:
    """An unsigned 64-bit number as an array keeps it: some file systems use all the bits."""
    return number if number < _LARGEST_SIGNED else number - _ALL
