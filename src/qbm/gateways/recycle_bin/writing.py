"""Writes small files so that after a crash the old one or the new one is there, whole."""

from __future__ import annotations

import os

from qbm.gateways.disk import sync_folder
from qbm.gateways.disk.failures import status

_OURS_ALONE = 0o600
_OUR_FOLDER = 0o700


def make_folder(folder: str) -> None:
    """Have ``folder``, and those above it, on the disk; new ones are readable by us alone.

    Raises:
        OSError: it cannot be made.
    """
    if status(folder) is not None:
        return
    above = os.path.dirname(folder)
    make_folder(above)
    try:
        os.mkdir(folder, _OUR_FOLDER)
    except FileExistsError:
        return
    sync_folder(above)


def write(path: str, raw: bytes) -> None:
    """Have these bytes at ``path``, on the disk, readable by us alone; its folder is there.

    What a kill leaves of an attempt, the next one overwrites.

    Raises:
        OSError: it cannot be written.
    """
    folder, name = os.path.split(path)
    new = os.path.join(folder, f".{name[:200]}.new")
    descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, _OURS_ALONE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(folder)
