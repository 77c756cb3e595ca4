"""Names taken for a move before it is done, so that nothing of anybody else is overwritten.

A claim is an empty file beside the target whose name follows from source and target. It is
made before the target is reserved (an empty file, made only if nothing is there) and goes
last, so that a later attempt of the same move knows what at the target is its own. Needs
neither hard links nor a rename that refuses to overwrite: not every file system has them.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from qbm.gateways.disk.failures import status
from qbm.gateways.disk.finding import is_movable
from qbm.model.stamp import Stamp

_TEMPORARY = re.compile(r"\.qbm-[0-9a-f]{32}\.(claim|part|probe)")


def is_temporary(name: str) -> bool:
    """``name``, without folders, is one that this room gives to files that are soon gone."""
    return _TEMPORARY.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of one move; ``part`` is where a copy grows. All three are in one folder."""

    target: str
    mark: str
    part: str

    @classmethod
    def of(cls, source: str, target: str) -> Self:
        """The same for every attempt of one move."""
        move = f"{source}\0{target}".encode(errors="surrogatepass")
        digest = hashlib.blake2b(move, digest_size=16).hexdigest()
        beside = os.path.join(os.path.dirname(target), f".qbm-{digest}")
        return cls(target, f"{beside}.claim", f"{beside}.part")

    def take(self) -> bool:
        """Have the name of the target; False if something of somebody else is there.

        True also if an earlier attempt had it: then the target is empty, or its whole copy.

        Raises:
            OSError: nothing can be made there.
        """
        is_held = status(self.mark) is not None
        if not is_held:
            if status(self.target) is not None or not _make_folder(os.path.dirname(self.target)):
                return False
            _make_file(self.mark)
        try:
            _make_file(self.target)
        except FileExistsError:
            if not is_held:
                os.unlink(self.mark)
            return is_held
        return True

    def settle(self) -> None:
        """Leave the target as it is, and nothing beside it."""
        for path in (self.part, self.mark):
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)

    def give_up(self) -> None:
        """Leave nothing of an attempt that has moved nothing.

        A whole copy stays, and the mark with it, so that the next attempt goes on from there.
        """
        if status(self.mark) is None:
            return
        if self.is_reserved():
            os.unlink(self.target)
        if status(self.target) is None:
            self.settle()

    def holds(self, expected: Stamp) -> bool:
        """What has the name of the target may be the whole file: told once the source is gone."""
        found = status(self.target)
        return found is not None and is_movable(found) and found.st_size == expected.size

    def is_reserved(self) -> bool:
        """An empty file has the name of the target."""
        found = status(self.target)
        return found is not None and stat.S_ISREG(found.st_mode) and found.st_size == 0


def _make_file(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _make_folder(path: str) -> bool:
    """The folder is there; False if a file has its name, or that of a folder above it."""
    try:
        os.makedirs(path, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    return True
