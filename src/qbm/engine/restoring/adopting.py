"""A removed torrent of the older tool as a record, as far as its copies in the bin tell.

Its ``.fastresume`` knows the save path, the tags and more; without one the save path follows
from where ``torrents_json`` says that the files were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.gateways import disk
from qbm.gateways.recycle_bin import ClassicCopy, FileState, Record, RecordedFile
from qbm.model.change import Disposal
from qbm.model.metainfo import Metainfo, bdecoded, metainfo_of
from qbm.model.paths import PathMap
from qbm.model.torrent import TorrentFile

_WHY = "removed by an older tool"


def adopted(copy: ClassicCopy, folder: str, config: Config) -> Record | None:
    """The record of ``copy``, found in the bin at ``folder``; None if its place is not known.

    Its run has no id until a run adopts it. Looks at the disk.

    Raises:
        DiskError: the bin or a file cannot be looked at.
    """
    metainfo = metainfo_of(copy.torrent)
    resume = _Resume.of(copy.resume)
    listing = resume.listed(metainfo)
    save_path = resume.save_path or _save_path(copy, listing, config)
    if not metainfo.hashes or not save_path:
        return None
    paths = PathMap(config.directory.roots)
    return Record(
        run_id="",
        reason=_WHY,
        removed_at=copy.kept_at,
        disposal=Disposal.RECYCLE,
        hash=metainfo.hashes[0],
        infohash_v1=metainfo.infohash_v1,
        infohash_v2=metainfo.infohash_v2,
        name=resume.name or copy.name or metainfo.name,
        category=copy.category or resume.category,
        tags=resume.tags,
        save_path=save_path,
        is_stopped=True,
        added_on=copy.kept_at,
        can_restore=True,
        files=tuple(_files(listing, save_path, folder, paths)),
        listing=listing,
    )


class _Resume(Struct, frozen=True):
    """What a ``.fastresume`` tells; all empty without one."""

    save_path: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    name: str = ""
    names: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()

    @classmethod
    def of(cls, raw: bytes) -> _Resume:
        try:
            told = bdecoded(raw)
        except ValueError:
            return cls()
        if not isinstance(told, Mapping):
            return cls()
        save_path = _text(told, b"qBt-savePath") or _text(told, b"save_path")
        return cls(
            save_path=save_path.rstrip("/"),
            category=_text(told, b"qBt-category"),
            tags=tuple(map(_decoded, _list(told, b"qBt-tags"))),
            name=_text(told, b"qBt-name"),
            names=tuple(map(_decoded, _list(told, b"mapped_files"))),
            priorities=tuple(
                each for each in _list(told, b"file_priority") if isinstance(each, int)
            ),
        )

    def listed(self, metainfo: Metainfo) -> tuple[TorrentFile, ...]:
        """The files with the names and priorities that they had at last."""
        files = list(metainfo.files)
        if len(self.names) == len(files):
            files = [
                replace(each, name=name or each.name)
                for each, name in zip(files, self.names, strict=True)
            ]
        if len(self.priorities) == len(files):
            files = [
                replace(each, priority=0) if not priority else each
                for each, priority in zip(files, self.priorities, strict=True)
            ]
        return tuple(files)


def _text(told: Mapping[bytes, Any], key: bytes) -> str:
    found = told.get(key)
    return _decoded(found) if isinstance(found, bytes) else ""


def _list(told: Mapping[bytes, Any], key: bytes) -> list[Any]:
    found = told.get(key)
    return found if isinstance(found, list) else []


def _decoded(raw: object) -> str:
    return raw.decode(errors="surrogateescape") if isinstance(raw, bytes) else ""


def _save_path(copy: ClassicCopy, listing: Iterable[TorrentFile], config: Config) -> str:
    """Where its files were, less their names in the torrent, as the server writes it."""
    names = [each.name for each in listing]
    for path in copy.files:
        for name in names:
            if path == name or path.endswith(f"/{name}"):
                folder = path[: -len(name)].rstrip("/")
                root = config.directory.roots[0][0].rstrip("/")
                return folder if folder.startswith("/") else f"{root}/{folder}".rstrip("/")
    return ""


def _files(
    listing: Iterable[TorrentFile], save_path: str, folder: str, paths: PathMap
) -> Iterator[RecordedFile]:
    for each in listing:
        source = f"{save_path.rstrip('/')}/{each.name}"
        below = paths.relative(source)
        target = f"{folder.rstrip('/')}/{below}" if below else ""
        binned = disk.stamp(target) if target else None
        local = paths.local(source) or ""
        file = RecordedFile(name=each.name, size=each.size, source=source, local=local)
        if binned is not None and binned.size == each.size:
            yield replace(file, target=target, stamp=binned, state=FileState.MOVED)
        elif local and (found := disk.stamp(local)) is not None:
            yield replace(file, stamp=found, state=FileState.KEPT, why="it is where it was")
        elif not each.priority:
            yield replace(file, state=FileState.MISSING)
        else:
            yield replace(file, state=FileState.DELETED, why="it is not in the bin")
