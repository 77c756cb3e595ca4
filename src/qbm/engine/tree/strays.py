"""The files below the roots that no torrent of any server owns.

A torrent's file is told by the folder it is in, known by device and inode, and by its name
there: symbolic links and bind mounts on the way, and the spelling of accents, do not matter.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from qbm.commands.rem_orphaned import orphans_of
from qbm.config import Config
from qbm.engine.neighbours import Everyone, everyone
from qbm.engine.owning import UNWANTED_FOLDER, still_unowned
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.gateways.disk import Scan, ScannedFolder
from qbm.model.disk import Misplaced, Stray, Tree, Vanished
from qbm.model.ownership import homes, owned_paths
from qbm.model.paths import PathMap, is_below
from qbm.model.snapshot import Snapshot
from qbm.model.torrent import Torrent, TorrentHash
from qbm.model.unknown import UNKNOWN

_SYSTEM: Final = frozenset({"lost+found", "@eaDir", ".snapshots"})
_TRASH: Final = ".Trash"
_MASS: Final = 5
_MASS_PERCENT: Final = 10
"""As many torrents may be gone since the last run without anybody wondering."""
_LOADING_TAKES: Final = timedelta(minutes=10)
"""After this a server that has just started shows all its torrents."""

_FolderKey: TypeAlias = tuple[int, int]
"""A folder on the disk, wherever it is reached: its device and inode."""


async def scanned(config: Config, tools: Tools) -> Scan:
    """The roots as they are now; no folder that never has orphans in it (see ``entered``).

    Raises:
        Interrupted: a stop was requested meanwhile.
    """
    found = await asyncio.to_thread(
        disk.scan,
        config.directory.remote_dir,
        is_entered=entered(config),
        is_stopped=lambda: tools.stop.is_requested,
    )
    if found is None:
        raise tools.stop.error("nothing was left half done.")
    return found


def entered(config: Config) -> Callable[[str], bool]:
    """Whether a folder below the roots may hold orphans; the others are not even listed.

    Not the bins and folders of their names at any depth, those of the system (decisions:
    *Roots*), nor one of which a pattern excludes all that is in it.
    """
    bins = [*config.directory.recycle_bin, *config.directory.orphaned_dir]
    names = {_name(each) for each in bins} | _SYSTEM
    patterns = [each for each in config.orphaned.exclude_patterns if each.endswith("*")]
    roots = _Roots.of(config)

    def is_entered(path: str) -> bool:
        name = _name(path)
        if name in names or name.startswith(_TRASH):
            return False
        ways = [f"{each}/" for each in roots.ways(path)] if patterns else []
        return not any(fnmatchcase(way, pattern) for pattern in patterns for way in ways)

    return is_entered


async def with_tree(
    scan: Scan, snapshot: Snapshot, config: Config, now: datetime, tools: Tools
) -> Snapshot:
    """``snapshot``, which was read after ``scan``, with what lies below the roots beside it.

    What would be taken for an orphan is confirmed with fresh lists of the torrents that could
    own it.

    Raises:
        ServerError: the own server could not be read.
        StoreError: the lists of earlier runs could not be read or written.
    """
    known = await everyone(snapshot, config, tools)
    vanished = _vanished(snapshot, now, tools)
    tree = Tree(
        absent=scan.absent,
        unreadable=scan.unreadable,
        unheard=known.unheard,
        vanished=vanished,
        listed_at_ns=scan.began_ns,
    )
    if tree.absent or tree.unreadable or tree.unheard or vanished or not snapshot.torrents:
        return replace(snapshot, tree=tree)  # it is refused, whatever else there is
    torrents = await known.listed(known.torrents)
    try:
        spared = _Spared(
            frozenset(name for name, _ in known.bins),
            await _incomplete_folders(known, config, tools),
        )
        looking = _Looking(known.paths, _Roots.of(config), spared)
        tree = await asyncio.to_thread(looking.tree, scan, snapshot, torrents)
    except DiskError as error:
        where = config.directory.remote_dir[0]
        return replace(snapshot, tree=replace(tree, unreadable=((where, str(error)),)))
    return replace(snapshot, tree=await _confirmed(tree, config, now, tools))


async def _incomplete_folders(known: Everyone, config: Config, tools: Tools) -> tuple[str, ...]:
    """The folders of incomplete downloads on this machine, below the roots.

    One that is or holds a root would leave nothing to look at, so it is passed over.
    """
    named = [await tools.server.incomplete_folder()]
    named += [each.download_path for each in known.torrents.values() if not each.is_complete]
    local = (known.paths.local(each) for each in dict.fromkeys(named) if each)
    return tuple(
        each
        for each in local
        if each is not None
        and not any(is_below(root, each) for root in config.directory.remote_dir)
    )


async def _confirmed(tree: Tree, config: Config, now: datetime, tools: Tools) -> Tree:
    """``tree`` without the strays that turn out to belong to somebody.

    An old list may lack a file that was renamed in its folder since.
    """
    chosen = [each.path for each in orphans_of(tree, config, now)]
    most = config.orphaned.max_orphaned_files_to_delete
    if not chosen or 0 <= most < len(chosen):
        return tree
    found = await still_unowned(chosen, config, tools)
    owned = frozenset(chosen) - found.unowned
    return replace(
        tree,
        strays=tuple(each for each in tree.strays if each.path not in owned),
        unreadable=(*tree.unreadable, *found.doubts.items()),
    )


def _vanished(snapshot: Snapshot, now: datetime, tools: Tools) -> Vanished | None:
    """The torrents of earlier runs that the server does not show, if those are many.

    A server that has just started may show only some of its torrents yet. If that is how it
    stays, they are forgotten.
    """
    gone, remembered = tools.store.missing(tools.identity, snapshot.torrents.keys(), now)
    is_mass = len(gone) > _MASS and len(gone) * 100 > remembered * _MASS_PERCENT
    if is_mass and now - max(gone.values()) < _LOADING_TAKES:
        return Vanished(len(gone), remembered, int(_LOADING_TAKES.total_seconds() / 60))
    if gone:
        tools.store.keep_file_lists(tools.identity, {}, gone)
    return None


class _Roots(Struct, frozen=True):
    """The roots as the disk spells them, with their indexes and their names on the server."""

    real: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, config: Config) -> _Roots:
        """Those of ``config``; one that is not there as it is written."""
        directory = config.directory
        found = tuple((_found(each) or each).rstrip("/") for each in directory.remote_dir)
        return cls(found, tuple(each.rstrip("/") for each in directory.root_dir))

    def place(self, path: str) -> tuple[int, str] | None:
        """The index of the deepest root that ``path`` is below, and its path below that."""
        above = [
            (len(root), -index)
            for index, root in enumerate(self.real)
            if path == root or path.startswith(f"{root}/")
        ]
        if not above:
            return None
        length, index = max(above)
        return -index, path[length + 1 :]

    def ways(self, path: str) -> list[str]:
        """``path`` as this machine and as the server writes it."""
        placed = self.place(path)
        return [path] if placed is None else [path, f"{self.names[placed[0]]}/{placed[1]}"]


def _found(path: str) -> str | None:
    try:
        return disk.find(path)
    except DiskError:
        return None


class _Spared(Struct, frozen=True):
    """Folders whose files are left alone: names of bins, and places of incomplete downloads."""

    names: frozenset[str]
    folders: tuple[str, ...]

    def found(self, scan: Scan, roots: _Roots) -> frozenset[str]:
        """Those of the listed folders that are, or are in, one of them, by their paths."""
        incomplete = set(map(disk.which_folder, self.folders))
        found: set[str] = set()
        for path, folder in scan.folders.items():  # each comes after the one that it is in
            placed = roots.place(path)
            if (
                placed is None
                or path.rpartition("/")[0] in found
                or (placed[1] and (folder.device, folder.inode) in incomplete)
                or not self.names.isdisjoint(placed[1].split("/"))
            ):
                found.add(path)
        return frozenset(found)


class _Looking(Struct, frozen=True):
    """Compares what was listed with what the torrents own; blocks."""

    paths: PathMap
    roots: _Roots
    spared: _Spared

    def tree(self, scan: Scan, snapshot: Snapshot, torrents: Mapping[TorrentHash, Torrent]) -> Tree:
        """All but the state of the roots themselves; ``torrents`` are everyone's, with files."""
        owned = self._owned(torrents.values(), scan)
        own = [torrents[each] for each in snapshot.torrents if each in torrents]
        inside = [self._root(each) for each in own]
        complete = [
            each
            for each, root in zip(own, inside, strict=True)
            if root is not None and each.is_complete
        ]
        return Tree(
            listed_at_ns=scan.began_ns,
            strays=tuple(self._strays(scan, owned)),
            listless=tuple(each.name for each in torrents.values() if owned_paths(each) is UNKNOWN),
            inside=min(inside.count(index) for index in range(len(self.roots.real))),
            complete=len(complete),
            misplaced=tuple(filter(None, map(self._misplaced, complete))),
        )

    def _root(self, torrent: Torrent) -> int | None:
        """The index of the own root that its content is below."""
        places = [torrent.content_path, torrent.save_path]
        found = (self.paths.root_of(each) for each in places if each)
        index = next((each for each in found if each is not None), None)
        return index if index is not None and index < len(self.roots.real) else None

    def _misplaced(self, torrent: Torrent) -> Misplaced | None:
        """Nothing of it is where the path mapping puts it."""
        files = () if torrent.files is UNKNOWN else torrent.files
        places = [
            local
            for folder in homes(torrent)
            for file in files
            if file.priority and (local := self.paths.local(f"{folder.rstrip('/')}/{file.name}"))
        ]
        if not places or any(map(disk.find, places)):
            return None
        return Misplaced(torrent.name, places[0])

    def _owned(self, torrents: Iterable[Torrent], scan: Scan) -> Mapping[_FolderKey, set[str]]:
        """The names that are owned in each folder, in NFC.

        A path outside all roots is read as this machine's own: what it leads to may be mounted
        below a root as well.
        """
        named: dict[str, set[str]] = defaultdict(set)
        mapped: set[str] = set()
        for torrent in torrents:
            for path in owned_paths(torrent) or ():
                local = self.paths.local(path)
                folder, _, name = (path if local is None else local).rpartition("/")
                named[folder].add(name)
                if local is not None:
                    mapped.add(folder)
        owned: dict[_FolderKey, set[str]] = defaultdict(set)
        linked = {(each.device, each.inode): each for each in scan.folders.values()}
        for folder, names in named.items():
            which = disk.which_folder(folder) if folder in mapped else _outside(folder)
            if which is None:
                continue
            owned[which].update(map(_spelled, names))
            listing = linked.get(which)
            for target in _led_to(folder, names, listing):
                above, _, name = target.rpartition("/")
                place = disk.which_folder(above)
                if place is not None:
                    owned[place].add(_spelled(name))
        return owned

    def _strays(self, scan: Scan, owned: Mapping[_FolderKey, set[str]]) -> Iterator[Stray]:
        spared = self.spared.found(scan, self.roots)
        for folder in scan.folders.values():
            if folder.path in spared:
                continue
            names = _owned_in(folder, scan, owned)
            folded: set[str] | None = None
            for index, name in enumerate(folder.names):
                if name in names or _spelled(name) in names:
                    continue
                if folded is None:
                    folded = {each.casefold() for each in names}
                if _spelled(name).casefold() in folded and _is_one(folder.path, name, names):
                    continue
                stray = self._stray(folder, index)
                if stray is not None:
                    yield stray

    def _stray(self, folder: ScannedFolder, index: int) -> Stray | None:
        path = f"{folder.path.rstrip('/')}/{folder.names[index]}"
        placed = self.roots.place(path)
        if placed is None:
            return None
        told = folder.stat(index)
        root, relative = placed
        return Stray(
            root=root,
            relative=relative,
            path=path,
            stamp=told.stamp,
            changed_at_ns=told.ctime_ns,
            links=told.links,
        )


