"""Copies of one file onto another device: whole and safe on the disk, or not there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from qbm.gateways.disk.failures import status

Progress: TypeAlias = Callable[[int], None]
"""Told how many bytes of the file are copied so far."""
IsStopped: TypeAlias = Callable[[], bool]

_CHUNK = 4 << 20
_BYTES_UNSAVED = 128 << 20
"""So that a stop never waits for a whole memory of unwritten bytes."""
_IMPOSSIBLE = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.ENOTSUP,
        errno.EINVAL,
        errno.ENOSYS,
        errno.ENOENT,  # somebody took the source away: all of its bytes are copied
    },
)


def copy(source: str, target: str, progress: Progress, is_stopped: IsStopped) -> bool:
    """Copy a file or a symbolic link to a new name, with mode and times; False if stopped.

    Owner and extended attributes go along where this user and that file system allow. It is
    on the disk when this returns. What is at ``target`` after False or an error is no use.

    Raises:
        OSError: it cannot be read or written.
    """
    found = os.lstat(source)
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source), target)
        _keep_metadata(source, target, found)
        return True
    with _opened(source, os.O_RDONLY) as reading, _opened_new(target) as writing:
        if not _copy_bytes(reading, writing, progress, is_stopped):
            return False
        _keep_metadata(source, target, found)
        os.fsync(writing)
    return True


def is_equal(one: str, other: str, is_stopped: IsStopped) -> bool | None:
    """Both hold the same bytes, or are links to the same path; None if stopped.

    Raises:
        OSError: one cannot be read.
    """
    found, beside = os.lstat(one), os.lstat(other)
    if stat.S_IFMT(found.st_mode) != stat.S_IFMT(beside.st_mode):
        return False
    if stat.S_ISLNK(found.st_mode):
        return os.readlink(one) == os.readlink(other)
    if found.st_size != beside.st_size:
        return False
    with _opened(one, os.O_RDONLY) as first, _opened(other, os.O_RDONLY) as second:
        while not is_stopped():
            chunk = _read(first)
            if chunk != _read(second):
                return False
            if not chunk:
                return True
    return None


def sync_folder(folder: str) -> None:
    """Have the names in ``folder`` on the disk, where its file system can promise that.

    Raises:
        OSError: the disk fails.
    """
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        with _unless_impossible():
            os.fsync(opened)
    finally:
        os.close(opened)


def _copy_bytes(reading: int, writing: int, progress: Progress, is_stopped: IsStopped) -> bool:
    done = saved = 0
    while not is_stopped():
        chunk = os.read(reading, _CHUNK)
        if not chunk:
            return True
        left = memoryview(chunk)
        while left:
            left = left[os.write(writing, left) :]
        done += len(chunk)
        if done - saved >= _BYTES_UNSAVED:
            os.fdatasync(writing)
            saved = done
        progress(done)
    return False


def _read(opened: int) -> bytes:
    """The next bytes, as many on each file system: a read may give fewer than it has."""
    chunk = bytearray()
    while len(chunk) < _CHUNK and (more := os.read(opened, _CHUNK - len(chunk))):
        chunk += more
    return bytes(chunk)


def _keep_metadata(source: str, target: str, found: os.stat_result) -> None:
    # First the owner: a change of it takes bits off the mode.
    with _unless_impossible():
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    with _unless_impossible():
        shutil.copystat(source, target, follow_symlinks=False)


@contextmanager
def _unless_impossible() -> Iterator[None]:
    """For what a file system need not know, or a user need not be allowed."""
    try:
        yield
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    opened = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    try:
        yield opened
    finally:
        os.close(opened)


@contextmanager
def _opened_new(path: str) -> Iterator[int]:
    if status(path) is not None:
        os.unlink(path)
    with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as opened:
        yield opened
