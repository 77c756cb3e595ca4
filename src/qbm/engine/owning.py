"""Whether files belong to a torrent of any server, asked right before they are touched."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from msgspec import Struct, field

from qbm.config import Config
from qbm.engine.neighbours import Everyone, everyone, is_loading
from qbm.engine.removal.entries import OnDisk
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.model.ownership import Regions, owned_paths
from qbm.model.paths import PathMap, is_below
from qbm.model.snapshot import Category
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_HERE: Final = "/<this machine>"
"""Stands for this machine's own paths among those of servers; no disk has such a folder."""
UNWANTED_FOLDER: Final = ".unwanted"
"""Where qBittorrent may keep files that are not to be downloaded, in the folder of each."""
_LOADING: Final = "qBittorrent is still loading its torrents"


class StillUnowned(Struct, frozen=True, kw_only=True):
    """Of some files (paths of this machine) those that no torrent of any server owns.

    ``owners`` has the names of the torrents that own one of the others, ``doubts`` why it
    cannot be told whether somebody does. ``categories`` are the own server's.
    """

    unowned: frozenset[str] = frozenset()
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    categories: tuple[Category, ...] = ()

    @property
    def why(self) -> str:
        """The first of the doubts; "" if there is none."""
        return next(iter(self.doubts.values()), "")

    def why_not(self, path: str) -> str | None:
        """What speaks against touching ``path``, in words; None if nothing does."""
        if path in self.unowned:
            return None
        if path in self.owners:
            return f"it belongs to {', '.join(self.owners[path])} by now"
        return f"whose it is cannot be told: {self.doubts.get(path, 'nobody was asked')}"


async def still_unowned(paths: Sequence[str], config: Config, tools: Tools) -> StillUnowned:
    """Ask all servers for their torrents, and those whose content may lie there for their files.

    What is not certain is no unowned file. That the own server has no torrents at all is no
    doubt: whoever plans must know whether that can be.

    Raises:
        ServerError: the own server could not be read.
    """
    snapshot = await tools.server.snapshot(frozenset())
    categories = tuple(snapshot.categories.values())
    known = await everyone(snapshot, config, tools)
    if is_loading(snapshot):
        return _in_doubt(paths, _LOADING, categories)
    if known.unheard:
        config_file, why = known.unheard[0]
        return _in_doubt(paths, f"the server of {config_file} may own it: {why}", categories)
    try:
        looking = await asyncio.to_thread(_Looking, known, config.directory.remote_dir)
        rivals = await asyncio.to_thread(looking.rivals, paths)
        asked = frozenset().union(*rivals.values())
        listed = await known.listed_anew(asked)
        return await asyncio.to_thread(looking.found, rivals, listed, categories)
    except DiskError as error:
        return _in_doubt(paths, str(error), categories)


def _in_doubt(paths: Iterable[str], why: str, categories: tuple[Category, ...]) -> StillUnowned:
    return StillUnowned(doubts=dict.fromkeys(paths, why), categories=categories)


class _Looking:
    """The torrents of one moment, with what their paths stand for on the disk."""

    def __init__(self, known: Everyone, roots: Sequence[str]) -> None:
        self._bins = dict(known.bins)
        self._roots = roots
        self._torrents = known.torrents
        self._entries = OnDisk(PathMap((*known.paths.roots, (_HERE, "/"))))
        self._regions = Regions.of(known.torrents.values(), self._entries, self._entries.links)

    def rivals(self, paths: Iterable[str]) -> dict[str, frozenset[TorrentHash]]:
        """For each path the torrents that might own it."""
        return {each: self._regions.around(_HERE + each) for each in paths}

    def found(
        self,
        rivals: Mapping[str, Collection[TorrentHash]],
        listed: Mapping[TorrentHash, Torrent],
        categories: tuple[Category, ...],
    ) -> StillUnowned:
        """What comes of their lists of files."""
        owned = self._owned({_folded(path) for path in rivals}, listed.values())
        unlisted = {each.hash for each in listed.values() if owned_paths(each) is UNKNOWN}
        owners: dict[str, tuple[str, ...]] = {}
        doubts: dict[str, str] = {}
        for path, others in rivals.items():
            tokens = self._entries(_HERE + path)
            owning = set(self._regions.leading_to(_HERE + path)).union(
                *(owned.get(token, ()) for token in tokens)
            )
            if other := self._bin_of(path):
                owners[path] = (f"a bin of {other}",)
            elif owning:
                owners[path] = tuple(sorted(self._torrents[each].name for each in owning))
            elif unclear := sorted(unlisted.intersection(others)):
                name = self._torrents[unclear[0]].name
                doubts[path] = f"the files of {name} could not be read"
        unowned = frozenset(rivals) - owners.keys() - doubts.keys()
        return StillUnowned(unowned=unowned, owners=owners, doubts=doubts, categories=categories)

    def _bin_of(self, path: str) -> str | None:
        """The config in whose bin it is, by the name that a folder below our roots has."""
        inside = (path[len(each) :] for each in self._roots if is_below(path, each))
        below = max(inside, key=len, default="")
        named = (self._bins[each] for each in PurePath(below).parts[:-1] if each in self._bins)
        return next(named, None)

    def _owned(
        self, names: Collection[str], torrents: Iterable[Torrent]
    ) -> Mapping[Hashable, set[TorrentHash]]:
        """What the files of ``torrents`` stand for, as far as they have one of ``names``.

        A file of another name is another entry; what is reached by links, ``leading_to`` tells.
        """
        owned: dict[Hashable, set[TorrentHash]] = defaultdict(set)
        for torrent in torrents:
            for path in owned_paths(torrent) or ():
                if _folded(path) in names:
                    for token in (*self._entries(path), *self._entries(_unwanted(path))):
                        owned[token].add(torrent.hash)
        return owned


def _unwanted(path: str) -> str:
    """Where qBittorrent 5 may keep that file while it is not wanted; it lists it without."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{UNWANTED_FOLDER}/{name}"


def _folded(path: str) -> str:
    """A file's name as careless file systems compare it."""
    return unicodedata.normalize("NFC", path.rpartition("/")[2]).casefold()
