"""Errors of the operating system, in words for the user."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from qbm.errors import DiskError

_NO_PERMISSION = (
    "the user that runs qbm has no permission. Let that user write to the folder and to the "
    "files in it (in a container: PUID and PGID)"
)
_FULL = "no space is left there. Free some, or move the recycle bin to a larger disk"
_TEXTS = {
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: "the file system is read-only. Mount it for writing (a disk with faults turns "
    "read-only by itself: look at the system's log)",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EIO: "the disk answers with an error. Look at the system's log and check the disk",
    errno.ESTALE: "the network share has gone away. Mount it again",
    errno.ENOTCONN: "the network share has gone away. Mount it again",
    errno.ELOOP: "its symbolic links lead in a circle. Mend them",
    errno.ENAMETOOLONG: "the name is too long for that file system. Shorten it in qBittorrent",
    errno.EFBIG: "the file is too large for that file system. Use another one for the bin",
}


def shown(path: str) -> str:
    """A path that can be printed: bytes that are no text show as a replacement character."""
    return path.encode(errors="surrogatepass").decode(errors="replace")


def disk_error(attempt: str, error: OSError) -> DiskError:
    """What to raise for ``error``; ``attempt`` says what cannot be done, with the path."""
    text = _TEXTS.get(error.errno or 0)
    if text is None:
        text = f"{error.strerror or error}. See that the disk is there and sound"
    return DiskError(f"{attempt}: {text}, then run again.")


@contextmanager
def translated(attempt: str) -> Iterator[None]:
    """Raises a DiskError for an OSError within; ``attempt`` as in ``disk_error``."""
    try:
        yield
    except OSError as error:
        raise disk_error(attempt, error) from error


def status(path: str) -> os.stat_result | None:
    """What ``lstat`` says, or None if nothing is there.

    A name that no file system could hold (NUL in it, not encodable, too long) is not there.

    Raises:
        DiskError: it cannot be told.
    """
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise disk_error(f"{shown(path)} cannot be looked at", error) from error
