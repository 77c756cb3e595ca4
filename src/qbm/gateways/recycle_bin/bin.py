"""Where in the recycle bin a file goes: a tree like that of its root, as people know it.

``<bin>/<path below the root>``; with ``split_by_category`` the bin is a folder of the same
name in the torrent's save path (4.14.0 lays its bins out so). Of one explicit bin for several
roots each root has a folder (spec: decisions, *Roots*).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Self

from qbm.config import Config
from qbm.gateways.disk.failures import status
from qbm.model.paths import PathMap, key, root_folder
from qbm.model.torrent import TorrentHash

LONGEST_NAME: Final = 255
"""Bytes of one component, on all file systems that people use."""
_LONGEST_PATH: Final = 3800
"""Bytes of a path, some less than Linux allows: moves need room for names of their own."""
_LONGEST_EXTENSION: Final = 32
_SHORT_HASH: Final = 8
_IMPOSSIBLE: Final = re.compile("[/\0\ud800-\udc7f\udd00-\udfff]")
"""In a name: separators, and what is neither text nor a byte in disguise."""


def safe_name(name: str) -> str:
    """``name`` as one component of a path, the same for the same name, else distinct.

    Neither empty nor ``.`` or ``..``, without ``/`` and NUL, and at most 255 bytes, with its
    extension kept. Whatever had to be changed has a digest of the whole name in it.
    """
    safe = _IMPOSSIBLE.sub("_", name)
    if safe in {"", ".", ".."}:
        safe = "_"
    if safe == name and _size(safe) <= LONGEST_NAME:
        return safe
    whole = name.encode(errors="surrogatepass")
    digest = hashlib.blake2b(whole, digest_size=_SHORT_HASH // 2).hexdigest()
    return _marked(safe, digest)


def _marked(name: str, mark: str) -> str:
    """``name`` with `` [mark]`` before its extension, cut to fit."""
    stem, extension = os.path.splitext(name)
    if _size(extension) > _LONGEST_EXTENSION:
        stem, extension = name, ""
    room = LONGEST_NAME - _size(f" [{mark}]{extension}")
    while _size(stem) > room:
        stem = stem[: -max(1, (_size(stem) - room) // 4)]
    return f"{stem} [{mark}]{extension}"


@dataclass(frozen=True, slots=True)
class Bin:
    """The recycle bin of one config.

    ``folders`` are local: one for all roots, or one for each.
    """

    paths: PathMap
    folders: tuple[str, ...]
    is_split: bool

    @classmethod
    def of(cls, config: Config) -> Self:
        """The bin that ``directory`` and ``recyclebin`` describe."""
        return cls(
            PathMap(config.directory.roots),
            tuple(config.directory.recycle_bin),
            config.recyclebin.split_by_category,
        )

    def folder(self, server_path: str, save_path: str) -> str | None:
        """The bin, a local folder, for what is at ``server_path``; None outside all roots."""
        index = self.paths.root_of(server_path)
        if index is None or not self.folders:
            return None
        of_root = self.folders[index] if len(self.folders) > 1 else self.folders[0]
        home = self.paths.local(save_path) if self.is_split else None
        return of_root if home is None else os.path.join(home, _last(of_root))

    def targets(self, server_path: str, save_path: str, torrent: TorrentHash) -> Iterator[str]:
        """Where the file at ``server_path`` can go, the usual place first, without an end.

        The others have the torrent's hash in them, for where something is there already.
        Nothing if the path is outside all roots.
        """
        folder = self.folder(server_path, save_path)
        below = self.paths.relative(server_path)
        if folder is None or not below:
            return
        names = [safe_name(each) for each in below.split("/")]
        if folder in self.folders:
            names = [*self._name_of_root(server_path), *names]
        if _size("/".join((folder, torrent, *names))) > _LONGEST_PATH:
            names = [safe_name("/".join(names))]
        yield os.path.join(folder, *names)
        yield os.path.join(folder, *names[:-1], _marked(names[-1], torrent[-_SHORT_HASH:]))
        yield os.path.join(folder, torrent, *names)
        for number in count(2):
            yield os.path.join(folder, f"{torrent}-{number}", *names)

    def target(
        self, server_path: str, save_path: str, torrent: TorrentHash, taken: Collection[str] = ()
    ) -> str | None:
        """The first of ``targets`` where nothing is, and that is none of ``taken``.

        Looks at the disk. ``taken`` are the targets that other files have been given. None
        if the path is outside all roots.

        Raises:
            DiskError: the bin cannot be looked at.
        """
        given = {_folded(each) for each in taken}
        for target in self.targets(server_path, save_path, torrent):
            if _folded(target) not in given and _is_free(target):
                return target
        return None

    def _name_of_root(self, server_path: str) -> list[str]:
        """The root's own folder in a bin that serves several roots; none in its own bin."""
        roots = [root for root, _ in self.paths.roots]
        index = self.paths.root_of(server_path)
        if index is None or len(self.folders) > 1:
            return []
        name = root_folder(roots, index)
        return [safe_name(name)] if name else []


class Places:
    """Gives out places for files, each once, where nothing is."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def free(self, path: str) -> str:
        """``path``; if something is in the way, that has a number in its name: ``film [2].mkv``.

        A file where a folder is needed is in the way too. Looks at the disk.

        Raises:
            DiskError: it cannot be looked at.
        """
        place = next(each for each in _numbered(path) if self._can_have(each))
        self._given.add(_folded(place))
        return place

    def _can_have(self, path: str) -> bool:
        return _folded(path) not in self._given and _is_free(path)


def _numbered(path: str) -> Iterator[str]:
    yield path
    obstacle = _obstacle(path)
    folder, name = os.path.split(obstacle)
    for number in count(2):
        yield os.path.join(folder, _marked(name, str(number))) + path[len(obstacle) :]


def _obstacle(path: str) -> str:
    """The folder of ``path`` that is a file; else ``path`` itself."""
    folder = os.path.dirname(path)
    while folder != os.path.dirname(folder):
        if status(folder) is not None and not os.path.isdir(folder):
            return folder
        folder = os.path.dirname(folder)
    return path


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _folded(path: str) -> str:
    """What file systems that do not tell cases apart may take for one name."""
    return key(path).casefold()


def _is_free(target: str) -> bool:
    """Nothing has this name, nor is one of its folders a file."""
    if status(target) is not None:
        return False
    folder = os.path.dirname(target)
    while (found := status(folder)) is None and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return found is not None and os.path.isdir(folder)


def _size(text: str) -> int:
    return len(os.fsencode(text))
