"""Lists all files below some roots, with their numbers, in little memory.

Each file costs its name and six integers: a million files are some 200 MB. Folders are
known by device and inode, so that one that is reached twice (nested roots, bind mounts) is
listed once, and one that another took the place of meanwhile is not taken for it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
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
_KIND: Final = 0o170000
"""The bits of ``st_mode`` that ``stat.S_IFMT`` leaves."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY
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
        self.names: Sequence[str] = ()
        self.symlinks: Sequence[str] = ()
        self._numbers = array("q")

    def take(self, names: Sequence[str], numbers: Sequence[int], symlinks: Sequence[str]) -> None:
        """Take down what is in it; six numbers for each name, in the order of a ``FileStat``."""
        # Tuples of text are nothing that the garbage collector would look through again and again.
        self.names, self.symlinks = tuple(names), tuple(symlinks)
        try:
            self._numbers = array("q", numbers)
        except OverflowError:
            self._numbers = array("q", map(_signed, numbers))

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
    which not all is known, each with the reason in words. ``began_ns`` is when it was begun, in
    nanoseconds since 1970.
    """

    folders: Mapping[str, ScannedFolder]
    absent: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    began_ns: int = 0


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
    began_ns = time.time_ns()
    listing = _Listing(is_entered)
    for root in roots:
        listing.begin(root)
        while listing.unread:
            if is_stopped():
                return None
            listing.read(listing.unread.pop())
    listing.look_again()
    return Scan(listing.folders, tuple(listing.absent), tuple(listing.unreadable), began_ns)


@dataclass(slots=True)
class _Listing:
    is_entered: Callable[[str], bool]
    folders: dict[str, ScannedFolder] = field(default_factory=dict)
    unread: list[ScannedFolder] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    _met: set[tuple[int, int]] = field(default_factory=set)
    _mounts: dict[str, tuple[int, int]] = field(default_factory=dict)
    _root: str = ""
    _real: str = ""

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
        self._root, self._real = real.rstrip("/"), os.path.realpath(real).rstrip("/")
        self._meet(real, found, device=None)

    def read(self, folder: ScannedFolder) -> None:
        """List one folder that was met."""
        path = folder.path
        try:
            opened = os.open(path, _FOLDER)
        except OSError as error:
            if error.errno not in _GONE or not self._is_gone(path):
                self._cannot_read(path, error)
            return
        try:
            found = os.fstat(opened)
            is_same = found.st_ino == folder.inode and found.st_dev == folder.device
            if is_same or self._is_mounted(folder, found):
                self._list(folder, opened)
                self.folders[path] = folder
        except OSError as error:
            self._cannot_read(path, error)
        finally:
            os.close(opened)

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

    def _is_mounted(self, folder: ScannedFolder, found: os.stat_result) -> bool:
        """What was opened was mounted there since, as NFS and autofs do, and is new to us."""
        path, which = folder.path, (found.st_dev, found.st_ino)
        above = self.folders.get(os.path.dirname(path))
        is_there = os.path.realpath(path) == self._real + path[len(self._root) :]
        if above is None or above.device == found.st_dev or not is_there:
            self.unreadable.append((path, "another folder or a link took its place meanwhile"))
            return False
        if which in self._met:
            return False
        self._met.add(which)
        folder.device, folder.inode = self._mounts[path] = which
        return True

    def _is_gone(self, path: str) -> bool:
        """It is, and not some folder above it: then nothing is known of what was in that one."""
        while (above := self.folders.get(os.path.dirname(path))) is not None:
            try:
                found = os.stat(above.path)
            except OSError as error:
                if error.errno not in _GONE:
                    return False
                path = above.path
            else:
                return (found.st_dev, found.st_ino) == (above.device, above.inode)
        return True

    def _list(self, folder: ScannedFolder, opened: int) -> None:
        """Take down what is in it. This is done a million times: nothing is called in vain."""
        regular, directory, kinds = stat.S_IFREG, stat.S_IFDIR, _KIND
        names: list[str] = []
        numbers: list[int] = []
        symlinks: list[str] = []
        below, device, is_entered = folder.path.rstrip("/"), folder.device, self.is_entered
        with os.scandir(opened) as entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError as error:
                    if error.errno in _GONE:
                        continue
                    if error.errno in {errno.EACCES, errno.EPERM}:
                        raise  # it may be listed and not searched, so it is the same for each
                    self._cannot_read(f"{below}/{entry.name}", error)
                    continue
                kind = found.st_mode & kinds
                name = entry.name
                if kind == regular:
                    if name[0] == "." and is_temporary(name):
                        continue
                    names.append(name)
                    numbers += (
                        found.st_dev,
                        found.st_ino,
                        found.st_nlink,
                        found.st_size,
                        found.st_mtime_ns,
                        found.st_ctime_ns,
                    )
                elif kind == directory:
                    path = f"{below}/{name}"
                    if is_entered(path):
                        self._meet(path, found, device)
                elif kind == stat.S_IFLNK:
                    symlinks.append(name)
        folder.take(names, numbers, symlinks)

    def _meet(self, path: str, found: os.stat_result, device: int | None) -> None:
        """A folder to list, unless it was met elsewhere; ``device`` is that of the one above it."""
        which = found.st_dev, found.st_ino
        if found.st_dev != device:
            self._mounts[path] = which
        if which not in self._met:
            self._met.add(which)
            self.unread.append(ScannedFolder(path, *which))

    def _cannot_read(self, path: str, error: OSError) -> None:
        self.unreadable.append((path, str(disk_error(f"{shown(path)} cannot be read", error))))


def _signed(number: int) -> int:
    """An unsigned 64-bit number as an array keeps it: some file systems use all the bits."""
    return number if number < _LARGEST_SIGNED else number - _ALL
