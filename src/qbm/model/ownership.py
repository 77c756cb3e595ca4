"""Which files are whose: the only ground on which a file may leave its place.

A torrent owns each of its files under every folder it can lie in, under its name and with
qBittorrent's suffix for what is not complete yet (spec: commands, *rem_orphaned*). Of a
removed torrent only what no torrent that stays owns may be moved or deleted, whatever the
names are. All paths are the server's; nothing here looks at a disk but through ``Entries``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Final, Self, TypeAlias

from msgspec import Struct

from qbm.model.paths import is_below, key
from qbm.model.torrent import Torrent, TorrentFile, TorrentHash
from qbm.model.unknown import UNKNOWN, Unknown

INCOMPLETE_SUFFIX: Final = ".!qB"
"""What qBittorrent appends to a file's name until it is complete, if it is set to."""

Entries: TypeAlias = Callable[[str], tuple[Hashable, ...]]
"""What a path stands for on the disk: equal values are the same thing.

First the directory entry itself (its real folder and its name there), then what it leads to:
each hop of a symbolic link, and a folder's own identity, so that a folder mounted or linked
at two places is one. Empty where nothing is. Whatever cannot be looked at must raise, or
stand for its ``key`` alone: silence would read as nobody's.
"""


Links: TypeAlias = Callable[[str], frozenset[Hashable] | Unknown]
"""Where the symbolic links at or below a path lead, as ``Entries`` says it."""


def by_name(path: str) -> tuple[Hashable, ...]:
    """``Entries`` without a disk: a path stands for itself, and all of them exist."""
    return (key(path),)


class OwnFile(Struct, frozen=True):
    """A file on the disk that only the removed torrent owns; ``size`` in bytes, as it should be.

    ``name`` is its path in the torrent, ``path`` where it lies, in the server's notation.
    """

    name: str
    path: str
    size: int


class SharedFile(Struct, frozen=True):
    """A file on the disk that ``owner``, which stays, owns as well."""

    name: str
    path: str
    owner: TorrentHash


