"""The record of a torrent that is about to be removed: what happens to each of its files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from qbm.config import Config
from qbm.gateways import disk
from qbm.gateways.recycle_bin import Bin, FileState, Record, RecordedFile
from qbm.model.change import Content, Disposal
from qbm.model.ownership import Division
from qbm.model.paths import PathMap
from qbm.model.torrent import Torrent, TorrentFile
from qbm.model.unknown import UNKNOWN


class Purpose(Struct, frozen=True):
    """Which run removes a torrent, why, and when."""

    run_id: str
    reason: str
    now: datetime


def record_of(
    torrent: Torrent, content: Content, division: Division, config: Config, purpose: Purpose
) -> Record:
    """What is to be written down of ``torrent`` before it is removed; looks at the disk.

    Raises:
        DiskError: a file or the bin cannot be looked at.
    """
    recording = _Recording(torrent, content, config)
    return Record.of(
        torrent,
        recording.files(division),
        run_id=purpose.run_id,
        reason=purpose.reason,
        removed_at=purpose.now,
        disposal=content.disposal,
    )


class _Recording:
    """Looks up each file, and gives those that go into the bin their places there."""

    def __init__(self, torrent: Torrent, content: Content, config: Config) -> None:
        self._torrent = torrent
        self._content = content
        self._paths = PathMap(config.directory.roots)
        self._bin = Bin.of(config)
        self._taken: list[str] = []

    def files(self, division: Division) -> Iterator[RecordedFile]:
        """All files of the torrent that are or should be there."""
        leaving = frozenset(self._content.files)
        sizes = {each.name: each.size for each in _listed(self._torrent)}
        for own in division.own:
            file = self._looked_up(own.name, own.path, own.size)
            stays = own.path not in leaving
            yield _staying(file, "it was to stay") if stays else self._placed(file)
        for shared in division.shared:
            file = self._looked_up(shared.name, shared.path, sizes.get(shared.name, 0))
            yield _staying(file, f"it belongs to the torrent {shared.owner} as well")
        for path in division.missing:
            name = path.rpartition("/")[2]
            yield RecordedFile(name=name, size=0, source=path, state=FileState.MISSING)

    def _looked_up(self, name: str, path: str, size: int) -> RecordedFile:
        local = self._paths.local(path)
        real = disk.find(local) if local else None
        return RecordedFile(
            name=name,
            size=size,
            source=path,
            local=real or "",
            stamp=disk.stamp(real) if real else None,
        )

    def _placed(self, file: RecordedFile) -> RecordedFile:
        if self._content.disposal is not Disposal.RECYCLE:
            return file
        save_path = self._torrent.save_path or ""
        target = self._bin.target(file.source, save_path, self._torrent.hash, self._taken)
        if target is None:
            return _staying(file, "it is outside directory.root_dir")
        self._taken.append(target)
        return replace(file, target=target)


def elsewhere(record: Record, file: RecordedFile, config: Config) -> RecordedFile:
    """``file`` with another place in the bin, where nothing is.

    Raises:
        DiskError: the bin cannot be looked at.
    """
    taken = [each.target for each in record.files]
    target = Bin.of(config).target(file.source, record.save_path, record.hash, taken)
    return replace(file, target=target or file.target)


def ghost_of(record: Record) -> Torrent:
    """The removed torrent as it was, to look up again whose its files are."""
    files = tuple(
        TorrentFile(each.name, each.size, progress=1.0 if record.progress >= 1 else 0.0)
        for each in record.files
        if each.state is not FileState.MISSING
    )
    return Torrent(
        hash=record.hash,
        name=record.name,
        category=record.category,
        progress=record.progress,
        save_path=record.save_path or UNKNOWN,
        content_path=record.content_path or UNKNOWN,
        download_path=record.download_path,
        added_on=record.added_on,
        files=files,
    )


def _listed(torrent: Torrent) -> tuple[TorrentFile, ...]:
    return () if torrent.files is UNKNOWN else torrent.files


def _staying(file: RecordedFile, why: str) -> RecordedFile:
    return replace(file, state=FileState.KEPT, why=why)
