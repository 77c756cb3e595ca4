"""A Change: one thing to do to the world, with what it expects to find and what it leaves.

("Action" is taken: it is qBittorrent's word for what a share limit does.) Changes are
tagged structs, so the journal stores them as JSON and reads them back as they were.
Everything that handles them is a ``match`` that ends in ``assert_never``.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

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


TorrentChange: TypeAlias = SetCategory | SetAutoManagement | AddTags | RemoveTags
Change: TypeAlias = CreateCategory | TorrentChange
