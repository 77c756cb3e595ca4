"""Which paths lead to one and the same file."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

from qbm.gateways.disk.failures import shown, status, translated
from qbm.gateways.disk.finding import find
from qbm.model.paths import key

_LINKS_IN_A_ROW: Final = 40
"""As many as Linux follows (path_resolution(7)); more lead nowhere."""


class Entry(NamedTuple):
    """A name in a folder. Hard links of one file are two entries."""

    folder: str
    name: str


def entry(path: str) -> Entry:
    """Which entry of the disk ``path`` is, however its folder is reached and it is spelled.

    Links and bind mounts on the way, upper and lower case where the file system does not
    tell them apart, NFC and NFD: all the same. What is not there is told by its path.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    folder, name = os.path.split(find(path) or path)
    real = os.path.realpath(folder)
    try:
        found = os.stat(real)
    except OSError:
        return Entry(key(real), key(name))
    return Entry(f"{found.st_dev}:{found.st_ino}", _listed(real, name))


def stands_for(path: str) -> tuple[Hashable, ...]:
    """What is at ``path``: equal answers are the same thing; none if nothing is there.

    First the entry, then each that a symbolic link leads over, and of a folder which one it
    is, under whatever name it is reached.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    real = find(path)
    found = None if real is None else status(real)
    if real is None or found is None:
        return ()
    answers: list[Hashable] = [entry(real)]
    answers.extend(map(entry, _led_over(real)))
    if os.path.isdir(real):
        folder = os.stat(real)
        answers.append((folder.st_dev, folder.st_ino))
    return tuple(answers)


def _led_over(path: str) -> Iterator[str]:
    """The paths that a symbolic link leads over, one after the other, to where it ends."""
    for _ in range(_LINKS_IN_A_ROW):
        found = status(path)
        if found is None or not stat.S_ISLNK(found.st_mode):
            return
        with translated(f"The link {shown(path)} cannot be read"):
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        yield path


def ends_at(path: str) -> str | None:
    """Where the symbolic link at ``path`` leads in the end; None if it is none."""
    return os.path.realpath(path) if os.path.islink(path) else None


def led_to_from(path: str) -> frozenset[Hashable]:
    """What all symbolic links at or below ``path`` lead to and over, as ``stands_for`` says it.

    Links to folders are not entered: what is in there is below what they lead to.

    Raises:
        DiskError: a folder cannot be read.
    """
    real = find(path)
    if real is None:
        return frozenset()
    found: set[Hashable] = set()
    unread = [real]
    while unread:
        place = unread.pop()
        if os.path.islink(place):
            found.update(stands_for(place)[1:])
        elif os.path.isdir(place):
            with translated(f"The folder {shown(place)} cannot be read"), os.scandir(place) as all_:
                unread += [each.path for each in all_ if each.is_symlink() or each.is_dir()]
    return frozenset(found)


def same_entry(one: str, other: str) -> bool:
    """Both paths are one entry: removing the one removes the other.

    Raises:
        DiskError: a folder on the way cannot be read.
    """
    return entry(one) == entry(other)


def _listed(folder: str, name: str) -> str:
    """``name`` as the folder lists it, if it answers to more spellings than one."""
    others = {name.swapcase(), *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))}
    found = status(os.path.join(folder, name))
    if found is None or not any(_is_there(folder, each) for each in others - {name}):
        return name
    names = os.listdir(folder)
    if name in names:
        return name
    alike = (each for each in names if _folded(each) == _folded(name))
    same = (each for each in alike if os.path.samestat(found, os.lstat(f"{folder}/{each}")))
    return next(same, name)


def _is_there(folder: str, name: str) -> bool:
    return status(os.path.join(folder, name)) is not None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
