"""Folders: which one a path leads to, and those that a move has left empty."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable

from qbm.gateways.disk.failures import disk_error, shown, status, translated
from qbm.gateways.disk.finding import find
from qbm.model.paths import key, parts

_STAYS = frozenset(
    {
        errno.ENOTEMPTY,
        errno.EEXIST,
        errno.EBUSY,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EINVAL,
        errno.ENOTDIR,
    },
)


def is_folder(path: str) -> bool:
    """``path`` is a folder, or a link to one; not if that cannot be told.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    real = find(path)
    return real is not None and os.path.isdir(real)


def has_entries(folder: str) -> bool:
    """``folder`` is there and not empty: a disk that is not mounted leaves an empty one.

    Raises:
        DiskError: it cannot be read.
    """
    with translated(f"The folder {shown(folder)} cannot be read"):
        try:
            with os.scandir(folder) as entries:
                return any(True for _ in entries)
        except (FileNotFoundError, NotADirectoryError):
            return False


def remove_empty_folders(folders: Collection[str], *, keep: Collection[str]) -> list[str]:
    """Remove ``folders`` and those above them, as long as they are empty; answers which.

    Never one of ``keep``, nor anything above one, under whatever name it goes (links, bind
    mounts); never a mount point, never a symbolic link. One that is gone already is no end:
    those above it are looked at all the same. One that may not be removed stays. All are
    absolute paths of this machine; one that is not, or has ``..``, is left alone.

    Raises:
        DiskError: the disk fails.
    """
    kept = _Kept(keep)
    removed: list[str] = []
    for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
        while parts(folder) is not None and not kept.holds(folder) and _is_gone(folder, removed):
            folder = os.path.dirname(folder.rstrip("/"))  # noqa: PLW2901 - upwards
    return removed


def held_by(folder: str, others: Iterable[str]) -> str | None:
    """The first of ``others`` that ``folder`` is or is above, under whatever name; or None.

    The root of the file system is above each of them.
    """
    return next((each for each in others if _Kept([each]).holds(folder)), None)


class _Kept:
    """What must stay, known by name and by what the disk says it is."""

    def __init__(self, keep: Collection[str]) -> None:
        lines = [line for path in keep for line in _upwards(path)]
        self._names = {key(line) for line in lines}
        self._folders = {found for line in lines if (found := _which(line)) is not None}

    def holds(self, folder: str) -> bool:
        """It is one of these or above one; the root of the file system always is."""
        if os.path.dirname(folder.rstrip("/")) in {"", folder}:
            return True
        names = {key(folder), key(os.path.realpath(folder))}
        return not names.isdisjoint(self._names) or _which(folder) in self._folders


def _upwards(path: str) -> list[str]:
    """``path`` and all above it, as it is written and as its links lead."""
    found: list[str] = []
    for way in (path.rstrip("/") or "/", os.path.realpath(path)):
        line = way
        while line not in found:
            found.append(line)
            line = os.path.dirname(line) or "/"
    return found


def _which(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None  # by its name, then
    return found.st_dev, found.st_ino


def _is_gone(folder: str, removed: list[str]) -> bool:
    """Remove it if it is an empty folder; False if something is still there."""
    found = status(folder)
    if found is None:
        return True
    if not stat.S_ISDIR(found.st_mode) or os.path.ismount(folder):
        return False
    with translated(f"The empty folder {shown(folder)} cannot be removed"):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in _STAYS:
                return False
            raise
    removed.append(folder)
    return True


def which_folder(path: str) -> tuple[int, int] | None:
    """Device and inode of the folder that ``path`` leads to; None if it leads to none.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    real = path if os.path.isdir(path) else find(path)
    try:
        found = None if real is None else os.stat(real)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise disk_error(f"The folder {shown(path)} cannot be looked at", error) from error
    return None if found is None else (found.st_dev, found.st_ino)
