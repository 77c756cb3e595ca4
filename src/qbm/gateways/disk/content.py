"""Whether a torrent's files are on the disk, as far as their sizes tell."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from qbm.errors import DiskError
from qbm.gateways.disk.finding import find
from qbm.model.unknown import UNKNOWN, Unknown

_BLOCK = 512
"""What ``st_blocks`` counts in, whatever the file system's own blocks are."""


def whole_content(files: Iterable[tuple[str, int]]) -> bool | Unknown:
    """Every file (path of this machine, size in bytes) is there at its full size.

    A file that is mostly holes is not: servers make a file as long as its last piece that
    came, and the rest of it a hole. Compressed files and small holes are fine. UNKNOWN if
    there are no files, or if something cannot be read and all else is there.
    """
    answers = [_is_whole(path, size) for path, size in files]
    if False in answers:
        return False
    return UNKNOWN if not answers or UNKNOWN in answers else True


def _is_whole(path: str, size: int) -> bool | Unknown:
    try:
        real = find(path)
        if real is None:
            return False
        found = os.stat(real)
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            return False
        return 2 * _BLOCK * found.st_blocks >= size or 2 * _written(real, size) >= size
    except FileNotFoundError:
        return False  # a link that leads nowhere
    except (OSError, DiskError):
        return UNKNOWN


def _written(path: str, size: int) -> int:
    """Bytes that are no holes; all of them where the file system cannot tell."""
    opened = os.open(path, os.O_RDONLY)
    try:
        total = hole = 0
        while hole < size:
            try:
                start = os.lseek(opened, hole, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break
                raise
            hole = os.lseek(opened, start, os.SEEK_HOLE)
            total += hole - start
        return total
    finally:
        os.close(opened)
