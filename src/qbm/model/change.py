"""A Change: one thing to do to the world, with what it expects to find and what it leaves.

("Action" is taken: it is qBittorrent's word for what a share limit does.) Changes are
tagged structs, so the journal stores them as JSON and reads them back as they were.
Everything that handles them is a ``match`` that ends in ``assert_never``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from qbm.model.disk import Bin
from qbm.model.limit import GlobalLimits, ShareLimits
from qbm.model.stamp import Stamp
from qbm.model.torrent import TorrentHash


class CreateCategory(Struct, frozen=True, tag=True):
    """Make category ``name``; expects that there is none of that name."""

    name: str
    save_path: str


class SetCategory(Struct, frozen=True, tag=True):
    """Put a torrent into category ``after``; "" is no category."""

    hash: TorrentHash
    before: str
    after: str


class SetAutoManagement(Struct, frozen=True, tag=True):
    """Switch a torrent's Automatic Torrent Management."""

    hash: TorrentHash
    before: bool
    after: bool


class AddTags(Struct, frozen=True, tag=True):
    """Add ``tags``, none of which the torrent has; ``before`` are those that it has."""

    hash: TorrentHash
    tags: tuple[str, ...]
    before: tuple[str, ...] = ()


class RemoveTags(Struct, frozen=True, tag=True):
    """Remove ``tags``, all of which the torrent has; ``before`` are those that it has."""

    hash: TorrentHash
    tags: tuple[str, ...]
    before: tuple[str, ...] = ()


class SetShareLimits(Struct, frozen=True, tag=True):
    """Give a torrent other share limits."""

    hash: TorrentHash
    before: ShareLimits
    after: ShareLimits


class SetUploadLimit(Struct, frozen=True, tag=True):
    """Give a torrent another upload limit, in bytes per second; 0 is none."""

    hash: TorrentHash
    before: int
    after: int


class Start(Struct, frozen=True, tag=True):
    """Start a torrent that is stopped."""

    hash: TorrentHash


class Recheck(Struct, frozen=True, tag=True):
    """Have the server look through the content of a torrent that has none yet by its count."""

    hash: TorrentHash


class SetPreferences(Struct, frozen=True, tag=True):
    """Change the server's own limits for all torrents."""

    before: GlobalLimits
    after: GlobalLimits


class Disposal(StrEnum):
    """What becomes of the files of a removed torrent."""

    RECYCLE = "recycle"
    """Its own files go into the recycle bin, one by one."""
    DELETE = "delete"
    """Its own files are deleted one by one, because others of them stay."""
    SERVER_DELETES = "server_deletes"
    """The server deletes all of them."""
    KEEP = "keep"
    """All stay where they are."""


class Content(Struct, frozen=True, kw_only=True):
    """A removed torrent's files, as far as they are on the disk; ``size`` in bytes.

    ``files`` leave their place; ``shared`` stay because another torrent owns them; both as
    the server writes them. ``size`` is that of ``files``. ``missing`` counts those that are not
    where they should be.
    """

    disposal: Disposal
    files: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    missing: int = 0
    size: int = 0


class RemoveTorrent(Struct, frozen=True, tag=True, kw_only=True):
    """Take a torrent off the server, and its content unless that is shared.

    ``tags``, ``category`` and ``save_path`` are what it is expected to have; with
    ``unless_working`` it stays if one of its trackers works by then. ``content`` is None as
    long as nobody has looked at its files.
    """

    hash: TorrentHash
    category: str
    tags: tuple[str, ...]
    save_path: str
    unless_working: bool = False
    content: Content | None = None

    @property
    def moves_content(self) -> bool:
        """Some file leaves its place; what the counter ``deleted_contents`` counts."""
        if self.content is None or self.content.disposal is Disposal.KEEP:
            return False
        return bool(self.content.files)


class RestoreTorrent(Struct, frozen=True, tag=True, kw_only=True):
    """Bring a removed torrent back, stopped, with its files; run ``removed_by`` removed it.

    ``files`` are the places that its files go back to, as this machine names them; ``size`` is
    theirs, in bytes.
    """

    hash: TorrentHash
    removed_by: str
    files: tuple[str, ...] = ()
    size: int = 0


class MoveFile(Struct, frozen=True, tag=True, kw_only=True):
    """Move a file that no torrent owns; both paths are this machine's, as the disk spells them.

    ``stamp`` is the file that is meant: another one at the same path stays, and so does one
    that has got more hard links than ``links`` since; None is any number.
    """

    source: str
    target: str
    stamp: Stamp
    links: int | None = None


class DeleteFile(Struct, frozen=True, tag=True, kw_only=True):
    """Delete for good a file that no torrent owns; its fields are as in ``MoveFile``.

    ``bin`` is where it has waited, None if it lies among the downloads.
    """

    path: str
    stamp: Stamp
    bin: Bin | None = None
    links: int | None = None


TorrentChange: TypeAlias = (
    SetCategory
    | SetAutoManagement
    | AddTags
    | RemoveTags
    | SetShareLimits
    | SetUploadLimit
    | Start
    | Recheck
    | RemoveTorrent
    | RestoreTorrent
)
ServerChange: TypeAlias = CreateCategory | SetPreferences
"""About the server, and no torrent."""
FileChange: TypeAlias = MoveFile | DeleteFile
"""About a file, and no torrent."""
Change: TypeAlias = ServerChange | FileChange | TorrentChange


def torrent_of(change: Change) -> TorrentHash | None:
    """The torrent that a change is about; None if it is about none."""
    return None if isinstance(change, ServerChange | FileChange) else change.hash
