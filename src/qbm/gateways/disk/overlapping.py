"""Whether two folders have files in common, under whatever names they go."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from qbm.model.paths import is_below, key

_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_FIELDS: Final = 5
"""Of a line of the table: number, parent, device, what is mounted, and where (proc(5))."""


def overlap(one: str, other: str) -> bool:
    """Both are one folder, or one lies in the other: by name, by links, or by bind mounts.

    Folders that are not there are told by their names alone.
    """
    real, beside = os.path.realpath(one), os.path.realpath(other)
    if is_below(real, beside) or is_below(beside, real):
        return True
    if _which(real) in set(_above(beside)) or _which(beside) in set(_above(real)):
        return True
    mounts = _mounts()
    (device, place), (device_beside, place_beside) = _held(real, mounts), _held(beside, mounts)
    are_on_one = device == device_beside != ""
    return are_on_one and (is_below(place, place_beside) or is_below(place_beside, place))


def is_same_folder(one: str, other: str) -> bool:
    """Both names lead to one folder."""
    real, beside = os.path.realpath(one), os.path.realpath(other)
    return key(real) == key(beside) or (_which(real) == _which(beside) is not None)


def _above(path: str) -> Iterator[tuple[int, int]]:
    """Which folders ``path`` and all above it are, as far as they are there."""
    while True:
        found = _which(path)
        if found is not None:
            yield found
        if path in {"", "/"}:
            return
        path = os.path.dirname(path)


def _which(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _mounts() -> list[tuple[str, str, str]]:
    """Of each mount: the device, which folder of it is mounted, and where; [] if not told."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    rows = (line.split(" ") for line in lines)
    return [(row[2], _unescaped(row[3]), _unescaped(row[4])) for row in rows if len(row) >= _FIELDS]


def _held(path: str, mounts: list[tuple[str, str, str]]) -> tuple[str, str]:
    """The device that holds ``path``, and the path that it has there; ``("", "")`` if unknown."""
    holding = [
        (len(point.rstrip("/")), number)
        for number, (_, _, point) in enumerate(mounts)
        if is_below(path, point)
    ]
    if not holding:
        return "", ""
    # Of two mounts on one point the later one is on top.
    device, folder, point = mounts[max(holding)[1]]
    return device, os.path.join(folder, os.path.relpath(path, point))


def _unescaped(field: str) -> str:
    r"""A path as it is: blanks are written ``\040`` in the table."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
