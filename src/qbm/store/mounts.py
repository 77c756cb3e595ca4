"""Which journal mode SQLite may use, by the file system that a path is on.

WAL needs memory shared between all processes that use the file, which network and FUSE file
systems do not give (sqlite.org/wal.html; traps: *One SQLite file*).
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath

_WITHOUT_SHARED_MEMORY = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "drvfs",
        "fuse",
        "fuseblk",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    },
)
_OCTAL = re.compile(r"\\([0-7]{3})")


class JournalMode(StrEnum):
    """How SQLite keeps a transaction until it is complete."""

    WAL = "wal"
    TRUNCATE = "truncate"


def journal_mode(path: PurePosixPath, mounts: str) -> JournalMode:
    """The mode for a database at ``path`` (absolute, resolved).

    ``mounts`` is the text of ``/proc/mounts``, empty where the system has none.
    """
    kind = file_system(path, mounts)
    if kind in _WITHOUT_SHARED_MEMORY or kind.startswith("fuse."):
        return JournalMode.TRUNCATE
    return JournalMode.WAL


def file_system(path: PurePosixPath, mounts: str) -> str:
    """The type of the file system that holds ``path``, or "" if ``mounts`` does not say."""
    nearest, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = PurePosixPath(_unescaped(fields[1]))
        # Of two mounts on one point the later one is on top.
        if path.is_relative_to(point) and len(point.parts) >= nearest:
            nearest, kind = len(point.parts), fields[2]
    return kind


def _unescaped(field: str) -> str:
    r"""A mount point as it is: blanks are written ``\040`` in the table."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
