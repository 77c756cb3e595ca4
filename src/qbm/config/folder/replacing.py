"""Files replaced whole: whenever the program is killed, one holds the old bytes or the new."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qbm.config.problem import printable
from qbm.config.refusals import AlreadyThere, NoSuchConfig, NotReadable, NotWritable

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC
_BINARY = getattr(os, "O_BINARY", 0)
_OURS_ALONE = 0o600
_STALE_SECONDS = 3600.0
"""Age of a half-written file that nobody can be writing any more."""

_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
)
"""What file systems without hard links say."""
_ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space",
    errno.EROFS: "Make the folder writable",
    errno.EACCES: "Make the folder writable for this user",
    errno.EPERM: "Make the folder writable for this user",
    errno.EBUSY: "If the file alone is mounted into a container, mount its folder instead",
}


def read_whole(path: Path, limit: int) -> tuple[bytes, os.stat_result]:
    """The bytes of a regular file, and its status at that moment. Never waits.

    Raises:
        NoSuchConfig: there is none.
        NotReadable: it is no regular file, too large, or may not be read.
    """
    name = printable(path.name)
    try:
        descriptor = os.open(path, _READ | _BINARY)
    except FileNotFoundError:
        raise NoSuchConfig(f"There is no file {name} in {path.parent}.") from None
    except OSError as error:
        raise NotReadable(f"{name} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotReadable(f"{name} is no regular file.")
        try:
            raw = file.read(limit + 1)
        except OSError as error:
            raise NotReadable(f"{name} cannot be read: {error.strerror}.") from error
    if len(raw) > limit:
        raise NotReadable(f"{name} is too large (allowed: at most {limit:,} bytes).")
    return raw, status


def write_new(path: Path, raw: bytes) -> None:
    """Make a file that only this user can read.

    Raises:
        AlreadyThere: something of that name is there; it is left as it is.
        NotWritable: the disk refuses.
    """
    with _written(path, raw, None) as new:
        try:
            os.link(new, path)
        except FileExistsError:
            raise _already_there(path) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                raise _already_there(path) from None
            new.replace(path)


def replace_whole(path: Path, raw: bytes, old: os.stat_result) -> None:
    """Replace a file; its permissions stay, and its owner where we may set that.

    Raises:
        NotWritable: the disk refuses; the file is as it was.
    """
    with _written(path, raw, old) as new:
        new.replace(path)


def remove(path: Path) -> None:
    """Remove a file or link; raises NotWritable."""
    with _in_words(path):
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def _written(path: Path, raw: bytes, old: os.stat_result | None) -> Iterator[Path]:
    """A new file beside ``path`` with these bytes, on the disk for good; gone in the end."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _in_words(path):
        _sweep(path)
        try:
            _write(new, raw, old)
            yield new
            _sync_folder(path.parent)
        finally:
            with suppress(OSError):  # a disk that refuses this, too; the next change sweeps
                new.unlink(missing_ok=True)


def _write(path: Path, raw: bytes, old: os.stat_result | None) -> None:
    descriptor = os.open(path, _CREATE | _BINARY, _OURS_ALONE)
    with os.fdopen(descriptor, "wb") as file:
        if old is not None:
            _keep_owner(file.fileno(), old)
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    """Owner, group and permissions of the old file; others' files only root can give away."""
    if hasattr(os, "fchown"):
        for user, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with suppress(PermissionError):
                os.fchown(descriptor, user, group)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _sweep(path: Path) -> None:
    """Remove what a killed program left half-written beside a file."""
    oldest = time.time() - _STALE_SECONDS
    start = f".{path.name}."
    for each in path.parent.iterdir():
        if each.name.startswith(start) and each.name.endswith(".tmp"):
            with suppress(FileNotFoundError):
                if each.lstat().st_mtime < oldest:
                    each.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # where a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "Check the disk and the folder's permissions")
        raise NotWritable(
            f"{printable(path.name)} cannot be written in {path.parent}: {error.strerror}. "
            f"Nothing has changed. {advice}, and try again."
        ) from error


def _already_there(path: Path) -> AlreadyThere:
    return AlreadyThere(f"There is a file {printable(path.name)} in {path.parent} already.")