def _outside(folder: str) -> _FolderKey | None:
    """Which folder that is, if this machine has it: a server elsewhere may mean its own."""
    try:
        return disk.which_folder(folder) if folder.startswith("/") else None
    except DiskError:
        return None


def _owned_in(folder: ScannedFolder, scan: Scan, owned: Mapping[_FolderKey, set[str]]) -> set[str]:
    """The names that are owned in ``folder``; what is not wanted belongs in the one above."""
    names = owned.get((folder.device, folder.inode), set())
    above, _, name = folder.path.rpartition("/")
    if name != UNWANTED_FOLDER or above not in scan.folders:
        return names
    return names | _owned_in(scan.folders[above], scan, owned)


def _led_to(folder: str, names: Iterable[str], listing: ScannedFolder | None) -> Iterator[str]:
    """Where those of ``names`` that are symbolic links lead in the end."""
    if listing is not None:
        links = {_spelled(each): each for each in listing.symlinks}
        names = [links[spelled] for each in names if (spelled := _spelled(each)) in links]
    yield from filter(None, (disk.ends_at(f"{folder}/{each}") for each in names))


def _is_one(folder: str, name: str, names: Iterable[str]) -> bool:
    """The file system does not tell ``name`` from an owned one of other case."""
    wanted = _spelled(name).casefold()
    alike = (each for each in names if each.casefold() == wanted)
    return any(disk.same_entry(f"{folder}/{name}", f"{folder}/{each}") for each in alike)


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _spelled(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)
