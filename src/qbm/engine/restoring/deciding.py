"""Whether a removed torrent can be brought back, and which files; looked up, nothing touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from msgspec import Struct

from qbm.config import Config
from qbm.engine.restoring.stock import Restorable, identities
from qbm.gateways import disk
from qbm.gateways.recycle_bin import FileState, Record, RecordedFile
from qbm.model.change import RestoreTorrent
from qbm.model.metainfo import metainfo_of
from qbm.model.paths import PathMap, key, legible
from qbm.model.snapshot import Snapshot

_NAMES_LISTED = 3
_PADDING = ".pad"


class Restoration(Struct, frozen=True):
    """What is to be done; ``lost`` names what is not there any more, each with the reason."""

    change: RestoreTorrent
    lost: tuple[str, ...] = ()


class Obstacle(Struct, frozen=True):
    """Why a torrent is not restored, in words without a full stop."""

    why: str


def decided(
    restorable: Restorable,
    torrent: bytes,
    shown: Snapshot,
    config: Config,
    *,
    is_partly: bool = False,
) -> Restoration | Obstacle:
    """What restoring is to do, or what is in its way; blocks.

    ``torrent`` is its ``.torrent``, b"" if none is kept. With ``is_partly`` files that are lost
    are no obstacle.

    Raises:
        DiskError: a file or folder cannot be looked at.
    """
    record = restorable.record
    if obstacle := _of_torrent(record, torrent, shown):
        return Obstacle(obstacle)
    leaving = [each for each in record.files if each.state is FileState.MOVED]
    lost = tuple(_lost(record))
    if lost and not is_partly:
        return Obstacle(
            f"not all of its files are there ({_listed(lost)}). With --partly the others are put "
            "back, and qBittorrent has to download the rest"
        )
    paths = PathMap(config.directory.roots)
    there = [each for each in leaving if _why_lost(each) is None]
    if obstacle := next(_of_files(record, there, paths), None):
        return Obstacle(obstacle)
    change = RestoreTorrent(
        hash=record.hash,
        removed_by=record.run_id,
        files=tuple(place(each, paths) for each in there),
        size=sum(each.size for each in there),
    )
    return Restoration(change, lost)


def place(file: RecordedFile, paths: PathMap) -> str:
    """Where the file belongs, on this machine as it is now; "" outside all roots.

    As the disk spelled it then, if the roots are where they were.
    """
    local = paths.local(file.source)
    if local is None:
        return ""
    return file.local if key(local) == key(file.local) else local


def is_lost(file: RecordedFile) -> bool:
    """A file of the bin that is there no more, or another one by now.

    Raises:
        DiskError: it cannot be looked at.
    """
    return _why_lost(file) is not None


def wanted(record: Record) -> frozenset[str]:
    """The files that are to be downloaded, without those that 4.2.5 lists to fill up pieces."""
    return frozenset(
        each.name
        for each in record.listing
        if each.priority and _PADDING not in each.name.split("/")
    )


def _of_torrent(record: Record, torrent: bytes, shown: Snapshot) -> str | None:
    if not identities(record).isdisjoint(shown.torrents):
        return "qBittorrent has that torrent"
    if not torrent:
        return (
            "its .torrent was not kept: put its files back by hand, and add the torrent from its "
            "tracker's page"
        )
    try:
        hashes = metainfo_of(torrent).hashes
    except ValueError as error:
        return f"what was kept as its .torrent cannot be read ({error})"
    if identities(record).isdisjoint(hashes):
        return "what was kept as its .torrent is that of another torrent"
    if any(each.state is FileState.PLANNED for each in record.files):
        return "its removal was cut off: the next run ends it, then it can be restored"
    return None


def _lost(record: Record) -> Iterator[str]:
    for each in record.files:
        why = _why_lost(each)
        is_home = each.state in {FileState.KEPT, FileState.RESTORED}
        if is_home and each.local and disk.stamp(each.local) is None:
            why = f"is not at {legible(each.local)} any more"
        if why is not None and (not record.listing or each.name in wanted(record)):
            yield f"{legible(each.name)} {why}"


def _why_lost(file: RecordedFile) -> str | None:
    match file.state:
        case FileState.MOVED:
            found = disk.stamp(file.target)
            if found is None:
                return f"is not in the bin at {legible(file.target)} any more"
            if file.stamp is not None and not _is_same(file.stamp, found):
                return f"was changed in the bin ({legible(file.target)})"
            return None
        case FileState.DELETED:
            return "was deleted for good"
        case _:
            return None


def _is_same(stamp: disk.Stamp, found: disk.Stamp) -> bool:
    """A copy on another device has other numbers, but the same size and mtime."""
    return (stamp.size, stamp.mtime_ns) == (found.size, found.mtime_ns)


def _of_files(record: Record, leaving: Sequence[RecordedFile], paths: PathMap) -> Iterator[str]:
    """What is in the way of files that go back."""
    for root in dict.fromkeys(_root(each, paths) for each in record.files):
        if root is not None and not disk.has_entries(root):
            yield f"{legible(root)} is empty or not there: see that the disk is mounted"
    if record.save_path and paths.root_of(record.save_path) is None:
        yield (
            f"its save path {legible(record.save_path)} is not in directory.root_dir, so nobody "
            "knows where that is on this machine"
        )
    across = 0
    for each in leaving:
        there = place(each, paths)
        if not there:
            yield f"{legible(each.source)} is not in directory.root_dir"
            continue
        if disk.stamp(there) is not None:
            yield f"something else is at {legible(there)}: move that away first"
        folder = str(PurePath(there).parent)
        across += each.size if disk.is_across(each.target, folder) else 0
        if obstacle := disk.can_move(each.target, folder, across):
            yield obstacle


def _root(file: RecordedFile, paths: PathMap) -> str | None:
    index = paths.root_of(file.source)
    return None if index is None else paths.roots[index][1]


def _listed(lost: Sequence[str]) -> str:
    more = len(lost) - _NAMES_LISTED
    listed = ", ".join(lost[:_NAMES_LISTED])
    return f"{listed} and {more:,} more" if more > 0 else listed
