"""Whether a folder has room for a file, and whether this user may put it there."""

from __future__ import annotations

import os
import stat

from qbm.gateways.disk.failures import shown, status, translated


def free_space(path: str) -> int:
    """Bytes that this user may still write at ``path``, which need not be there yet.

    Raises:
        DiskError: it cannot be told.
    """
    with translated(f"The free space at {shown(path)} cannot be told"):
        room = os.statvfs(_nearest(path))
    return room.f_bavail * room.f_frsize


def is_across(source: str, folder: str) -> bool:
    """The way from ``source`` into ``folder``, which need not be there yet, crosses devices.

    Then a move copies. A rename may still be refused where this says False (bind mounts).

    Raises:
        DiskError: it cannot be told.
    """
    with translated(f"The device of {shown(folder)} cannot be told"):
        there = os.stat(_nearest(folder))
    found = status(source)
    return found is not None and found.st_dev != there.st_dev


def can_move(source: str, folder: str, needed: int | None = None) -> str | None:
    """Why ``source`` cannot be moved into ``folder`` (which need not be there yet), or None.

    Asks for permissions, and across devices for room for ``needed`` bytes (None: for this one
    file). The answer is a text for the user without a full stop. A missing ``source`` is no
    obstacle.

    Raises:
        DiskError: it cannot be told.
    """
    found = status(source)
    if found is None:
        return None
    with translated(f"Whether {shown(source)} can be moved cannot be told"):
        obstacle = _obstacle_here(source, found) or _obstacle_there(_nearest(folder))
        if obstacle is not None or not is_across(source, folder):
            return obstacle
        return _obstacle_across(source, folder, found.st_size if needed is None else needed)


def _obstacle_here(source: str, found: os.stat_result) -> str | None:
    home = os.path.dirname(source)
    if _is_held_back(home, found):
        return f"{shown(source)} is another user's, in a folder where only its owner may move it"
    return _unwritable(home)


def _obstacle_there(there: str) -> str | None:
    if not os.path.isdir(there):
        return f"{shown(there)} is a file, where a folder is needed"
    return _unwritable(there)


def _obstacle_across(source: str, folder: str, needed: int) -> str | None:
    may_read = os.access(source, os.R_OK, effective_ids=True)
    if not may_read and not os.path.islink(source):
        return f"no permission to read {shown(source)}"
    free = free_space(folder)
    if free >= needed:
        return None
    return f"{shown(_nearest(folder))} has {free:,} bytes free, and {needed:,} are needed there"


def _nearest(path: str) -> str:
    """``path`` if it is there, else the nearest folder above it that is."""
    while not os.path.exists(path):
        above = os.path.dirname(path.rstrip("/")) or "/"
        if above == path:
            break
        path = above
    return path


def _unwritable(folder: str) -> str | None:
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return f"the file system of {shown(folder)} is read-only"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"no permission to change the folder {shown(folder)}"
    return None


def _is_held_back(folder: str, found: os.stat_result) -> bool:
    """The sticky bit, as on ``/tmp``: only owners may rename and delete there."""
    held = os.stat(folder)
    owners = {0, held.st_uid, found.st_uid}
    return bool(held.st_mode & stat.S_ISVTX) and os.geteuid() not in owners
