"""Backups of configs: what a file held before each change, in ``.backups`` beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from qbm.config.folder.names import check_name, suffix_of
from qbm.config.folder.replacing import remove, write_new
from qbm.config.problem import printable
from qbm.config.refusals import NameRefused, NotReadable, NotWritable

BACKUPS = ".backups"
KEPT = 30
"""Backups of one file; the oldest go (spec: config.md)."""

_NAME = re.compile(r"(.+)_(\d{8}_\d{6})(_\d{6})?(\.[^.]+)", re.DOTALL)
"""Ours are named to the microsecond, in UTC; those of 4.14 to the second, in local time."""


class Backup(Struct, frozen=True):
    """One backup: its file's name, when it was made, and its size in bytes."""

    name: str
    path: Path
    made_at: datetime
    size: int


def make_backup(folder: Path, name: str, raw: bytes, now: datetime) -> Backup:
    """Keep what the config ``name`` of ``folder`` holds, and let the oldest of its backups go.

    ``now`` is aware; a clock that went back does not put a backup before older ones.

    Raises:
        NotWritable: the disk refuses.
    """
    backups = folder / BACKUPS
    try:
        backups.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise NotWritable(f"The folder {backups} cannot be made: {error.strerror}.") from error
    earlier = backups_of(folder, name)
    made_at = now.astimezone(UTC)
    if earlier:
        made_at = max(made_at, earlier[0].made_at + timedelta(microseconds=1))
    stem, suffix = suffix_of(name)
    path = backups / f"{stem}_{made_at:%Y%m%d_%H%M%S_%f}{suffix}"
    write_new(path, raw)
    for old in earlier[KEPT - 1 :]:
        remove(old.path)
    return Backup(path.name, path, made_at, len(raw))


def backups_of(folder: Path, name: str) -> tuple[Backup, ...]:
    """The backups of the config ``name``, which may be gone, newest first.

    Raises:
        NotReadable: the folder of backups cannot be read.
    """
    backups = folder / BACKUPS
    try:
        found = [_backup(path) for path in backups.iterdir() if _config_of(path.name) == name]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise NotReadable(f"The folder {backups} cannot be read: {error.strerror}.") from error
    there = [each for each in found if each is not None]
    return tuple(sorted(there, key=lambda each: (each.made_at, each.name), reverse=True))


def path_of_backup(folder: Path, backup: str) -> Path:
    """Where the backup of that name lies; raises NameRefused if it can be none."""
    config = _config_of(backup)
    if config is None:
        raise NameRefused(f"{printable(backup)}: this is not the name of a backup.")
    check_name(config)
    return folder / BACKUPS / backup


def _config_of(backup: str) -> str | None:
    """The config that a backup of this name is of; None if it is no backup's name."""
    return f"{found[1]}{found[4]}" if (found := _NAME.fullmatch(backup)) else None


def _backup(path: Path) -> Backup | None:
    found = _NAME.fullmatch(path.name)
    if found is None or path.is_symlink() or not path.is_file():
        return None
    try:
        if found[3]:
            made_at = datetime.strptime(f"{found[2]}{found[3]}+0000", "%Y%m%d_%H%M%S_%f%z")
        else:
            made_at = datetime.strptime(found[2], "%Y%m%d_%H%M%S").astimezone()
    except ValueError:  # digits that are no time
        return None
    return Backup(path.name, path, made_at.astimezone(UTC), path.stat().st_size)
