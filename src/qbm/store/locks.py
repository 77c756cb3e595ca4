"""Locks between processes: one at work per state folder, and one per server on a host.

Both are ``flock`` on a file that stays where it is. The kernel lets go of it when its process
ends, however it ends, so what a killed process has written in it means nothing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
from abc import ABC, abstractmethod
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from qbm.errors import StoreError, StoreUnwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_SHARED = Path("/tmp")  # noqa: S108 - a folder of our own below it, whose owner is checked
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})


class Purpose(StrEnum):
    """What a process holds a lock for."""

    RUN = "run"
    SERVE = "serve"


class Occupant(Struct, frozen=True):
    """The process that holds a lock."""

    pid: int
    purpose: Purpose
    since: datetime

    def __str__(self) -> str:
        what = "a server" if self.purpose is Purpose.SERVE else "another run"
        return f"{what} (process {self.pid}, since {self.since.astimezone():%Y-%m-%d %H:%M:%S})"


class _Lock(ABC):
    """A file that one process at a time holds; says who, to those who find it taken."""

    def __init__(self, path: Path, purpose: Purpose) -> None:
        self.path = path
        self.purpose = purpose
        self._descriptor: int | None = None

    def take(self, now: datetime) -> bool:
        """Take the lock if it is free; False if another process (or object) holds it.

        Raises:
            StoreUnwritable: the lock file cannot be made or opened.
            StoreError: its file system cannot lock, or its folder is not to be trusted.
        """
        if self._descriptor is not None:
            return True
        self._make_folder()
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreUnwritable(
                f"{self.path}: cannot open the lock file: {error.strerror}. "
                "Make it writable for this user.",
            ) from error
        try:
            taken = _flock(descriptor, self.path)
            if taken:
                self._sign(descriptor, now)
                self._descriptor = descriptor
        finally:
            if self._descriptor is None:
                os.close(descriptor)
        return taken

    def occupant(self) -> Occupant | None:
        """Who wrote itself into the file last; only tells something while ``take`` fails."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Occupant)
        except (OSError, msgspec.MsgspecError):  # not there, or its holder is about to write it
            return None

    def release(self) -> None:
        """Let go of the lock; does nothing if it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @abstractmethod
    def _make_folder(self) -> None:
        """Make the folder that the file lies in, if it is missing."""

    def _sign(self, descriptor: int, now: datetime) -> None:
        signature = Occupant(os.getpid(), self.purpose, now)
        try:
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, msgspec.json.encode(signature))
        except OSError as error:
            raise StoreUnwritable(
                f"{self.path}: cannot write the lock file: {error.strerror}. "
                "Free some space, or make it writable for this user.",
            ) from error


class StateLock(_Lock):
    """Held by whoever works on a state folder (decisions: *Runs of the command line*).

    ``serve`` holds it for its life, a run of the command line for that run. ``name`` is
    another one where not the whole folder is meant.
    """

    def __init__(self, state_dir: Path, purpose: Purpose, name: str = "qbm.lock") -> None:
        super().__init__(state_dir / name, purpose)

    def _make_folder(self) -> None:
        make_state_dir(self.path.parent)


class ServerLock(_Lock):
    """Held by whoever works on a server, against runs of this host with other state folders.

    ``server`` is the normalised base URL: the lock ends at this host, so its name needs no
    host in it. ``folder`` is for tests.
    """

    def __init__(self, server: str, purpose: Purpose, folder: Path | None = None) -> None:
        name = hashlib.sha256(server.encode()).hexdigest()[:32]
        super().__init__((folder or runtime_folder()) / f"{name}.lock", purpose)

    def _make_folder(self) -> None:
        _make_private_folder(self.path.parent)


def make_state_dir(folder: Path) -> None:
    """Make the state folder, with mode 0700, if it is missing (spec: config).

    Raises:
        StoreUnwritable: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            f"{folder}: cannot make the state folder: {error.strerror}. "
            "Make its parent writable, or name another folder with QBM_STATE_DIR.",
        ) from error


def runtime_folder() -> Path:
    """The folder of the locks of this host: one per user, at one place for all programs of it.

    Neither in ``XDG_RUNTIME_DIR`` nor in ``TMPDIR``, which a login has and a cron job of the
    same user has not.
    """
    if sys.platform == "win32":
        return Path(tempfile.gettempdir()) / "qbm"
    shared = _SHARED if os.access(_SHARED, os.W_OK) else Path(tempfile.gettempdir())
    return shared / f"qbm-{os.getuid()}"


def _make_private_folder(folder: Path) -> None:
    """Make a folder that only this user can write into, in one that everybody can."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StoreUnwritable(
            f"{folder}: cannot make the folder for locks: {error.strerror}. "
            "Make its parent writable.",
        ) from error
    if sys.platform == "win32":
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StoreError(
            f"{folder}: this should be a folder of user {os.getuid()}, but somebody else made "
            "it, or it is a link. Remove it.",
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StoreError(f"{folder}: others can write here. Run: chmod 700 {folder}")


if sys.platform == "win32":
    _NOFOLLOW = 0
    # Locked bytes cannot be read there, so lock one far behind the text.
    _FAR = 1 << 30

    def _flock(descriptor: int, path: Path) -> bool:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return _is_only_taken(error, path)
        return True

else:
    _NOFOLLOW = os.O_NOFOLLOW

    def _flock(descriptor: int, path: Path) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return _is_only_taken(error, path)
        return True


def _is_only_taken(error: OSError, path: Path) -> bool:
    """False (not locked) if another process holds it; any other trouble is raised."""
    if error.errno in _TAKEN:
        return False
    raise StoreError(
        f"{path}: the file system of this folder cannot lock files ({error.strerror}), so two "
        "runs could not be kept apart. Name a folder on a local disk with QBM_STATE_DIR.",
    ) from error