class Division(Struct, frozen=True, kw_only=True):
    """A removed torrent's files, by whether they may leave their place.

    ``missing`` are the paths of those that should be there and are not. With any ``unknown``
    (torrents whose files could not be read, maybe itself) nothing is known to be its own, and
    ``own`` is empty.
    """

    own: tuple[OwnFile, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[TorrentHash, ...] = ()


def homes(torrent: Torrent) -> tuple[str, ...]:
    """The folders its files can lie under, that of its content first.

    ``content_path`` shows where the files are now: with automatic management, that differs
    from ``save_path`` until they are moved. Only known folders; without a list of files, the
    one of the content is not known.
    """
    folders = _content_homes(torrent)
    if torrent.save_path is not UNKNOWN:
        folders.append(torrent.save_path)
    if torrent.download_path and not torrent.is_complete:
        folders.append(torrent.download_path)
    unique: dict[str, str] = {}
    for folder in folders:
        unique.setdefault(key(folder), folder)
    return tuple(unique.values())


def owned_paths(torrent: Torrent) -> frozenset[str] | Unknown:
    """All paths that count as its own, whether something is there or not."""
    if not _is_readable(torrent) or torrent.files is UNKNOWN:
        return UNKNOWN
    places = homes(torrent)
    return frozenset(path for each in torrent.files for path in _places(torrent, each, places))


_Tokens: TypeAlias = Callable[[str], frozenset[Hashable]]
_Hashes: TypeAlias = dict[Hashable, set[TorrentHash]]


class Regions:
    """Where the content of many torrents can lie, to find those that may share some.

    Without lists of files, which cost requests: ask for those of the ``rivals`` only. What
    the disk says is kept: it is a view of one moment.
    """

    def __init__(
        self,
        tokens: _Tokens,
        of_regions: _Hashes,
        above_regions: _Hashes,
        led_to: _Hashes,
        of_sizes: _Hashes,
        everywhere: frozenset[TorrentHash],
    ) -> None:
        self._tokens = tokens
        self._led_to = led_to
        self._of_sizes = of_sizes
        self._of_regions = of_regions
        self._above_regions = above_regions
        self._everywhere = everywhere

    @classmethod
    def of(
        cls,
        torrents: Iterable[Torrent],
        entries: Entries = by_name,
        links: Links | None = None,
    ) -> Self:
        """Those of ``torrents``; one that is given twice (as observed and as planned) has both.

        ``links`` tells where symbolic links in a folder lead, which belongs to its torrent as
        well. Without it, and where it does not know, torrents of equal size are rivals.
        """
        of_regions: _Hashes = defaultdict(set)
        above_regions: _Hashes = defaultdict(set)
        of_links: _Hashes = defaultdict(set)
        of_sizes: _Hashes = defaultdict(set)
        everywhere: set[TorrentHash] = set()
        tokens = _tokens(entries)
        for torrent in torrents:
            regions = _regions(torrent)
            led_to = _led_to(regions, links)
            if torrent.total_size and led_to is UNKNOWN:
                of_sizes[torrent.total_size].add(torrent.hash)
            if regions is UNKNOWN:
                everywhere.add(torrent.hash)
                continue
            for token in led_to or ():
                of_regions[token].add(torrent.hash)
                of_links[token].add(torrent.hash)
            for region in regions:
                for token in tokens(region):
                    of_regions[token].add(torrent.hash)
                for token in _above(region, tokens):
                    above_regions[token].add(torrent.hash)
        return cls(tokens, of_regions, above_regions, of_links, of_sizes, frozenset(everywhere))

    def around(self, path: str) -> frozenset[TorrentHash]:
        """The torrents that might own the file at ``path``: their content can lie there."""
        none: set[TorrentHash] = set()
        tokens = self._tokens(path) | _above(path, self._tokens)
        return self._everywhere.union(*(self._of_regions.get(token, none) for token in tokens))

    def leading_to(self, path: str) -> frozenset[TorrentHash]:
        """The torrents in whose folders a symbolic link leads to the file at ``path`` itself."""
        none: set[TorrentHash] = set()
        tokens = self._tokens(path)
        return frozenset().union(*(self._led_to.get(token, none) for token in tokens))

    def rivals(self, removed: Torrent) -> list[TorrentHash]:
        """The torrents that might own a file of ``removed``, in a fixed order, never itself.

        One whose save path is unknown is a rival of all, and all are rivals of such a one. So
        are those of equal size: cross-seeds can consist of symbolic links to its files, and
        where in a folder those are, only their own lists tell.
        """
        paths = owned_paths(removed)
        regions = _regions(removed) if paths is UNKNOWN else paths
        if regions is UNKNOWN:
            return sorted(self._everywhere.union(*self._of_regions.values()) - {removed.hash})
        ends = frozenset().union(*map(self._tokens, regions))
        above = frozenset().union(*(_above(region, self._tokens) for region in regions))
        none: set[TorrentHash] = set()
        found = self._everywhere.union(
            *(self._of_regions.get(token, none) for token in ends | above),
            *(self._above_regions.get(token, none) for token in ends),
            self._of_sizes.get(removed.total_size, none),
        )
        return sorted(found - {removed.hash})


def divided(removed: Torrent, survivors: Iterable[Torrent], entries: Entries = by_name) -> Division:
    """What ``removed`` alone owns, what it shares with ``survivors``, and what is missing.

    ``survivors`` are its rivals that stay, with their files. Those that the plan removes
    before it are none; those that it removes later are, so that a file shared only by removed
    torrents goes with the last of them. Where a file can lie at several places, it is at the
    first that exists (see ``homes``).
    """
    staying = [each for each in survivors if each.hash != removed.hash]
    owners: dict[Hashable, TorrentHash] = {}
    unknown = set() if _has_list(removed) else {removed.hash}
    for torrent in sorted(staying, key=lambda each: each.hash):
        paths = owned_paths(torrent)
        if paths is UNKNOWN:
            unknown.add(torrent.hash)
            continue
        for path in paths:
            for token in entries(path):
                owners.setdefault(token, torrent.hash)
    if unknown or removed.files is UNKNOWN:
        return Division(unknown=tuple(sorted(unknown)))
    return _divided(removed, removed.files, owners, entries)


def _divided(
    removed: Torrent,
    files: tuple[TorrentFile, ...],
    owners: dict[Hashable, TorrentHash],
    entries: Entries,
) -> Division:
    own: list[OwnFile] = []
    shared: list[SharedFile] = []
    missing: list[str] = []
    taken: set[Hashable] = set()
    folders = homes(removed)
    for file in files:
        places = _places(removed, file, folders)
        path, entry = next(
            ((each, found[0]) for each in places if (found := entries(each))), ("", None)
        )
        if entry is None:
            if _should_exist(removed, file):
                missing.append(places[0])
        elif (owner := owners.get(entry)) is not None:
            shared.append(SharedFile(file.name, path, owner))
        elif entry not in taken:
            taken.add(entry)
            own.append(OwnFile(file.name, path, file.size))
    return Division(own=tuple(own), shared=tuple(shared), missing=tuple(missing))


def _should_exist(torrent: Torrent, file: TorrentFile) -> bool:
    """Some of it has been downloaded; what is not wanted is not waited for either."""
    return file.priority != 0 and (torrent.progress >= 1 or file.progress > 0)


def _has_list(torrent: Torrent) -> bool:
    """Its files are known: an empty list is one only while there is no content at all.

    A server that has just started lists none for torrents it has not loaded yet.
    """
    if torrent.files is UNKNOWN:
        return False
    return bool(torrent.files) or (torrent.progress == 0 and not torrent.total_size)


def _is_readable(torrent: Torrent) -> bool:
    return torrent.save_path is not UNKNOWN and _has_list(torrent)


def _places(torrent: Torrent, file: TorrentFile, folders: Iterable[str]) -> list[str]:
    """Where a file can lie, the likeliest first."""
    names = [file.name.lstrip("/"), file.name.lstrip("/") + INCOMPLETE_SUFFIX]
    if torrent.progress < 1 and file.progress < 1:
        names.reverse()
    return [_below(folder, name) for folder in folders for name in names]


def _below(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


def _content_homes(torrent: Torrent) -> list[str]:
    """The folder whose files ``content_path`` speaks of.

    It names the only file, or the folder that all files have in common, or, where they have
    none, the folder that they are in. One that fits none of these proves nothing: whatever it
    may have meant counts.
    """
    content, files = torrent.content_path, torrent.files
    if content is UNKNOWN or files is UNKNOWN or not content or not files:
        return []
    names = [each.name.strip("/") for each in files]
    if len(names) == 1:
        first = [names[0], names[0] + INCOMPLETE_SUFFIX]
    else:
        tops = {name.partition("/")[0] for name in names}
        if len(tops) > 1 or any("/" not in name for name in names):
            return [content]
        first = [*tops]
    for name in first:
        if (home := _without(content, name)) is not None:
            return [home]
    return [content, _parent(content)]


def _without(path: str, tail: str) -> str | None:
    """``path`` without ``tail`` at its end, by components; None if it does not end so."""
    have, want = path.rstrip("/").split("/"), tail.split("/")
    if len(have) <= len(want) or key("/".join(have[-len(want) :])) != key(tail):
        return None
    return "/".join(have[: -len(want)]) or "/"


def _parent(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0] or "/"


def _regions(torrent: Torrent) -> list[str] | Unknown:
    """Folders or files that hold all its content, told without its list of files.

    A complete torrent has its content where ``content_path`` says; while it is incomplete,
    checked or moved, the other places count as well, as they do on 4.2.5, which does not say.
    """
    if torrent.save_path is UNKNOWN:
        return UNKNOWN
    content = torrent.content_path
    if content is UNKNOWN or not content:
        return [torrent.save_path, *filter(None, [torrent.download_path])]
    if torrent.is_complete and is_below(content, torrent.save_path):
        return [content]
    return [content, torrent.save_path, *filter(None, [torrent.download_path])]


def _above(path: str, tokens: _Tokens) -> frozenset[Hashable]:
    """What the folders that hold ``path`` stand for, the topmost included."""
    parent = _parent(path)
    return frozenset() if parent == path else _above(parent, tokens) | tokens(parent)


def _led_to(regions: Iterable[str] | Unknown, links: Links | None) -> frozenset[Hashable] | Unknown:
    """Where the links in all regions lead."""
    if regions is UNKNOWN or links is None:
        return UNKNOWN
    found: frozenset[Hashable] = frozenset()
    for region in regions:
        led_to = links(region)
        if led_to is UNKNOWN:
            return UNKNOWN
        found |= led_to
    return found


def _tokens(entries: Entries) -> _Tokens:
    """What a path stands for: its name, even where nothing is, and what is on the disk."""

    @cache
    def tokens(path: str) -> frozenset[Hashable]:
        return frozenset((key(path), *entries(path)))

    return tokens
