"""What a run has seen on the disk: files without an owner, hard links, and the bins.

All paths are this machine's, as the disk spells them (bytes that are no text come as
surrogate escapes); the engine looks, the commands decide.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from qbm.model.stamp import Stamp


class Stray(Struct, frozen=True, kw_only=True, gc=False):
    """A regular file below a root that no torrent of any server is known to own.

    ``root`` is the index of its root in ``directory.roots``, ``relative`` its path below it.
    ``changed_at_ns`` is its ``st_ctime_ns``: a new hard link to an old file has a new one.
    ``links`` is its ``st_nlink``.
    """

    root: int
    relative: str
    path: str
    stamp: Stamp
    changed_at_ns: int
    links: int = 1


class Misplaced(Struct, frozen=True):
    """A complete torrent whose content is not at ``path``, where the path mapping puts it."""

    name: str
    path: str


class Vanished(Struct, frozen=True):
    """``number`` of the ``remembered`` torrents are gone: too many to believe for ``minutes``."""

    number: int
    remembered: int
    minutes: int


class Tree(Struct, frozen=True, kw_only=True):
    """The roots beside the torrents, listed before any server was asked for its torrents.

    ``absent`` are roots that are missing or empty; ``unreadable`` the folders that could not
    be read, each with the reason; ``unheard`` the servers whose configs share a root and that
    could not be asked (or are still loading), each with the reason. ``listless`` are the names
    of complete torrents that report no files. ``complete`` counts the complete torrents with
    content below the roots, ``misplaced`` are those of them that are not there; ``inside``
    counts all torrents that have their content below a root, below that with the fewest of
    them if there are several roots. ``vanished`` tells of torrents that were there at the last
    run and are gone, if those are many. ``listed_at_ns`` is when the disk
    began to be read, in nanoseconds since 1970.
    """

    strays: tuple[Stray, ...] = ()
    absent: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unheard: tuple[tuple[str, str], ...] = ()
    listless: tuple[str, ...] = ()
    inside: int = 0
    complete: int = 0
    misplaced: tuple[Misplaced, ...] = ()
    vanished: Vanished | None = None
    listed_at_ns: int | None = None


class Doubt(StrEnum):
    """Why the hard links of a file are not known."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SYMLINK = "symlink"
    """It is a symbolic link, or lies behind one that leads out of the torrent."""
    OUTSIDE = "outside"
    """It is below no root."""
    UNPROVEN = "unproven"
    """The file system's numbers for files prove nothing, or contradict each other."""
    UNSEEN = "unseen"
    """Some part of the roots could not be read, so links in there were not seen."""


class FileLinks(Struct, frozen=True, kw_only=True, gc=False):
    """The hard links of one large file of a torrent; ``path`` where it is, ``size`` in bytes.

    ``links`` is ``st_nlink``. Of these names ``in_roots`` were seen below the roots and in the
    bins, itself included; ``in_category`` in the folders of the torrent's category. With a
    ``doubt`` the numbers mean nothing.
    """

    path: str
    size: int
    device: int = 0
    inode: int = 0
    links: int = 0
    in_roots: int = 0
    in_category: int = 0
    doubt: Doubt | None = None


class LinkScope(StrEnum):
    """Where else the large files of a torrent have names, all of them taken together."""

    NONE = "none"
    TORRENTS_ONLY = "torrents_only"
    """In the roots, such as in another torrent or a bin, but nowhere outside."""
    OUTSIDE = "outside"
    """Outside the roots, such as in a media library, and nowhere else inside."""
    BOTH = "both"


class Bin(StrEnum):
    """The two places where files wait before they are deleted for good."""

    RECYCLE_BIN = "recycle_bin"
    ORPHANED_DIR = "orphaned_dir"


class BinnedFile(Struct, frozen=True, kw_only=True, gc=False):
    """A file in a bin, and when it was put there; ``is_recorded`` if that was written down.

    Of a file of unknown origin it is the later of its mtime and ctime (decisions: *Time in a
    bin*).
    """

    bin: Bin
    path: str
    stamp: Stamp
    put_at: datetime
    is_recorded: bool
