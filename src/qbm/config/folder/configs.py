"""A folder of configs as the Web API sees it: names from anybody, files changed whole.

Every change keeps what was there before as a backup. Names are checked here and nowhere
else, so no path of a caller's making gets past.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from msgspec import Struct

from qbm.config.finding import configs_in
from qbm.config.folder.backups import BACKUPS, Backup, backups_of, make_backup, path_of_backup
from qbm.config.folder.names import check_name, check_pattern, fits
from qbm.config.folder.replacing import read_whole, remove, replace_whole, write_new
from qbm.config.loading import LARGEST
from qbm.config.problem import printable
from qbm.config.reading.files import Refused, read_text
from qbm.config.refusals import (
    AlreadyThere,
    ChangedMeanwhile,
    NameRefused,
    NoSuchConfig,
    NotEditable,
    NotReadable,
)

DEFAULT = "config.yml"


class ConfigFile(Struct, frozen=True):
    """What a file held when it was read.

    ``text`` is exact, with byte order mark and line ends; ``size`` is in bytes, ``digest``
    changes with any of them, and ``last_modified`` is in UTC.
    """

    name: str
    path: Path
    text: str
    size: int
    last_modified: datetime
    digest: str


def _now() -> datetime:
    return datetime.now(UTC)


class ConfigFolder:
    """The configs in the folder ``path``; one object at a time should change them."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = _now) -> None:
        self.path = path
        self._clock = clock
        self._changing = Lock()

    def names(self) -> tuple[str, ...]:
        """The configs that can be asked for, in order; none if the folder is missing.

        Raises:
            ConfigError: the folder cannot be read.
        """
        return tuple(
            path.name
            for path in configs_in(self.path)
            if _why_refused(path.name) is None and self._is_inside(path)
        )

    def left_out(self) -> tuple[NameRefused, ...]:
        """Why files that look like configs are none of ``names``, for whoever misses them.

        Raises:
            ConfigError: the folder cannot be read.
        """
        found = (_why_refused(path.name) for path in configs_in(self.path))
        return tuple(each for each in found if each is not None)

    def default(self) -> str | None:
        """``config.yml`` if it is there, else the first; None if there is none."""
        names = self.names()
        return DEFAULT if DEFAULT in names else next(iter(names), None)

    def matching(self, asked: str) -> tuple[Path, ...]:
        """The configs that a name, or a pattern with ``*``, means: one or more, in order.

        Raises:
            NameRefused: it means something outside, or something that is no config.
            NoSuchConfig: nothing fits.
        """
        if "*" not in asked:
            return (self.path_of(asked),)
        check_pattern(asked)
        names = [name for name in self.names() if fits(name, asked)]
        if not names:
            raise NoSuchConfig(f"No config in {self.path} fits {printable(asked)}.")
        return tuple(self.path / name for name in names)

    def path_of(self, name: str) -> Path:
        """Where the config of that name lies.

        Raises:
            NameRefused: the name, or the link that it is, does not stay inside the folder.
            NoSuchConfig: there is no such file.
        """
        path = self.new_path(name)
        if not _is_file(path):
            raise NoSuchConfig(f"There is no config {printable(name)} in {self.path}.")
        if not self._is_inside(path):
            raise NameRefused(
                f"{printable(name)}: it is a link to what is no config in {self.path}."
            )
        return path

    def new_path(self, name: str) -> Path:
        """Where a config of that name lies or would lie; raises NameRefused."""
        check_name(name)
        return self.path / name

    def read(self, name: str) -> ConfigFile:
        """A config as it is.

        Raises:
            NameRefused, NoSuchConfig: see ``path_of``.
            NotReadable: it is too large, not UTF-8, or may not be read.
        """
        path = self.path_of(name)
        return _read(name, path, path.resolve())

    def create(self, name: str, text: str) -> ConfigFile:
        """Make a config that only this user can read.

        Raises:
            NameRefused: no config can have this name.
            AlreadyThere: there is one; it is left as it is.
            NotEditable: the text is too long, or cannot be stored.
            NotWritable: the disk refuses.
        """
        path = self.new_path(name)
        raw = _encoded(text)
        with self._changing:
            if os.path.lexists(path):
                raise AlreadyThere(f"There is a config {printable(name)} already.")
            write_new(path, raw)
        return _read(name, path, path)

    def save(self, name: str, text: str, digest: str | None = None) -> Backup | None:
        """Replace what a config holds, after a backup; None if it held that already.

        ``digest`` is that of the file which was edited.

        Raises:
            NameRefused, NoSuchConfig, NotReadable: see ``read``.
            ChangedMeanwhile: the file is no longer the one with that digest.
            NotEditable: the text is too long, or cannot be stored.
            NotWritable: the disk refuses; the file is as it was.
        """
        path = self.path_of(name).resolve()
        raw = _encoded(text)
        with self._changing:
            old, status = read_whole(path, LARGEST)
            if digest is not None and _digest(old) != digest:
                raise ChangedMeanwhile(
                    f"{printable(name)} has changed since it was read. "
                    "Load it again, and repeat the change."
                )
            if old == raw:
                return None
            backup = make_backup(self.path, name, old, self._clock())
            replace_whole(path, raw, status)
        return backup

    def delete(self, name: str) -> Backup:
        """Remove a config, after a backup; of a link only the link goes.

        Raises:
            NameRefused, NoSuchConfig, NotReadable: see ``read``.
            NotWritable: the disk refuses; the file is there still.
        """
        path = self.path_of(name)
        with self._changing:
            old, _ = read_whole(path.resolve(), LARGEST)
            backup = make_backup(self.path, name, old, self._clock())
            remove(path)
        return backup

    def back_up(self, name: str) -> Backup:
        """Keep what a config holds now.

        Raises:
            NameRefused, NoSuchConfig, NotReadable: see ``read``.
            NotWritable: the disk refuses.
        """
        path = self.path_of(name)
        with self._changing:
            raw, _ = read_whole(path.resolve(), LARGEST)
            return make_backup(self.path, name, raw, self._clock())

    def backups(self, name: str) -> tuple[Backup, ...]:
        """The backups of a config, which may be gone, newest first.

        Raises:
            NameRefused: no config can have this name.
            NotReadable: the folder of backups cannot be read.
        """
        check_name(name)
        return backups_of(self.path, name)

    def read_backup(self, backup: str) -> ConfigFile:
        """What the backup of that name holds.

        Raises:
            NameRefused: no backup can have this name.
            NoSuchConfig: there is none.
            NotReadable: it is too large, not UTF-8, or may not be read.
        """
        path = path_of_backup(self.path, backup)
        return _read(backup, path, path)

    def _is_inside(self, path: Path) -> bool:
        """A link must lead to a file that could be a config here, wherever below the folder."""
        if not path.is_symlink():
            return True
        real, folder = path.resolve(), self.path.resolve()
        if _why_refused(real.name) is not None:
            return False
        return real.is_relative_to(folder) and BACKUPS not in real.relative_to(folder).parts


def _why_refused(name: str) -> NameRefused | None:
    try:
        check_name(name)
    except NameRefused as error:
        return error
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise NotReadable(f"{printable(path.name)} cannot be read: {error.strerror}.") from error


def _read(name: str, path: Path, real: Path) -> ConfigFile:
    raw, status = read_whole(real, LARGEST)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _undecodable(name, real) from None  # it holds the bytes
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ConfigFile(name, path, text, len(raw), modified, _digest(raw))


def _undecodable(name: str, path: Path) -> NotReadable:
    refused = read_text(path, LARGEST)
    reason = refused.reason if isinstance(refused, Refused) else "it is not UTF-8"
    return NotReadable(f"{printable(name)}: {reason} (allowed: UTF-8).")


def _encoded(text: str) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise NotEditable("The text holds half a character (allowed: UTF-8).") from error
    if len(raw) > LARGEST:
        raise NotEditable(f"The text is too long (allowed: at most {LARGEST:,} bytes).")
    return raw


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
