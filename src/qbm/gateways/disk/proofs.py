"""Whether inode numbers and link counts can be trusted on the mount where a path is.

On some file systems they prove nothing (decisions: *Inode numbers*): FUSE unions and network
shares may make the numbers up, or show each link as a file of its own.
"""

from __future__ import annotations

import errno
import os
import select
import uuid
from contextlib import suppress
from threading import Lock
from typing import Final, NamedTuple

_SOUND: Final = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "nilfs2", "reiserfs"),
        *("bcachefs", "zfs", "tmpfs", "overlay"),
    }
)
"""File systems of Linux that keep one inode per file, and its links in it.

Not those that make numbers up (vfat, exfat), nor those where somebody else gives them (nfs,
cifs, 9p, fuse): these must be tried out. overlay promises that no two files have the same
device and inode (Documentation/filesystems/overlayfs.rst, *Inode properties*). Where it was
mounted without ``index=on``, a file of a lower layer may show more links than it has left: it
was copied up under one of its names, or a name was removed. Never fewer, so that no file is
said to be without another link that has one.
"""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_SEPARATOR: Final = " - "
_MOUNTS: Final = "/proc/self/mountinfo"


class Mount(NamedTuple):
    """A mounted file system: what stands for it in ``/proc/self/mountinfo`` (proc(5)).

    ``number`` may be used again once it is unmounted, hence the rest. ``kind`` is its type.
    """

    number: str
    device: str
    kind: str
    source: str


def proven(path: str, *, may_write: bool) -> bool:
    """Where ``path`` is, equal device and inode mean one file, and link counts are right.

    Local file systems are known by their type; others are tried out as ``proves_inodes`` does,
    if ``may_write``, and the answer is kept as long as the mount is there. False for what is
    not there, and where nothing can be tried: unproven is unknown.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    try:
        device = os.stat(folder).st_dev
        if _table.has_changed():
            _proven.clear()
        if device not in _proven and _is_proven(folder, device, may_write=may_write):
            _proven.add(device)
    except OSError:
        return False
    return device in _proven


def _is_proven(folder: str, device: int, *, may_write: bool) -> bool:
    mount = mount_of(folder)
    if mount is not None and mount.kind in _SOUND:
        return True
    which = mount, device
    if which not in _answers and may_write:
        answer = _tried(folder)
        if answer is not None:
            _answers[which] = answer
    return _answers.get(which, False)


class _MountTable:
    """What is mounted, as this process sees it."""

    def __init__(self) -> None:
        self._opened: int | None = None
        self._poll = select.poll()
        self._lock = Lock()

    def has_changed(self) -> bool:
        """Something was mounted or unmounted since the last call, or that cannot be told."""
        with self._lock:  # one poll object serves one thread at a time
            if self._opened is not None:
                return bool(self._poll.poll(0))
            try:
                self._opened = os.open(_MOUNTS, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return True
            self._poll.register(self._opened, select.POLLPRI | select.POLLERR)
            return True


_table: Final = _MountTable()
_proven: Final[set[int]] = set()
"""Devices that are proven, as long as nothing is mounted or unmounted: numbers are used again."""
_answers: Final[dict[tuple[Mount | None, int], bool]] = {}
"""What was tried out, and came of it."""


def mount_of(path: str) -> Mount | None:
    """The mount that ``path`` is on, whatever else is mounted below, above or over it.

    Told by the system for the open path, and not by comparing names with mount points: one may
    be hidden by another. None where the system does not tell (``/proc`` is of Linux).

    Raises:
        OSError: ``path`` cannot be reached.
    """
    opened = os.open(path, getattr(os, "O_PATH", os.O_RDONLY))
    try:
        told = _text(f"/proc/self/fdinfo/{opened}")
        listed = _text(_MOUNTS)
    except OSError:
        return None
    finally:
        os.close(opened)
    number = next((line.split()[1] for line in told.splitlines() if line.startswith("mnt_id:")), "")
    found = (line for line in listed.split("\n") if line.startswith(f"{number} "))
    return next(map(_read, found), None)


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as opened:
        return opened.read()


def _read(line: str) -> Mount:
    """One line, with as many optional fields before the separator as there may be."""
    place, _, what = line.partition(_SEPARATOR)
    number, _parent, device, *_ = place.split(" ")
    kind, source, *_ = what.split(" ")
    return Mount(number, device, kind, source)


def proves_inodes(folder: str) -> bool:
    """On the mount of ``folder``, two links of one file show one inode number, two files two.

    Tried out with temporary files, which are removed; the folder's own times are put back.
    False also where nothing can be made or linked there: unproven is unknown.
    """
    return _tried(folder) is True


def _tried(folder: str) -> bool | None:
    """None if nothing can be made there, or the disk is at fault: that may change."""
    one, link, other = (
        os.path.join(folder, f".qbm-{uuid.uuid4().hex}.probe") for _ in ("one", "link", "other")
    )
    try:
        before = os.stat(folder)
        try:
            return _agree(one, link, other)
        finally:
            for path in (one, link, other):
                with suppress(FileNotFoundError):
                    os.unlink(path)
            with suppress(PermissionError):  # only its owner may set them
                os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    except OSError:
        return None


def _agree(one: str, link: str, other: str) -> bool:
    for path in (one, other):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.link(one, link)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    first, second, third = map(os.lstat, (one, link, other))
    return (
        os.path.samestat(first, second)
        and not os.path.samestat(first, third)
        and (first.st_nlink, second.st_nlink, third.st_nlink) == (2, 2, 1)
    )
