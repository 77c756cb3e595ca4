"""Where a file really is, and which one it is."""

from __future__ import annotations

import os
import stat
import unicodedata

from qbm.gateways.disk.failures import shown, status, translated
from qbm.model.stamp import Stamp


def find(local: str) -> str | None:
    """The path of ``local`` as the disk spells it; None if nothing is there.

    What is spelled exactly so wins; otherwise each component may be the one entry that is
    equal after NFC. Links on the way are followed, the last component is not.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    if status(local) is not None:
        return local
    found = "/" if local.startswith("/") else "."
    for name in local.split("/"):
        if name in {"", "."}:
            continue
        entry = _entry(found, name)
        if entry is None:
            return None
        found = os.path.join(found, entry)
    return found


def stamp(path: str) -> Stamp | None:
    """Which file is at ``path``, spelled as the disk does; None if nothing is there.

    Raises:
        DiskError: it cannot be told.
    """
    found = status(path)
    return None if found is None else stamp_of(found)


def links(path: str) -> int:
    """How many names the file at ``path`` has; 0 if nothing is there.

    Raises:
        DiskError: it cannot be told.
    """
    found = status(path)
    return 0 if found is None else found.st_nlink


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp of what ``lstat`` found."""
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def is_movable(found: os.stat_result) -> bool:
    """A regular file or a symbolic link: what a torrent's content may be."""
    return stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)


def _entry(folder: str, name: str) -> str | None:
    exact = os.path.join(folder, name)
    if status(exact) is not None:
        return name
    wanted = unicodedata.normalize("NFC", name)
    with translated(f"The folder {shown(folder)} cannot be read"):
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
    fitting = [each for each in names if unicodedata.normalize("NFC", each) == wanted]
    return fitting[0] if len(fitting) == 1 else None
