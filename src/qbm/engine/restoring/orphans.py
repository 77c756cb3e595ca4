"""Orphans that were put away, back to where they were; nothing there is overwritten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from msgspec import Struct

from qbm.config import Config
from qbm.engine.carrying import Carrier, brought_to_disk, kept_folders
from qbm.engine.lease import Lease
from qbm.engine.tools import Tools
from qbm.errors import DiskError
from qbm.gateways import disk
from qbm.model.change import MoveFile
from qbm.model.command import CommandName
from qbm.model.paths import is_below, key, legible, root_folder
from qbm.model.plan import Applied, Failed, Outcome, Planned, Stale
from qbm.model.reason import Code, because
from qbm.store import MovedOrphan


class Homeless(Struct, frozen=True):
    """An orphan that is not restored: its path, and why, in words without a full stop."""

    path: str
    why: str


def homecoming(
    paths: Iterable[str], orphans: Iterable[MovedOrphan], config: Config
) -> Iterator[Planned | Homeless]:
    """For each of ``paths``, an orphan's or a folder's of orphans, what is to be done; blocks.

    Where a run has not written down where one was, its place below its folder of orphans
    tells. A path outside all of them is passed over.

    Raises:
        DiskError: something cannot be looked at.
    """
    moved = {key(each.target): each for each in orphans}
    for path in paths:
        bins = [each for each in config.directory.orphaned_dir if is_below(path, each)]
        if not bins:
            continue
        found = list(_files(path))
        if not found:
            yield Homeless(path, "nothing is there")
        for each in found:
            yield _planned(each, moved.get(key(each)), max(bins, key=len), config)


def _files(path: str) -> Iterator[str]:
    """``path`` itself, or all files in it if it is a folder."""
    if not disk.is_folder(path):
        if disk.stamp(path) is not None:
            yield path
        return
    scan = disk.scan([path], is_entered=lambda _: True)
    for folder in scan.folders.values() if scan is not None else ():
        yield from (
            f"{folder.path.rstrip('/')}/{name}" for name in [*folder.names, *folder.symlinks]
        )


def _planned(
    path: str, moved: MovedOrphan | None, orphaned_dir: str, config: Config
) -> Planned | Homeless:
    stamp = disk.stamp(path)
    source = moved.source if moved is not None else _guessed(path, orphaned_dir, config)
    if stamp is None or source is None:
        return Homeless(path, "nobody knows where it was")
    if disk.stamp(source) is not None:
        return Homeless(path, f"something else is at {legible(source)}: move that away first")
    if obstacle := disk.can_move(path, str(PurePath(source).parent)):
        return Homeless(path, obstacle)
    moved_at = f"{moved.moved_at:%Y-%m-%d %H:%M}" if moved is not None else "an unknown time"
    return Planned(
        MoveFile(source=path, target=source, stamp=stamp),
        CommandName.RESTORE,
        because(Code.ORPHAN_RESTORED, moved_at=moved_at),
    )


def _guessed(path: str, orphaned_dir: str, config: Config) -> str | None:
    """Where it was by its place in the folder of orphans, which is laid out as the roots are."""
    below = path[len(orphaned_dir.rstrip("/")) :].lstrip("/")
    locals_ = [local for _, local in config.directory.roots]
    index = config.directory.orphaned_dir.index(orphaned_dir)
    if len(config.directory.orphaned_dir) > 1 or len(locals_) == 1:
        return f"{locals_[index].rstrip('/')}/{below}"
    servers = [server for server, _ in config.directory.roots]
    for number, local in enumerate(locals_):
        folder = root_folder(servers, number)
        if below.startswith(f"{folder}/"):
            return f"{local.rstrip('/')}/{below[len(folder) + 1 :]}"
    return None


class Returner:
    """Carries orphans home for the run that holds ``lease``."""

    def __init__(self, lease: Lease, config: Config, tools: Tools) -> None:
        self._lease = lease
        self._config = config
        self._tools = tools
        self._carrier = Carrier(lease)

    async def bring_back(self, change: MoveFile) -> Outcome:
        """Move one orphan to where it was; it is intended already.

        Raises:
            Interrupted: a stop was asked for in a long copy; the file is where it was.
            LeaseLost: another run has the server now.
            StoreError: it could not be written down.
        """
        try:
            fate = await self._carrier.move(
                change.source, change.target, change.stamp, change.source
            )
        except DiskError as error:
            return Failed(str(error))
        match fate:
            case disk.Fate.DONE:
                self._tools.store.forget_orphans([change.source])
                return Applied()
            case disk.Fate.OCCUPIED:
                return Stale(f"something else is at {legible(change.target)} meanwhile")
            case disk.Fate.STOPPED:
                raise self._tools.stop.error("the file that was being copied is where it was.")
            case _:
                return Stale("it was changed or taken away meanwhile")

    async def sweep(self, changes: Sequence[MoveFile]) -> None:
        """Have the names survive a power cut; folders that this has left empty go."""
        homes = {str(PurePath(each.target).parent) for each in changes}
        left = {str(PurePath(each.source).parent) for each in changes}
        keep = kept_folders(self._config, ())
        try:
            await asyncio.to_thread(brought_to_disk, homes)
            await asyncio.to_thread(disk.remove_empty_folders, left, keep=keep)
        except DiskError as error:
            self._tools.log.warning("warning", text=str(error))
